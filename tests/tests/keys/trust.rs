//! A code is shown to nobody but the dashboard that made it.

use std::fmt::Write as _;
use std::path::PathBuf;

use server_scout_tests::certificates::{Authority, Leaf};
use server_scout_tests::dashboard::Setup;
use server_scout_tests::process::Finished;
use server_scout_tests::sink::Sink;
use server_scout_tests::{Agent, Fleet};
use tempfile::TempDir;

use super::{bare, code};

/// A code as a dashboard with this CA would have made it.
fn code_of(fingerprint: &str) -> String {
    format!("sse_{}.{fingerprint}", "x".repeat(51))
}

struct Ca {
    authority: Authority,
    directory: TempDir,
}

impl Ca {
    fn new() -> Self {
        let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
        authority.write(&directory.path().join("ca.pem"));
        Self {
            authority,
            directory,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn pem(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    fn fingerprint(&self) -> String {
        fingerprint(&self.pem())
    }

    /// A leaf that is shown with this CA behind it.
    fn leaf(&self, name: &str) -> Leaf {
        with_ca(self.authority.leaf(&[name]), &self.pem())
    }
}

fn with_ca(leaf: Leaf, ca: &str) -> Leaf {
    Leaf {
        certificate: format!("{}\n{ca}", leaf.certificate),
        ..leaf
    }
}

fn fingerprint(pem: &str) -> String {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = provider.tls13().unwrap().common.hash_provider.hash(&der);
    let mut hex = String::new();
    for byte in hash.as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// What `enrol` says against a server that shows `leaf`; it must have got no request at all.
async fn refused(agent: &Agent, leaf: &Leaf, code: &str, more: &[&str]) -> Finished {
    let sink = Sink::start(leaf).await;
    let origin = sink.origin();
    let arguments = [&["enrol", "--url", &origin, "--code", code], more].concat();
    let finished = agent.finish(&arguments).await;
    assert_eq!(finished.status.code(), Some(1), "{}", finished.said());
    assert!(
        sink.requests().is_empty(),
        "something was sent: {:?}",
        sink.requests()
    );
    assert!(
        !finished.said().contains("sse_x"),
        "the code is in {}",
        finished.said()
    );
    assert!(!agent.state_dir().join("api-key").exists());
    finished
}

#[tokio::test]
async fn a_wrong_fingerprint_is_refused_before_the_code_is_sent() {
    let fleet = Fleet::start().await;
    let (mine, other) = (Ca::new(), Ca::new());
    let agent = bare(&fleet);
    let code = code_of(&other.fingerprint());
    let said = refused(&agent, &mine.leaf("localhost"), &code, &[]).await;
    assert!(said.stderr.contains("not sent"), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
}

#[tokio::test]
async fn who_only_shows_the_right_ca_is_refused() {
    let fleet = Fleet::start().await;
    let agent = bare(&fleet);
    let ours = std::fs::read_to_string(fleet.dashboard.ca_file()).unwrap();
    let code = code(&fleet, "web-9").await;
    assert!(code.ends_with(&fingerprint(&ours)), "{code}");

    // Somebody in between, with a CA of their own, who shows the dashboard's public CA as well.
    let leaf = with_ca(Ca::new().authority.leaf(&["localhost"]), &ours);
    let said = refused(&agent, &leaf, &code, &[]).await;
    assert!(said.stderr.contains("not sent"), "{}", said.stderr);

    let origin = fleet.dashboard.origin();
    let arguments = ["enrol", "--url", &origin, "--code", &code];
    let _ = agent.finish(&arguments).await.success();
}

#[tokio::test]
async fn the_right_ca_for_another_host_or_another_time_is_refused() {
    let fleet = Fleet::start().await;
    let ca = Ca::new();
    let agent = bare(&fleet);
    let code = code_of(&ca.fingerprint());
    let host = refused(&agent, &ca.leaf("scout.example.org"), &code, &[]).await;
    assert!(host.stderr.contains("another host name"), "{}", host.stderr);
    let old = with_ca(ca.authority.expired_leaf(&["localhost"]), &ca.pem());
    let expired = refused(&agent, &old, &code, &[]).await;
    assert!(expired.stderr.contains("expired"), "{}", expired.stderr);
}

#[tokio::test]
async fn without_a_fingerprint_the_ca_file_or_the_system_decides() {
    let fleet = Fleet::start().await;
    let (mine, other) = (Ca::new(), Ca::new());
    let agent = bare(&fleet);
    let plain = format!("sse_{}", "x".repeat(51));
    let leaf = mine.leaf("localhost");
    refused(&agent, &leaf, &plain, &[]).await;
    let other_file = other.file();
    let given = ["--ca-file", other_file.to_str().unwrap()];
    refused(&agent, &leaf, &plain, &given).await;
    // A fingerprint and a file have to agree.
    let pinned = code_of(&mine.fingerprint());
    refused(&agent, &leaf, &pinned, &given).await;
}

#[tokio::test]
async fn with_certificates_of_the_operators_the_code_carries_none_and_the_ca_file_is_kept() {
    let ca = Ca::new();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    ca.authority
        .leaf(&["localhost"])
        .write(&file("cert.pem"), &file("key.pem"));
    let setup = Setup::new()
        .set("SERVERSCOUT_TLS__MODE", "files")
        .set(
            "SERVERSCOUT_TLS__CERT_FILE",
            file("cert.pem").display().to_string(),
        )
        .set(
            "SERVERSCOUT_TLS__KEY_FILE",
            file("key.pem").display().to_string(),
        );
    // The test's own means look for the CA in the data directory.
    let data_dir = setup.data_dir().to_owned();
    std::fs::create_dir(&data_dir).unwrap();
    std::fs::set_permissions(
        &data_dir,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    ca.authority.write(&data_dir.join("ca.pem"));
    let fleet = Fleet::with(setup).await;
    let code = code(&fleet, "web-9").await;
    assert!(!code.contains('.'), "{code}");

    let agent = bare(&fleet);
    let (origin, ca_file) = (fleet.dashboard.origin(), ca.file());
    let arguments = ["enrol", "--url", &origin, "--code", &code, "--ca-file"];
    let arguments = [&arguments[..], &[ca_file.to_str().unwrap()]].concat();
    let _ = agent.finish(&arguments).await.success();

    let kept = std::fs::read_to_string(agent.state_dir().join("ca.pem")).unwrap();
    assert_eq!(kept, ca.pem());
    assert!(agent.finish(&["check"]).await.status.success());
}
