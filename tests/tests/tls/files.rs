//! Certificates from files, replaced while the dashboard runs.

use std::path::PathBuf;
use std::time::Duration;

use server_scout_tests::certificates::{Authority, Leaf};
use server_scout_tests::dashboard::{Setup, read_address};
use server_scout_tests::https::Connection;
use server_scout_tests::process::Program;
use server_scout_tests::wait::{PATIENCE, until};

struct Files {
    setup: Setup,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// A dashboard that is told to use files, and the files.
fn files(authority: &Authority, leaf: &Leaf) -> Files {
    let setup = Setup::new();
    let ca = setup.home().join("ca-of-the-test.pem");
    let certificate = setup.home().join("certificate.pem");
    let key = setup.home().join("key.pem");
    authority.write(&ca);
    leaf.write(&certificate, &key);
    let setup = setup
        .set("SERVERSCOUT_TLS__MODE", "files")
        .set("SERVERSCOUT_TLS__CERT_FILE", certificate.to_str().unwrap())
        .set("SERVERSCOUT_TLS__KEY_FILE", key.to_str().unwrap());
    Files {
        setup,
        ca,
        certificate,
        key,
    }
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_without_a_restart() {
    let authority = Authority::new();
    let Files {
        setup,
        ca,
        certificate,
        key,
    } = files(&authority, &authority.leaf(&["localhost"]));
    let mut program = Program::start(setup.command(&["serve"]));
    let address = program.line("the address", PATIENCE, read_address).await;
    let shown = async || Connection::open(&ca, address).await.certificates();
    let first = shown().await;

    authority.leaf(&["localhost"]).write(&certificate, &key);

    let what = "the new certificate is shown";
    let second = until(what, Duration::from_secs(40), async || {
        let now = shown().await;
        (now != first).then_some(now)
    })
    .await;

    // A pair that does not fit is not taken, and the good one stays.
    let other = authority.leaf(&["localhost"]);
    let broken = Leaf {
        certificate: authority.leaf(&["localhost"]).certificate,
        key: other.key,
    };
    broken.write(&certificate, &key);
    until(
        "the bad pair is complained about",
        Duration::from_secs(40),
        async || {
            let log = program.stderr();
            (log.contains("WARN") || log.contains("ERROR")).then_some(())
        },
    )
    .await;
    assert_eq!(shown().await, second);
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_its_key_is_one_line_at_the_start() {
    let authority = Authority::new();
    let leaf = authority.leaf(&["localhost"]);
    let broken = Leaf {
        key: authority.leaf(&["localhost"]).key,
        ..leaf
    };
    let Files { setup, .. } = files(&authority, &broken);

    let finished = setup.serve_to_the_end().await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(
        finished.stderr.contains("certificate.pem"),
        "{}",
        finished.stderr
    );
}

#[tokio::test]
async fn a_missing_certificate_is_one_line_at_the_start() {
    let authority = Authority::new();
    let Files {
        setup, certificate, ..
    } = files(&authority, &authority.leaf(&["localhost"]));
    std::fs::remove_file(&certificate).unwrap();

    let finished = setup.serve_to_the_end().await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(
        finished.stderr.contains("certificate.pem"),
        "{}",
        finished.stderr
    );
}
