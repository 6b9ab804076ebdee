//! P3: the own certificate authority.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::time::Duration;

use server_scout::clock::Clock;
use server_scout::data_dir::DataDir;
use server_scout::tls::authority::{self, Authority, AuthorityError};
use server_scout::tls::rotation;
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
    for missing in ["ca.pem", "keys/ca.key"] {
        let kept = std::fs::read(file(missing)).unwrap();
        std::fs::remove_file(file(missing)).unwrap();
        let half = Authority::open(&data_dir, &names, &Clock::system());
        assert!(matches!(half, Err(AuthorityError::Incomplete { missing: m }) if m == missing));
        assert!(!file(missing).exists());
        data_dir.write(missing, &kept).unwrap();
    }
    for made_later in ["ca.pem", "tls.pem", "keys/tls.key"] {
        std::fs::remove_file(file(made_later)).unwrap();
    }
    assert!(Authority::open(&data_dir, &names, &Clock::system()).is_ok());
}

#[test]
fn keys_of_an_older_data_directory_move_to_where_they_belong() {
    let (dir, data_dir) = fresh();
    let names = hosts(&["localhost"]);
    let made = Authority::open(&data_dir, &names, &Clock::system()).unwrap();
    let file = |name: &str| dir.path().join("data").join(name);
    for key in ["ca.key", "tls.key"] {
        std::fs::rename(file(&format!("keys/{key}")), file(key)).unwrap();
    }

    let again = Authority::open(&data_dir, &names, &Clock::system()).unwrap();

    assert_eq!(again.trust(), made.trust());
    for key in ["ca.key", "tls.key"] {
        assert!(!file(key).exists());
        assert!(file(&format!("keys/{key}")).exists());
    }
}

#[test]
fn the_chain_shows_the_ca_that_signed() {
    let (_dir, data_dir) = fresh();
    let authority = Authority::open(&data_dir, &hosts(&["localhost"]), &Clock::system()).unwrap();
    let shown = format!("{:?}", authority.leaf().unwrap());
    assert_eq!(shown.matches("CertificateDer").count(), 2, "{shown}");
    assert_eq!(
        authority::signer_sha256(&data_dir).unwrap(),
        authority.sha256()
    );
}

#[test]
fn a_rotation_has_both_in_the_bundle_until_it_is_finished() {
    let (_dir, data_dir) = fresh();
    let names = hosts(&["localhost", "127.0.0.1"]);
    let clock = Clock::system();
    let mut serving = Authority::open(&data_dir, &names, &clock).unwrap();
    let (old, old_leaf) = (serving.trust(), leaf(&data_dir));

    // The command knows fewer names than the dashboard.
    let overlap = rotation::begin(&data_dir, &hosts(&["localhost"]), &clock).unwrap();

    assert!(
        serving.tend(&clock).unwrap(),
        "a running dashboard takes it up"
    );
    let both = serving.trust();
    assert_eq!(both.sha256, old.sha256, "the old one signs");
    assert_eq!(both.pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(both.pem.starts_with(old.pem.trim_end()));
    assert_eq!(leaf(&data_dir), old_leaf);
    assert!(!serving.tend(&clock).unwrap(), "and once only");
    let again = rotation::begin(&data_dir, &names, &clock);
    assert!(matches!(again, Err(AuthorityError::Rotating)));

    rotation::finish(&data_dir, &names).unwrap();

    assert!(serving.tend(&clock).unwrap(), "first the leaf");
    let new = serving.trust();
    assert_eq!(new.sha256, overlap.next_sha256);
    assert_eq!(new.pem, both.pem, "who reads the file trusts both leaves");
    let again = rotation::begin(&data_dir, &names, &clock);
    assert!(matches!(again, Err(AuthorityError::Rotating)));
    assert!(serving.tend(&clock).unwrap(), "and then the old one goes");
    assert!(!serving.tend(&clock).unwrap());
    let new = serving.trust();
    assert_eq!(new.sha256, overlap.next_sha256);
    assert_eq!(new.pem.matches("BEGIN CERTIFICATE").count(), 1);
    assert!(both.pem.ends_with(&new.pem));
    assert_ne!(leaf(&data_dir), old_leaf);
    let finished = rotation::finish(&data_dir, &names);
    assert!(matches!(finished, Err(AuthorityError::NotRotating)));
    assert_eq!(
        Authority::open(&data_dir, &names, &clock).unwrap().trust(),
        new
    );
}

#[test]
fn an_overlap_ends_by_itself_after_thirty_days() {
    let (_dir, data_dir) = fresh();
    let names = hosts(&["localhost"]);
    let (clock, hand) = Clock::manual(Timestamp::now());
    let mut serving = Authority::open(&data_dir, &names, &clock).unwrap();
    let overlap = rotation::begin(&data_dir, &names, &clock).unwrap();
    assert!(serving.tend(&clock).unwrap());
    hand.advance(Duration::from_hours(30 * 24 - 1));
    assert!(!serving.tend(&clock).unwrap());
    assert_eq!(rotation::overlap(&data_dir).unwrap(), Some(overlap.clone()));
    hand.advance(Duration::from_hours(1));
    assert!(serving.tend(&clock).unwrap());
    assert_eq!(serving.sha256(), overlap.next_sha256);
    assert_eq!(rotation::overlap(&data_dir).unwrap(), None);
}

#[test]
fn an_end_that_was_begun_while_nothing_ran_is_completed() {
    let (_dir, data_dir) = fresh();
    let names = hosts(&["localhost"]);
    let clock = Clock::system();
    Authority::open(&data_dir, &names, &clock).unwrap();
    let overlap = rotation::begin(&data_dir, &names, &clock).unwrap();
    rotation::finish(&data_dir, &names).unwrap();
    let mut after = Authority::open(&data_dir, &names, &clock).unwrap();
    assert_eq!(after.sha256(), overlap.next_sha256);
    assert_eq!(after.pem().matches("BEGIN CERTIFICATE").count(), 2);
    assert!(after.tend(&clock).unwrap());
    assert_eq!(after.pem().matches("BEGIN CERTIFICATE").count(), 1);
}

#[test]
fn a_beginning_that_was_interrupted_is_begun_anew() {
    let (_dir, data_dir) = fresh();
    let names = hosts(&["localhost"]);
    let clock = Clock::system();
    let before = Authority::open(&data_dir, &names, &clock).unwrap().trust();
    rotation::begin(&data_dir, &names, &clock).unwrap();
    data_dir.write("ca.pem", before.pem.as_bytes()).unwrap();
    assert_eq!(rotation::overlap(&data_dir).unwrap(), None);
    assert_eq!(
        Authority::open(&data_dir, &names, &clock).unwrap().trust(),
        before
    );
    assert!(rotation::begin(&data_dir, &names, &clock).is_ok());
}

#[test]
fn a_next_ca_that_may_not_certify_the_hosts_does_not_take_over() {
    let (_dir, data_dir) = fresh();
    let clock = Clock::system();
    let names = hosts(&["localhost"]);
    Authority::open(&data_dir, &names, &clock).unwrap();
    rotation::begin(&data_dir, &names, &clock).unwrap();
    let finished = rotation::finish(&data_dir, &hosts(&["other.example.org"]));
    assert!(matches!(
        finished,
        Err(AuthorityError::HostNotAllowed { .. })
    ));
    assert!(rotation::overlap(&data_dir).unwrap().is_some());
}
