//! Where the programs under test are.

use std::path::PathBuf;

/// The dashboard's program.
#[must_use]
pub fn dashboard() -> PathBuf {
    find("server-scout")
}

/// The agent's program.
#[must_use]
pub fn agent() -> PathBuf {
    find("server-scout-agent")
}

/// The top of the checkout.
#[must_use]
pub fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a directory of the checkout")
        .to_owned()
}

/// `SERVERSCOUT_BIN_DIR`, or else the directory above the one of the running test.
fn find(name: &str) -> PathBuf {
    let directory = std::env::var_os("SERVERSCOUT_BIN_DIR").map_or_else(
        || {
            let this = std::env::current_exe().expect("a test knows its own path");
            let beside = this.parent().expect("a program lies in a directory");
            match beside.file_name() {
                Some(name) if name == "deps" => beside.parent().unwrap_or(beside).to_owned(),
                _ => beside.to_owned(),
            }
        },
        PathBuf::from,
    );
    let path = directory.join(name);
    assert!(
        path.is_file(),
        "{} does not exist: build the programs first with `cargo build --workspace --bins`, \
         or say where they are with SERVERSCOUT_BIN_DIR",
        path.display()
    );
    path
}
