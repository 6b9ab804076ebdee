//! Nothing travels in the clear, and whoever cannot be verified gets nothing. Each failure has a
//! message of its own, so that a person knows what to repair.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::{Agent, Ca, Dashboard, KEY, Reply, check};

#[test]
fn a_good_dashboard_passes_every_step() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(ok, "{output}");
    let (parts, steps): (Vec<&str>, Vec<&str>) = output
        .lines()
        .partition(|line| line.starts_with("sandbox, "));
    assert_eq!(steps.len(), 3, "{output}");
    assert!(steps.iter().all(|line| line.contains(": ok, ")), "{output}");
    for held in [
        "sandbox, Landlock: holds, files",
        "sandbox, new privileges: holds, impossible",
        "sandbox, system calls: holds, filtered",
        "sandbox, memory dumps: holds, impossible",
    ] {
        assert!(parts.iter().any(|line| line.starts_with(held)), "{output}");
    }
    // Nothing was there to be stored.
    assert_eq!(dashboard.requests()[0].reports().len(), 0);
}

#[test]
fn plain_http_is_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ca = Ca::new();
    for command in ["run", "check"] {
        let variables = [
            ("SERVERSCOUT_URL", url.as_str()),
            ("SERVERSCOUT_API_KEY", KEY),
        ];
        let (status, output) = Agent::start(&[command], &variables).end();
        assert_eq!(status.code(), Some(1));
        assert!(
            output.contains("over verified TLS only, and no option turns that off"),
            "{output}"
        );
        assert_eq!(output.lines().count(), 1, "{output}");
    }
    let (ok, output) = check(&url, &ca.pem());
    assert!(
        !ok && output.contains("SERVERSCOUT_URL is `http://"),
        "{output}"
    );
    assert!(listener.accept().is_err(), "nobody may have called");
}

#[test]
fn an_unknown_ca_is_refused() {
    let dashboard = Dashboard::accepting(&Ca::new());
    let (ok, output) = check(&dashboard.url(), &Ca::new().pem());
    assert!(
        !ok && output.contains("issued by an unknown CA"),
        "{output}"
    );
    assert!(dashboard.requests().is_empty());
}

#[test]
fn the_systems_cas_do_not_count_beside_a_given_one() {
    // A CA file with another CA is all there is, whatever the system trusts.
    let (ours, other) = (Ca::new(), Ca::new());
    let dashboard = Dashboard::accepting(&ours);
    let variables = [
        ("SERVERSCOUT_URL", dashboard.url()),
        (
            "SERVERSCOUT_CA_FILE",
            other.pem().to_str().unwrap().to_owned(),
        ),
        ("SSL_CERT_FILE", ours.pem().to_str().unwrap().to_owned()),
        ("SERVERSCOUT_API_KEY", KEY.to_owned()),
    ];
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let (status, output) = Agent::start(&["check"], &variables).end();
    assert!(
        !status.success() && output.contains("unknown CA"),
        "{output}"
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let ca = Ca::new();
    let tls = ca.server_config("other.example", (2020, 2100));
    let dashboard = Dashboard::at("127.0.0.1:0".parse().unwrap(), tls, Reply::accepted);
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(
        !ok && output.contains("is for another host name"),
        "{output}"
    );
    assert!(output.contains("other.example"), "{output}");
    assert!(dashboard.requests().is_empty());
}

#[test]
fn a_certificate_of_a_ca_is_refused_in_words() {
    let ca = Ca::new();
    let tls = ca.server_config_of_a_ca("localhost");
    let dashboard = Dashboard::at("127.0.0.1:0".parse().unwrap(), tls, Reply::accepted);
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(
        !ok && output.contains("is that of a CA itself; give the dashboard one"),
        "{output}"
    );
    assert!(dashboard.requests().is_empty());
}

#[test]
fn an_expired_certificate_is_refused() {
    let ca = Ca::new();
    let tls = ca.server_config("localhost", (2020, 2021));
    let dashboard = Dashboard::at("127.0.0.1:0".parse().unwrap(), tls, Reply::accepted);
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(
        !ok && output.contains("expired at 2021-01-01T00:00:00"),
        "{output}"
    );
    assert!(dashboard.requests().is_empty());
}

#[test]
fn a_certificate_of_the_future_is_refused() {
    let ca = Ca::new();
    let tls = ca.server_config("localhost", (2099, 2100));
    let dashboard = Dashboard::at("127.0.0.1:0".parse().unwrap(), tls, Reply::accepted);
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(
        !ok && output.contains("is not valid yet: it starts at 2099-01-01"),
        "{output}"
    );
}

#[test]
fn a_port_without_tls_is_told_apart_and_never_sees_the_key() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b""] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let saw_key = Arc::new(AtomicBool::new(false));
        let plain = thread::spawn({
            let saw_key = Arc::clone(&saw_key);
            move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut seen = vec![0; 4096];
                let length = stream.read(&mut seen).unwrap();
                let hello = String::from_utf8_lossy(&seen[..length]);
                saw_key.store(hello.contains(KEY), Ordering::SeqCst);
                stream.write_all(answer).unwrap();
            }
        });
        let (ok, output) = check(&url, &Ca::new().pem());
        plain.join().unwrap();
        assert!(
            !ok && output.contains("is it the dashboard's TLS port?"),
            "{output}"
        );
        assert!(!saw_key.load(Ordering::SeqCst));
    }
}

