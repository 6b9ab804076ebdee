//! The dashboard's package has two services: one that is reached and connects to nothing, and one that sends
//! and sees no private key.

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::certificates::Authority;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::sink::Sink;
use server_scout_tests::wait::until;
use server_scout_tests::{Machine, Release, https};

use super::SLOW;
use super::dashboard::{is_ready, listen_on_a_free_port};
use super::probing::{as_root, copy};

const KEYS: &str = "/var/lib/server-scout/keys";

#[tokio::test]
async fn what_the_dashboard_has_to_say_is_sent_by_the_other_service_on_debian_12() {
    is_sent_by_the_other_service(Release::Bookworm).await;
}

#[tokio::test]
async fn what_the_dashboard_has_to_say_is_sent_by_the_other_service_on_debian_13() {
    is_sent_by_the_other_service(Release::Trixie).await;
}

async fn is_sent_by_the_other_service(release: Release) {
    let machine = Machine::boot(release).await;
    machine.install("server-scout").await;
    let authority = Authority::new();
    let receiver = receiver(&machine, &authority).await;
    let port = listen_on_a_free_port(&machine).await;
    machine.run("systemctl start server-scout.service").await;
    let home = tempfile::tempdir().unwrap();
    let ca = home.path().join("ca.pem");
    std::fs::write(&ca, machine.run("cat /var/lib/server-scout/ca.pem").await).unwrap();
    is_ready(&ca, port).await;
    let states = machine
        .run("systemctl is-active server-scout.service server-scout-notify.service")
        .await;
    assert_eq!(states, "active\nactive");

    it_delivers(&machine, &ca, port, &receiver).await;
    the_dashboard_has_given_up_every_way_out(&machine).await;
    a_new_key_is_hidden_from_what_sends_as_the_old_one_was(&machine).await;
    both_stop_together(&machine).await;
    // As root last, which takes the state directory over.
    no_key_is_seen_by_what_sends(&machine).await;
}

/// A receiver on this host, and settings with which the machine's dashboard may reach it.
async fn receiver(machine: &Machine, authority: &Authority) -> Sink {
    let home = tempfile::tempdir().unwrap();
    let ca = home.path().join("receivers.pem");
    authority.write(&ca);
    machine.put(&ca, "/etc/server-scout/receivers.pem");
    machine
        .run(&format!(
            "cat >>/etc/server-scout/server-scout.toml <<'TOML'
outbound.ca_file = \"/etc/server-scout/receivers.pem\"
outbound.allow = \"{ORGANISATION}=127.0.0.0/8,{ORGANISATION}=::1\"
TOML
chmod 0644 /etc/server-scout/receivers.pem"
        ))
        .await;
    let leaf = authority.leaf(&["localhost", "127.0.0.1"]);
    Sink::answering(&leaf, "200 OK", "", "{}").await
}

async fn it_delivers(machine: &Machine, ca: &std::path::Path, port: u16, receiver: &Sink) {
    let added = machine
        .feed(
            &command(&format!(
                "user add --email {OWNER} --organisation {ORGANISATION}"
            )),
            PASSWORD,
        )
        .await;
    assert!(added.status.success(), "{}", added.said());
    let token = machine
        .run(&command(&format!(
            "token add --email {OWNER} --organisation {ORGANISATION} --scope admin"
        )))
        .await;
    let client = https::client(ca, ([127, 0, 0, 1], port).into());
    let call = async |method: Method, path: &str, body: Option<Value>| {
        let url = format!("https://localhost:{port}/api/v1/channels{path}");
        let request = client.request(method, url).bearer_auth(token.trim());
        send(request, body).await
    };
    let new = json!({ "name": "Receiver", "kind": "webhook", "address": receiver.origin() });
    let added = call(Method::POST, "", Some(new)).await;
    let id = added["channel"]["id"].as_str().unwrap().to_owned();
    call(Method::POST, &format!("/{id}/test"), None).await;
    until("the test is delivered", SLOW, async || {
        let list = call(Method::GET, &format!("/{id}/deliveries"), None).await;
        (list["items"][0]["state"] == "delivered").then_some(())
    })
    .await;
    assert_eq!(receiver.requests().len(), 1);
}

