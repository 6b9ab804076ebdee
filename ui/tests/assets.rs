//! What pages load is ours, unchanged and unchangeable.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the files must fail"
)]

use std::fs;
use std::path::{Path, PathBuf};

use server_scout_ui::assets;
use sha2::{Digest, Sha256};

#[test]
fn names_carry_the_hash_of_what_is_served() {
    let mut served = 0;
    for (name, asset) in assets::all() {
        let url = assets::url(name).unwrap();
        let file = url.strip_prefix("/assets/").unwrap();
        assert_eq!(asset.hash, &sha256(asset.bytes)[..16], "{name}");
        assert!(file.contains(&format!(".{}.", asset.hash)), "{url}");
        assert_eq!(assets::find(file).unwrap().bytes, asset.bytes);
        served += 1;
    }
    assert!(served >= 10, "only {served} assets");
}

#[test]
fn only_known_names_are_found() {
    let known = assets::url("app.css")
        .unwrap()
        .strip_prefix("/assets/")
        .unwrap();
    let near = [
        "",
        "app.css",
        "app.0000000000000000.css",
        "../Cargo.toml",
        "..%2fCargo.toml",
        "vendor/uplot-1.6.32/uPlot.min.css",
        &known.to_uppercase(),
        &format!("/{known}"),
        &format!("{known}/"),
        &format!("{known}\0"),
        &format!("./{known}"),
    ]
    .map(ToOwned::to_owned);
    for name in near {
        assert!(assets::find(&name).is_none(), "{name:?}");
    }
}

#[test]
fn content_types_follow_the_extension() {
    for (name, asset) in assets::all() {
        let expected = match Path::new(name).extension().unwrap().to_str().unwrap() {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("no content type is expected for .{other}"),
        };
        assert_eq!(asset.content_type, expected, "{name}");
    }
}

#[test]
fn modules_import_hashed_names_that_exist() {
    let mut imports = 0;
    for (name, asset) in assets::all().filter(|(name, _)| *name != "uplot.js") {
        let text = std::str::from_utf8(asset.bytes).unwrap();
        for import in text.split("from \"./").skip(1) {
            let file = import.split('"').next().unwrap();
            assert!(assets::find(file).is_some(), "{name} imports {file}");
            imports += 1;
        }
    }
    assert!(imports >= 8, "only {imports} imports were found");
}

#[test]
fn every_file_is_served() {
    let vendored = directory().join("vendor");
    for file in files(&directory()) {
        if file.starts_with(&vendored) {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            assets::url(name).is_some(),
            "{name} is not in the list of assets"
        );
        assert!(!bytes.is_empty(), "{name} is empty");
    }
}

#[test]
fn vendored_files_are_unchanged() {
    let mut compared = 0;
    for package in fs::read_dir(directory().join("vendor")).unwrap() {
        let package = package.unwrap().path();
        let table = fs::read_to_string(package.join("VENDORED.md")).unwrap();
        for file in files(&package) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if name == "VENDORED.md" {
                continue;
            }
            let row = table
                .lines()
                .find(|line| line.starts_with(&format!("| {name} |")));
            let row = row.unwrap_or_else(|| panic!("{name} is not in the table"));
            assert!(
                row.contains(&sha256(&fs::read(&file).unwrap())),
                "{name} is not what the table says"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 3);
}

#[test]
fn no_asset_speaks_of_another_host() {
    for (name, asset) in assets::all() {
        let mut text = String::from_utf8(asset.bytes.to_vec()).unwrap();
        for known in [
            "/*! https://github.com/leeoniya/uPlot (v1.6.32) */",
            "http://www.w3.org/2000/svg",
        ] {
            text = text.replace(known, "");
        }
        for outside in [
            "http://",
            "https://",
            "ws://",
            "wss://",
            "url(",
            "@import",
            "sourceMappingURL",
        ] {
            assert!(!text.contains(outside), "{name} has {outside}");
        }
    }
}

/// What the policy forbids does not even stand in our scripts.
#[test]
fn no_script_makes_code_or_markup_from_text() {
    for (name, asset) in
        assets::all().filter(|(name, _)| Path::new(name).extension().is_some_and(|e| e == "js"))
    {
        let text = std::str::from_utf8(asset.bytes).unwrap();
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "setAttribute(\"style\"",
            "cssText",
            "DOMParser",
            "srcdoc",
            "import(",
        ] {
            assert!(!text.contains(sink), "{name} has {sink}");
        }
    }
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/assets"))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}