#[test]
fn nobody_there_and_an_unknown_name_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (ok, output) = check(&format!("https://{free}"), &Ca::new().pem());
    assert!(!ok && output.contains("refused the connection"), "{output}");
    let (ok, output) = check("https://no-such-host.invalid", &Ca::new().pem());
    assert!(
        !ok && output.contains("cannot find the address of no-such-host.invalid"),
        "{output}"
    );
}

#[test]
fn a_ca_file_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let (ok, output) = check("https://localhost:1", &file);
    assert!(!ok && output.contains("as CA file"), "{output}");
    for text in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&file, text).unwrap();
        let (ok, output) = check("https://localhost:1", &file);
        assert!(!ok && output.contains("as CA file"), "{output}");
    }
}

#[test]
fn a_ca_file_may_hold_several() {
    let (old, new) = (Ca::new(), Ca::new());
    let both = [old.pem(), new.pem()]
        .map(|path| std::fs::read_to_string(path).unwrap())
        .concat();
    std::fs::write(old.pem(), both).unwrap();
    let dashboard = Dashboard::accepting(&new);
    assert!(check(&dashboard.url(), &old.pem()).0);
}

#[test]
fn redirects_and_proxies_are_not_followed() {
    let ca = Ca::new();
    let elsewhere = Dashboard::accepting(&ca);
    let target = format!("location: {}/api/v1/reports", elsewhere.url());
    let dashboard = Dashboard::start(&ca, move |_| Reply::problem(307, "moved").with(&target));
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(!ok && output.contains("redirects elsewhere"), "{output}");
    assert!(elsewhere.requests().is_empty());

    let dashboard = Dashboard::accepting(&ca);
    let agent = Agent::run(
        &dashboard.url(),
        &ca,
        &[
            ("https_proxy", "http://127.0.0.1:1"),
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ("ALL_PROXY", "http://127.0.0.1:1"),
        ],
    );
    dashboard.wait_for(1);
    agent.terminate();
    assert!(agent.end().0.success());
}

#[test]
fn a_refused_key_is_told_apart() {
    let ca = Ca::new();
    let dashboard = Dashboard::start(&ca, |_| Reply::problem(401, "unknown-key"));
    let (ok, output) = check(&dashboard.url(), &ca.pem());
    assert!(
        !ok && output.contains("key: failed, the dashboard does not know the agent key"),
        "{output}"
    );
    assert!(output.contains("connection: ok"), "{output}");
}
