//! What the tree promises about itself: documents that tell the truth, crates that keep apart.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use server_scout_tests::binaries::checkout;

/// Every file below `directory` that ends in one of `endings`, hidden and built ones apart.
fn files(directory: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" || name == "data" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let root = checkout();
    let mut functions = BTreeSet::new();
    for path in files(&root, &[".rs"]) {
        for line in read(&path).lines() {
            let rest = line.trim_start().trim_start_matches("async ");
            if let Some((name, _)) = rest
                .strip_prefix("fn ")
                .and_then(|rest| rest.split_once('('))
            {
                functions.insert(name.to_owned());
            }
        }
    }

    let page = read(&root.join("SECURITY.md"));
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| P"))
        .collect();
    assert_eq!(rows.len(), 12, "twelve promises");
    let mut named = 0;
    for row in rows {
        let shown_by = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for test in quoted(shown_by) {
            let (file, name) = match test.split_once("::") {
                Some((file, name)) => (Some(file), Some(name)),
                None if test.contains('/') => (Some(test), None),
                None => (None, Some(test)),
            };
            if let Some(file) = file.filter(|file| file.contains('/')) {
                assert!(root.join(file).exists(), "{file} of {row}");
            }
            if let Some(name) = name.filter(|name| name.contains('_')) {
                let name = name.rsplit("::").next().unwrap();
                assert!(functions.contains(name), "there is no test {name}: {row}");
                named += 1;
            }
        }
    }
    assert!(named > 20, "only {named} tests are named");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let root = checkout();
    for path in files(&root, &[".md"]) {
        let text = read(&path);
        for part in text.split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap();
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let linked = path.parent().unwrap().join(target);
            assert!(linked.exists(), "{} links to {target}", path.display());
        }
    }
}

#[test]
fn no_crate_reaches_where_the_map_has_no_arrow() {
    let root = checkout();
    for (manifest, foreign) in [
        (
            "agent/Cargo.toml",
            &["server-scout-ui", "poem", "diesel", "reqwest"][..],
        ),
        (
            "api/wire/Cargo.toml",
            &[
                "server-scout",
                "poem",
                "diesel",
                "tokio",
                "reqwest",
                "sysinfo",
            ],
        ),
        (
            "ui/Cargo.toml",
            &["server-scout", "poem", "diesel", "tokio", "reqwest"],
        ),
    ] {
        let text = read(&root.join(manifest));
        let dependencies = text.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for line in dependencies.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            for foreign in foreign {
                assert!(!name.starts_with(foreign), "{manifest} depends on {name}");
            }
        }
    }
}

#[test]
fn what_speaks_http_for_the_agent_can_ask_and_never_answer() {
    for manifest in ["Cargo.toml", "agent/Cargo.toml"] {
        let text = read(&checkout().join(manifest));
        let lines = text.lines().filter(|line| line.starts_with("hyper"));
        let mut lines = lines.peekable();
        assert!(lines.peek().is_some(), "{manifest} has no hyper");
        for line in lines {
            assert!(!line.contains("\"server"), "{manifest}: {line}");
        }
    }
}

#[test]
fn there_is_one_tls_library_with_one_provider() {
    let lock = read(&checkout().join("Cargo.lock"));
    let count = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    assert_eq!(count("rustls"), 1);
    assert_eq!(count("ring"), 1);
    for other in [
        "aws-lc-rs",
        "openssl",
        "openssl-sys",
        "native-tls",
        "boring",
        "rustls-pemfile",
    ] {
        assert_eq!(count(other), 0, "{other}");
    }
    assert!(
        !lock.contains("source = \"git+"),
        "a dependency comes from a repository"
    );
}

#[test]
fn no_file_of_code_has_more_than_five_hundred_lines() {
    for path in files(&checkout(), &[".rs", ".hbs"]) {
        let lines = read(&path).lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
}
