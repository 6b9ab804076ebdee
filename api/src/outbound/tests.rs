#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod certificates;
mod requests;

use std::net::IpAddr;

use super::{Opening, Policy, Refusal, Sender, Target, TargetError};

const SENDER: Sender<'static> = Sender {
    id: "4f2a",
    name: "Example",
};

fn policy(opened: &[&str]) -> Policy {
    Policy {
        ports: vec![443],
        opened: opened.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn target(text: &str) -> Target {
    Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_address_has_a_scheme_a_host_and_no_user() {
    for (text, expected) in [
        ("", TargetError::Malformed),
        ("hooks.example.org", TargetError::Malformed),
        ("//hooks.example.org/", TargetError::Malformed),
        ("https://", TargetError::Malformed),
        ("https://exa mple.org/", TargetError::Malformed),
        (" https://example.org/", TargetError::Malformed),
        ("https://example.org/\n", TargetError::Malformed),
        ("ht\ttps://example.org/", TargetError::Malformed),
        ("https:\\\\example.org/", TargetError::Malformed),
        ("https://example.org\\@inside/", TargetError::Malformed),
        ("https://example.org:99999/", TargetError::Malformed),
        ("https://[fe80::1%25eth0]/", TargetError::Malformed),
        ("https://a.0x/", TargetError::Malformed),
        ("https://xn--/", TargetError::Malformed),
        ("file:///etc/passwd", TargetError::Scheme),
        ("ftp://example.org/", TargetError::Scheme),
        ("gopher://example.org/", TargetError::Scheme),
        ("javascript:alert(1)", TargetError::Scheme),
        ("data:text/plain,hello", TargetError::Scheme),
        ("unix:/run/docker.sock", TargetError::Scheme),
        ("ws://example.org/", TargetError::Scheme),
        ("https://user@example.org/", TargetError::User),
        ("https://user:word@example.org/", TargetError::User),
        ("https://:@example.org/", TargetError::User),
        ("https://@example.org/", TargetError::User),
        ("https://example.org@127.0.0.1/", TargetError::User),
        ("https://example.org/#end", TargetError::Fragment),
    ] {
        assert_eq!(Target::parse(text).unwrap_err(), expected, "{text}");
    }
    let long = format!("https://example.org/{}", "x".repeat(2048));
    assert_eq!(Target::parse(&long).unwrap_err(), TargetError::Long);
}

#[test]
fn only_the_host_and_the_end_of_an_address_are_shown() {
    let text = "https://hooks.example.org/services/T0/B0/verysecretword";
    let shown = target(text).shown();
    assert_eq!(shown, "hooks.example.org …word");
    assert_eq!(
        format!("{:?}", target(text)),
        "Target(\"hooks.example.org …word\")"
    );
    assert_eq!(
        target("https://h.example:8443/ab?k=cdef").shown(),
        "h.example:8443 …cdef"
    );
    assert_eq!(target("https://h.example").shown(), "h.example …/");
}

#[test]
fn an_address_is_taken_apart_as_it_is_sent() {
    let one = target("https://Hooks.Example.org:443/a/../b?x=%20y");
    assert_eq!(one.authority(), "hooks.example.org");
    assert_eq!((one.port(), one.request_path()), (443, "/b?x=%20y"));
    let other = target("http://[::ffff:10.0.0.1]:8080");
    assert_eq!(other.authority(), "[::ffff:a00:1]:8080");
    assert_eq!((other.port(), other.request_path()), (8080, "/"));
    assert_eq!(other.literal(), "10.0.0.1".parse().ok());
}

#[test]
fn only_the_ports_of_the_list_are_reached_and_only_over_tls() {
    let policy = policy(&[]);
    let public = [IpAddr::from([9, 9, 9, 9])];
    let judged = |text: &str| {
        let target = target(text);
        let before = policy.check(SENDER, &target);
        before.and_then(|()| policy.check_addresses(SENDER, &target, &public))
    };
    assert_eq!(judged("https://example.org/"), Ok(()));
    assert_eq!(judged("https://9.9.9.9/"), Ok(()));
    for text in [
        "https://example.org:22/",
        "https://example.org:8443/",
        "https://9.9.9.9:25/",
    ] {
        assert_eq!(judged(text), Err(Refusal::Port), "{text}");
    }
    for text in [
        "http://example.org/",
        "http://example.org:443/",
        "http://9.9.9.9/",
    ] {
        assert_eq!(judged(text), Err(Refusal::InTheClear), "{text}");
    }
}

#[test]
fn one_inside_address_among_others_is_enough_to_refuse() {
    let policy = policy(&[]);
    let target = target("https://example.org/");
    let inside = IpAddr::from([10, 0, 0, 1]);
    let public = IpAddr::from([9, 9, 9, 9]);
    for addresses in [vec![public, inside], vec![inside, public], vec![inside]] {
        let judged = policy.check_addresses(SENDER, &target, &addresses);
        assert_eq!(judged, Err(Refusal::NoPublicAddress), "{addresses:?}");
    }
    assert_eq!(
        policy.check_addresses(SENDER, &target, &[]),
        Err(Refusal::NoPublicAddress)
    );
}

#[test]
fn what_the_operator_opened_is_open_to_that_organisation_alone() {
    let policy = policy(&[
        "Example=10.1.0.0/16",
        "Example=ntfy.lan",
        "Other=10.2.0.0/16",
        "4f2a=fd00::/8",
    ]);
    let judged = |text: &str, address: &str| {
        let target = target(text);
        let before = policy.check(SENDER, &target);
        before.and_then(|()| policy.check_addresses(SENDER, &target, &[address.parse().unwrap()]))
    };
    assert_eq!(judged("http://hook.lan:9000/", "10.1.2.3"), Ok(()));
    assert_eq!(judged("http://10.1.2.3:9000/", "10.1.2.3"), Ok(()));
    assert_eq!(
        judged("http://[::ffff:10.1.2.3]:9000/", "::ffff:10.1.2.3"),
        Ok(())
    );
    assert_eq!(judged("http://ntfy.lan/", "192.168.1.1"), Ok(()));
    assert_eq!(judged("http://NTFY.lan./", "192.168.1.1"), Ok(()));
    assert_eq!(judged("https://hook.lan/", "fd00::1"), Ok(()));
    for (text, address) in [
        ("https://hook.lan/", "10.2.0.1"),
        ("https://10.2.0.1/", "10.2.0.1"),
        ("https://hook.lan/", "192.168.1.1"),
        ("https://evil.ntfy.lan/", "192.168.1.1"),
        ("https://ntfy.lan.evil.example/", "192.168.1.1"),
    ] {
        let refusal = if target(text).literal().is_some() {
            Refusal::NotPublic
        } else {
            Refusal::NoPublicAddress
        };
        assert_eq!(judged(text, address), Err(refusal), "{text} at {address}");
    }
    // What is open inside opens nothing outside.
    assert_eq!(
        judged("http://example.org/", "9.9.9.9"),
        Err(Refusal::InTheClear)
    );
    assert_eq!(
        judged("https://example.org:22/", "9.9.9.9"),
        Err(Refusal::Port)
    );
}

#[test]
fn an_opening_is_a_network_a_name_or_nothing() {
    for (text, organisation) in [
        ("10.0.0.0/8", None),
        ("Example=10.0.0.0/8", Some("Example")),
        ("Example=10.0.0.1", Some("Example")),
        ("A = B=fd00::/8", Some("A = B")),
        ("Example=hook.lan", Some("Example")),
    ] {
        let opening: Opening = text.parse().unwrap();
        assert_eq!(opening.organisation.as_deref(), organisation, "{text}");
    }
    for text in [
        "",
        "=10.0.0.0/8",
        "Example=",
        "Example=10.0.0.0/33",
        "Example=a b",
        "a/b",
    ] {
        assert!(text.parse::<Opening>().is_err(), "{text}");
    }
}
