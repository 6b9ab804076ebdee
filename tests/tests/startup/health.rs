//! `healthcheck` and `check-config`, as images, units and builds of hosts use them.

use std::net::TcpListener;
use std::path::Path;

use server_scout_tests::certificates::Authority;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::process::{Program, run};
use server_scout_tests::wait::{PATIENCE, until};

use crate::failures::assert_one_line;

/// A dashboard for `scout.example.org` on every address of this machine, as in a container.
fn everywhere() -> Setup {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    Setup::new()
        .set("SERVERSCOUT_LISTEN", format!("0.0.0.0:{port}"))
        .set("SERVERSCOUT_PUBLIC_URL", "https://scout.example.org")
}

/// Waits until `healthcheck` finds the dashboard ready, which it is to before anybody else does.
async fn is_found(setup: &Setup) {
    let mut dashboard = Program::start(setup.command(&["serve"]));
    until("healthcheck finds it", PATIENCE, async || {
        let finished = run(setup.command(&["healthcheck"]), "", PATIENCE).await;
        finished.status.success().then_some(())
    })
    .await;
    dashboard.kill();
    let finished = run(setup.command(&["healthcheck"]), "", PATIENCE).await;
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
}

#[tokio::test]
async fn healthcheck_asks_this_machine_whatever_the_public_address_is() {
    is_found(&everywhere()).await;
    // Where the certificate does not hold localhost.
    let hosts = "scout.example.org";
    is_found(&everywhere().set("SERVERSCOUT_HOSTS", hosts)).await;
}

#[tokio::test]
async fn healthcheck_trusts_the_chain_that_the_operator_gave() {
    let setup = everywhere();
    let authority = Authority::new();
    let mut leaf = authority.leaf(&["scout.example.org"]);
    let [chain, key, ca] = ["chain.pem", "key.pem", "ca.pem"].map(|name| setup.home().join(name));
    authority.write(&ca);
    let text = |path: &Path| path.display().to_string();
    let setup = setup
        .set("SERVERSCOUT_TLS__MODE", "files")
        .set("SERVERSCOUT_TLS__CERT_FILE", text(&chain))
        .set("SERVERSCOUT_TLS__KEY_FILE", text(&key));

    leaf.certificate += &std::fs::read_to_string(&ca).unwrap();
    leaf.write(&chain, &key);
    is_found(&setup).await;

    // A chain that ends nowhere known is no reason to believe it.
    authority.leaf(&["scout.example.org"]).write(&chain, &key);
    let _dashboard = Program::start(setup.command(&["serve"]));
    let ca = text(&ca);
    let told = ["healthcheck", "--ca-file", &ca];
    until("it is ready", PATIENCE, async || {
        let finished = run(setup.command(&told), "", PATIENCE).await;
        finished.status.success().then_some(())
    })
    .await;
    let doubted = run(setup.command(&["healthcheck"]), "", PATIENCE).await;
    assert_eq!(doubted.status.code(), Some(1), "{}", doubted.stderr);
}

#[tokio::test]
async fn healthcheck_asks_a_proxys_unix_socket() {
    let setup = Setup::new();
    let socket = setup.home().join("http.sock");
    let setup = setup
        .set("SERVERSCOUT_LISTEN", format!("unix:{}", socket.display()))
        .set("SERVERSCOUT_PUBLIC_URL", "https://scout.example.org")
        .set("SERVERSCOUT_TLS__MODE", "proxy")
        .set("SERVERSCOUT_TRUSTED_PROXIES", "127.0.0.1/32");
    is_found(&setup).await;
}

#[tokio::test]
async fn settings_are_checked_without_a_data_directory() {
    let setup = Setup::new();
    let file = setup.home().join("server-scout.toml");
    std::fs::write(&file, "public_url = \"https://scout.example.org\"\n").unwrap();
    let named = setup
        .clone()
        .set("SERVERSCOUT_CONFIG", file.display().to_string());
    let _ = run(named.command(&["check-config"]), "", PATIENCE)
        .await
        .success();
    assert!(!setup.data_dir().exists());

    std::fs::write(&file, "[limits]\nservers = 0\n").unwrap();
    let refused = run(named.command(&["check-config"]), "", PATIENCE).await;
    assert_one_line(
        &refused,
        &["SERVERSCOUT_LIMITS__SERVERS", "\"0\"", "from 1"],
    );
}

#[tokio::test]
async fn a_master_key_is_written_once() {
    use std::os::unix::fs::PermissionsExt as _;

    let setup = Setup::new();
    let file = setup.home().join("master.key");
    let path = file.display().to_string();
    let new = ["master-key", "new", "--file", &path];
    let _ = run(setup.command(&new), "", PATIENCE).await.success();
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(key.starts_with("ssm_"), "no master key");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let _ = run(setup.command(&new), "", PATIENCE).await.success();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
    std::fs::write(&file, "something else\n").unwrap();
    let refused = run(setup.command(&new), "", PATIENCE).await;
    assert_one_line(&refused, &["holds no master key"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "something else\n");
}
