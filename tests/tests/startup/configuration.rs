//! A wrong setting is named with its value and what was expected.

use server_scout_tests::dashboard::Setup;
use server_scout_tests::process::run;
use server_scout_tests::wait::PATIENCE;
use server_scout_tests::{Agent, Dashboard};

use crate::failures::assert_one_line;

#[tokio::test]
async fn a_wrong_value_is_named_with_its_variable() {
    for (variable, value) in [
        ("SERVERSCOUT_LISTEN", "nowhere"),
        ("SERVERSCOUT_LISTEN", "127.0.0.1:99999"),
        ("SERVERSCOUT_PUBLIC_URL", "http://scout.example.org"),
        ("SERVERSCOUT_PUBLIC_URL", "not an address"),
        ("SERVERSCOUT_HOSTS", "bad host name"),
        ("SERVERSCOUT_TLS__MODE", "off"),
    ] {
        let finished = Setup::new().set(variable, value).serve_to_the_end().await;
        assert_one_line(&finished, &[variable, value, "expected"]);
    }
}

#[tokio::test]
async fn an_unknown_variable_is_named() {
    let finished = Setup::new()
        .set("SERVERSCOUT_LISTEM", "127.0.0.1:0")
        .serve_to_the_end()
        .await;

    assert_one_line(&finished, &["SERVERSCOUT_LISTEM"]);
}

#[tokio::test]
async fn a_missing_configuration_file_is_named() {
    let setup = Setup::new();
    let command = setup.command(&["serve", "--config", "/does/not/exist.toml"]);

    let finished = run(command, "", PATIENCE).await;

    assert_one_line(&finished, &["/does/not/exist.toml"]);
}

#[tokio::test]
async fn a_configuration_file_is_read_and_the_environment_wins() {
    let setup = Setup::new();
    let file = setup.home().join("scout.toml");
    std::fs::write(&file, "listen = \"nowhere\"\nhosts = [\"localhost\"]\n").unwrap();
    let program = server_scout_tests::Program::start(setup.command(&[
        "serve",
        "--config",
        file.to_str().unwrap(),
    ]));
    let _ = Dashboard::of(program, setup).await;
}

#[tokio::test]
async fn an_unknown_setting_in_the_file_is_named() {
    let setup = Setup::new();
    let file = setup.home().join("scout.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:0\"\n").unwrap();
    let command = setup.command(&["serve", "--config", file.to_str().unwrap()]);

    let finished = run(command, "", PATIENCE).await;

    assert_one_line(&finished, &["lisen"]);
}

#[tokio::test]
async fn a_proxy_needs_a_local_listener_and_a_name() {
    let proxy = || Setup::new().set("SERVERSCOUT_TLS__MODE", "proxy");

    let nobody = proxy().serve_to_the_end().await;
    assert_one_line(&nobody, &["SERVERSCOUT_TRUSTED_PROXIES"]);

    let everywhere = proxy()
        .set("SERVERSCOUT_TRUSTED_PROXIES", "127.0.0.1/32")
        .set("SERVERSCOUT_LISTEN", "0.0.0.0:0")
        .serve_to_the_end()
        .await;
    assert_one_line(&everywhere, &["SERVERSCOUT_LISTEN"]);
}

#[tokio::test]
async fn a_wrong_setting_of_the_agent_is_one_line_without_the_key() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    let agent = || Agent::new("https://localhost:8443", "the-secret-key", ca.path());
    let missing = "/does/not/exist.pem";
    let cases = [
        (agent().unset("SERVERSCOUT_URL"), "SERVERSCOUT_URL"),
        (
            agent().set("SERVERSCOUT_URL", "localhost:8443"),
            "SERVERSCOUT_URL",
        ),
        (
            agent().set("SERVERSCOUT_URL", "https://user:pw@localhost"),
            "SERVERSCOUT_URL",
        ),
        (agent().unset("SERVERSCOUT_API_KEY"), "SERVERSCOUT_API_KEY"),
        (
            agent().set("SERVERSCOUT_API_KEY", "the-secret-key\nX: y"),
            "SERVERSCOUT_API_KEY",
        ),
        (agent().set("SERVERSCOUT_CA_FILE", missing), missing),
        (
            agent().set("SERVERSCOUT_INSECURE", "true"),
            "SERVERSCOUT_INSECURE",
        ),
    ];
    for (agent, named) in cases {
        let run = agent.finish(&["run"]).await;
        assert_one_line(&run, &[named]);
        let check = agent.finish(&["check"]).await;
        assert_eq!(check.status.code(), Some(1), "{}", check.said());
        assert!(check.said().contains(named), "{}", check.said());
        for finished in [run, check] {
            let said = finished.said();
            assert!(!said.contains("the-secret-key"), "{said}");
        }
    }
}