async fn send(request: reqwest::RequestBuilder, body: Option<Value>) -> Value {
    let request = match &body {
        Some(body) => request.json(body),
        None => request,
    };
    let answered = answer(request).await;
    assert!(answered.status < 300, "{}", answered.text());
    answered.json()
}

fn command(arguments: &str) -> String {
    format!(
        "cd / && runuser -u server-scout -- server-scout {arguments} \
         --config /etc/server-scout/server-scout.toml"
    )
}

/// By its unit, which gives it a network without a way out, and by itself: a filter more than the unit's, on
/// every thread. What the filter does is tried in `api/tests/confine.rs`, and what the unit does in `probing`.
async fn the_dashboard_has_given_up_every_way_out(machine: &Machine) {
    let log = machine
        .run("journalctl --sync; journalctl --no-pager --unit=server-scout.service")
        .await;
    assert!(
        log.contains("the kernel refuses this process every outgoing connection"),
        "{log}"
    );
    let told = machine
        .run(
            "of() { systemctl show -P MainPID \"$1\"; }
             filters() { awk '$1 == \"Seccomp_filters:\" { print $2 }' /proc/\"$1\"/task/*/status | sort -u; }
             dashboard=$(of server-scout.service) notify=$(of server-scout-notify.service)
             echo $(($(filters \"$dashboard\") - $(filters \"$notify\")))
             test \"$(readlink /proc/$dashboard/ns/net)\" != \"$(readlink /proc/1/ns/net)\"
             test \"$(readlink /proc/$notify/ns/net)\" = \"$(readlink /proc/1/ns/net)\"
             cut -d: -f1 /proc/$dashboard/net/dev | tail -n +3 | tr -d ' '",
        )
        .await;
    assert_eq!(told, "1\nlo");
}

async fn no_key_is_seen_by_what_sends(machine: &Machine) {
    let look =
        format!("/bin/sh -c 'cat {KEYS}/ca.key && echo read; cat {KEYS}/tls.key && echo read'");
    let dashboard = copy(machine, "server-scout", &look).await;
    let seen = machine.run_unit("sees", &dashboard).await;
    assert_eq!(seen.matches("\nread").count(), 2, "{seen}");

    let look = look.replace("&& echo read", "|| echo refused");
    let notify = copy(machine, "server-scout-notify", &look).await;
    for (name, unit) in [("own", notify.clone()), ("root", as_root(&notify))] {
        let seen = machine.run_unit(name, &unit).await;
        assert_eq!(seen.matches("refused").count(), 2, "{name}: {seen}");
        assert!(!seen.contains("PRIVATE KEY"), "{name}");
    }
}

/// Files that take the place of others are hidden as those were, from the service that runs.
async fn a_new_key_is_hidden_from_what_sends_as_the_old_one_was(machine: &Machine) {
    let running = "/proc/$(systemctl show -P MainPID server-scout-notify.service)/root";
    let hidden = format!("test -e {running}{KEYS} && ls -A {running}{KEYS}");
    assert_eq!(machine.run(&hidden).await, "");
    machine.run(&command("ca rotate")).await;
    machine.run(&command("ca rotate --finish")).await;
    assert_eq!(machine.run(&hidden).await, "");
    let there = machine.run(&format!("ls {KEYS}")).await;
    assert!(there.contains("ca.key"), "{there}");
}

async fn both_stop_together(machine: &Machine) {
    machine
        .run("systemctl stop server-scout.socket server-scout.service")
        .await;
    let states = machine
        .try_run("systemctl is-active server-scout.service server-scout-notify.service")
        .await;
    assert_eq!(states.stdout.trim(), "inactive\ninactive");
}
