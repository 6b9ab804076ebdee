//! P3: the own certificate authority.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use server_scout::clock::Clock;
use server_scout::data_dir::DataDir;
use server_scout::tls::authority::{Authority, AuthorityError};
use server_scout_wire::Timestamp;

fn hosts(names: &[&str]) -> Vec<url::Host> {
    names
        .iter()
        .map(|name| url::Host::parse(name).unwrap())
        .collect()
}

fn fresh() -> (tempfile::TempDir, DataDir) {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = DataDir::create(&dir.path().join("data")).unwrap();
    (dir, data_dir)
}

fn leaf(data_dir: &DataDir) -> Vec<u8> {
    data_dir.read("tls.pem").unwrap().unwrap()
}

#[test]
fn the_authority_is_made_once_and_kept() {
    let (_dir, data_dir) = fresh();
    let names = hosts(&["localhost", "127.0.0.1", "[::1]"]);
    let first = Authority::open(&data_dir, &names, &Clock::system()).unwrap();
    let leaf_before = leaf(&data_dir);
    let second = Authority::open(&data_dir, &names, &Clock::system()).unwrap();
    assert_eq!(first.sha256(), second.sha256());
    assert_eq!(first.sha256().len(), 64);
    assert_eq!(leaf_before, leaf(&data_dir));
}

#[test]
fn the_leaf_is_renewed_before_it_ends_and_the_authority_stays() {
    let (_dir, data_dir) = fresh();
    let (clock, hand) = Clock::manual(Timestamp::now());
    let names = hosts(&["localhost"]);
    let authority = Authority::open(&data_dir, &names, &clock).unwrap();
    let before = (authority.sha256(), leaf(&data_dir));
    hand.advance(Duration::from_hours(59 * 24));
    assert!(!authority.leaf_is_due(&clock));
    hand.advance(Duration::from_hours(2 * 24));
    assert!(authority.leaf_is_due(&clock));
    let authority = Authority::open(&data_dir, &names, &clock).unwrap();
    assert!(!authority.leaf_is_due(&clock));
    assert_eq!(before.0, authority.sha256());
    assert_ne!(before.1, leaf(&data_dir));
}

#[test]
fn fewer_names_get_a_new_leaf_and_foreign_names_are_refused() {
    let (_dir, data_dir) = fresh();
    Authority::open(
        &data_dir,
        &hosts(&["scout.example.org", "127.0.0.1"]),
        &Clock::system(),
    )
    .unwrap();
    let before = leaf(&data_dir);
    Authority::open(&data_dir, &hosts(&["scout.example.org"]), &Clock::system()).unwrap();
    assert_ne!(before, leaf(&data_dir));
    let more = Authority::open(&data_dir, &hosts(&["other.example.org"]), &Clock::system());
    assert!(matches!(more, Err(AuthorityError::HostNotAllowed { .. })));
    let address = Authority::open(&data_dir, &hosts(&["192.0.2.7"]), &Clock::system());
    assert!(matches!(
        address,
        Err(AuthorityError::HostNotAllowed { .. })
    ));
}

#[test]
fn a_damaged_leaf_is_made_again_and_a_damaged_authority_is_not_overwritten() {
    let (_dir, data_dir) = fresh();
    let names = hosts(&["localhost"]);
    let before = Authority::open(&data_dir, &names, &Clock::system())
        .unwrap()
        .sha256();
    data_dir.write("tls.pem", b"nonsense").unwrap();
    let after = Authority::open(&data_dir, &names, &Clock::system()).unwrap();
    assert_eq!(before, after.sha256());
    assert!(leaf(&data_dir).starts_with(b"-----BEGIN CERTIFICATE-----"));
    data_dir.write("ca.pem", b"nonsense").unwrap();
    let damaged = Authority::open(&data_dir, &names, &Clock::system());
    assert!(matches!(damaged, Err(AuthorityError::Damaged { .. })));
    assert_eq!(data_dir.read("ca.pem").unwrap().unwrap(), b"nonsense");
}

#[test]
fn half_an_authority_is_an_error_unless_the_first_start_was_interrupted() {
    let (dir, data_dir) = fresh();
    let names = hosts(&["localhost"]);
    Authority::open(&data_dir, &names, &Clock::system()).unwrap();
    let file = |name: &str| dir.path().join("data").join(name);
    for missing in ["ca.pem", "ca.key"] {
        let kept = std::fs::read(file(missing)).unwrap();
        std::fs::remove_file(file(missing)).unwrap();
        let half = Authority::open(&data_dir, &names, &Clock::system());
        assert!(matches!(half, Err(AuthorityError::Incomplete { missing: m }) if m == missing));
        assert!(!file(missing).exists());
        data_dir.write(missing, &kept).unwrap();
    }
    for made_later in ["ca.pem", "tls.pem", "tls.key"] {
        std::fs::remove_file(file(made_later)).unwrap();
    }
    assert!(Authority::open(&data_dir, &names, &Clock::system()).is_ok());
}
