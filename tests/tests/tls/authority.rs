//! The dashboard's own CA and what it signs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use server_scout_tests::dashboard::Setup;
use server_scout_tests::{Dashboard, Program, binaries};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

fn read_ca(path: &Path, check: impl Fn(&X509Certificate<'_>)) {
    let text = std::fs::read(path).unwrap();
    let pems: Vec<Pem> = Pem::iter_from_buffer(&text).map(Result::unwrap).collect();
    assert_eq!(pems.len(), 1, "one CA");
    check(&pems[0].parse_x509().unwrap());
}

#[tokio::test]
async fn the_ca_can_sign_for_the_dashboards_names_alone() {
    let setup = Setup::new().set(
        "SERVERSCOUT_HOSTS",
        "scout.example.org,localhost,127.0.0.1,::1",
    );
    let dashboard = setup.start().await;

    read_ca(&dashboard.ca_file(), |ca| {
        let basic = ca
            .basic_constraints()
            .unwrap()
            .expect("a CA says that it is one");
        assert!(basic.critical && basic.value.ca);
        assert_eq!(
            basic.value.path_len_constraint,
            Some(0),
            "it makes no further CA"
        );
        let usage = ca
            .key_usage()
            .unwrap()
            .expect("a CA says what its key is for");
        assert!(usage.value.key_cert_sign() && !usage.value.digital_signature());
        let years = (ca.validity().not_after.timestamp() - ca.validity().not_before.timestamp())
            / (365 * 24 * 3600);
        assert_eq!(years, 10);

        let constraints =
            ca.extensions()
                .iter()
                .find_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::NameConstraints(constraints) => {
                        assert!(extension.critical, "nobody may ignore the constraints");
                        Some(constraints)
                    }
                    _ => None,
                });
        let permitted = constraints
            .and_then(|constraints| constraints.permitted_subtrees.as_ref())
            .unwrap();
        let names: Vec<&str> = permitted
            .iter()
            .filter_map(|subtree| match subtree.base {
                GeneralName::DNSName(name) => Some(name),
                _ => None,
            })
            .collect();
        assert!(
            names.contains(&"scout.example.org") && names.contains(&"localhost"),
            "{names:?}"
        );
        assert!(!names.contains(&""), "{names:?}");
    });
}

#[tokio::test]
async fn the_leaf_is_short_lived_and_no_ca() {
    let dashboard = Dashboard::start().await;
    let connection = dashboard.connect().await;
    let chain = connection.certificates();

    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).unwrap();
    let basic = leaf.basic_constraints().unwrap();
    assert!(basic.is_none_or(|basic| !basic.value.ca));
    let usage = leaf
        .extended_key_usage()
        .unwrap()
        .expect("it says what it is for");
    assert!(usage.value.server_auth && !usage.value.any && !usage.value.client_auth);
    let days = (leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp())
        / (24 * 3600);
    assert!(days <= 398, "{days} days, which browsers refuse");
}

#[tokio::test]
async fn the_ca_stays_over_a_restart() {
    let mut dashboard = Dashboard::start().await;
    let before = std::fs::read(dashboard.ca_file()).unwrap();
    assert!(dashboard.stop().await.success());

    let dashboard = dashboard.again().await;

    assert_eq!(std::fs::read(dashboard.ca_file()).unwrap(), before);
}

#[tokio::test]
async fn files_are_private_whatever_the_umask() {
    let setup = Setup::new();
    let serve = setup.command(&["serve"]);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "umask 000; exec \"$1\" serve", "sh"])
        .arg(binaries::dashboard());
    command.env_clear().current_dir(setup.home());
    for (name, value) in serve.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut dashboard = Dashboard::of(Program::start(command), setup).await;
    dashboard
        .add_user(
            "a@example.org",
            "Example",
            "owner",
            "correct horse battery staple",
        )
        .await;
    let backup = dashboard.setup().home().join("backup.sqlite");
    let _ = dashboard
        .command(&["backup", backup.to_str().unwrap()], "")
        .await
        .success();
    let data_dir = dashboard.setup().data_dir().to_owned();

    let check = |path: &Path| {
        let mode = std::fs::symlink_metadata(path)
            .unwrap()
            .permissions()
            .mode()
            & 0o7777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{} has mode {mode:o}", path.display());
    };
    let all = |directory: &Path| {
        check(directory);
        let entries = std::fs::read_dir(directory).unwrap();
        let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in &paths {
            check(path);
        }
        paths.len()
    };
    assert!(all(&data_dir) > 3, "while it runs");
    check(&backup);
    assert!(dashboard.stop().await.success());
    assert!(all(&data_dir) > 3, "afterwards");
}
