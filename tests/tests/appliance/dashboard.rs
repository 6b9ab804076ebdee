//! The dashboard's package: its socket, its credential, its owner.

use std::net::TcpListener;

use server_scout_tests::wait::until;
use server_scout_tests::{Machine, Release, https};

use super::SLOW;

const NAME: &str = "server-scout";

#[tokio::test]
async fn a_packaged_dashboard_starts_by_its_socket_on_debian_12() {
    starts_by_its_socket(Release::Bookworm).await;
}

#[tokio::test]
async fn a_packaged_dashboard_starts_by_its_socket_on_debian_13() {
    starts_by_its_socket(Release::Trixie).await;
}

async fn starts_by_its_socket(release: Release) {
    let machine = Machine::boot(release).await;
    let said = machine.install(NAME).await;
    assert!(
        said.contains("1. set public_url") && said.contains("2. runuser"),
        "{said}"
    );
    let port = listen_on_a_free_port(&machine).await;
    let state = machine
        .try_run("systemctl is-active server-scout.service")
        .await;
    assert_eq!(state.stdout.trim(), "inactive");

    // The first connection starts it, and it answers that one, too.
    let home = tempfile::tempdir().unwrap();
    let ca = home.path().join("ca.pem");
    let knock = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let text = until("the dashboard makes its CA", SLOW, async || {
        let read = machine.try_run("cat /var/lib/server-scout/ca.pem").await;
        read.status.success().then_some(read.stdout)
    })
    .await;
    drop(knock);
    std::fs::write(&ca, text).unwrap();
    is_ready(&ca, port).await;

    the_master_key_is_a_credential(&machine).await;
    it_has_an_owner_by_command(&machine).await;

    // The socket stays open while the service is started anew.
    machine.run("systemctl restart server-scout.service").await;
    is_ready(&ca, port).await;
    let restarts = machine
        .run("systemctl show -P NRestarts server-scout.service")
        .await;
    assert_eq!(restarts, "0");

    it_goes_without_a_trace(&machine).await;
}

/// The port of this host, whose network the machine shares.
pub(super) async fn listen_on_a_free_port(machine: &Machine) -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    machine
        .run(&format!(
            "mkdir /etc/systemd/system/server-scout.socket.d
             printf '[Socket]\\nListenStream=\\nListenStream=127.0.0.1:{port}\\n' \
                 >/etc/systemd/system/server-scout.socket.d/port.conf
             printf 'public_url = \"https://localhost:{port}\"\\n' >>/etc/server-scout/server-scout.toml
             systemctl daemon-reload
             systemctl start server-scout.socket"
        ))
        .await;
    port
}

pub(super) async fn is_ready(ca: &std::path::Path, port: u16) {
    let client = https::client(ca, ([127, 0, 0, 1], port).into());
    let url = format!("https://localhost:{port}/readyz");
    until("the dashboard is ready", SLOW, async || {
        let answer = client.get(&url).send().await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
}

async fn the_master_key_is_a_credential(machine: &Machine) {
    machine
        .run(
            "test ! -e /var/lib/server-scout/master.key
             test \"$(stat -c '%a %U' /etc/server-scout/master-key)\" = '600 root'
             test \"$(stat -c '%a %U' /var/lib/server-scout)\" = '700 server-scout'",
        )
        .await;
    let log = machine
        .run("journalctl --sync; journalctl --no-pager --unit=server-scout.service")
        .await;
    assert!(log.contains("INFO"), "nothing is logged: {log}");
    assert!(!log.contains("first-owner"), "{log}");
    assert!(!log.contains("WARN"), "{log}");
}

async fn it_has_an_owner_by_command(machine: &Machine) {
    let command = "runuser -u server-scout -- server-scout user add \
                   --config /etc/server-scout/server-scout.toml \
                   --email owner@example.org --organisation Example";
    let added = machine.feed(command, "correct horse battery staple").await;
    assert!(added.status.success(), "{}", added.said());
}

async fn it_goes_without_a_trace(machine: &Machine) {
    machine.run("dpkg --remove server-scout").await;
    machine
        .run("test -e /var/lib/server-scout/server-scout.db")
        .await;
    machine.run("dpkg --purge server-scout").await;
    let found = machine
        .run("find / -xdev -path /run -prune -o -path /proc -prune -o -name 'server-scout*' -print")
        .await;
    assert_eq!(found, "");
}

#[tokio::test]
async fn the_master_key_can_be_sealed_to_the_machine() {
    let machine = Machine::boot(Release::Trixie).await;
    machine.install(NAME).await;
    listen_on_a_free_port(&machine).await;
    machine
        .run(
            "cd /etc/server-scout
             systemd-creds encrypt --with-key=host --name=master-key master-key master-key.cred
             rm master-key
             for service in server-scout server-scout-notify; do
                 mkdir /etc/systemd/system/$service.service.d
                 printf '[Service]\\nLoadCredential=\\nLoadCredentialEncrypted=master-key:%s\\n' \
                     /etc/server-scout/master-key.cred >/etc/systemd/system/$service.service.d/key.conf
             done
             systemctl daemon-reload
             systemctl start server-scout.service server-scout-notify.service
             test ! -e /var/lib/server-scout/master.key",
        )
        .await;
}
