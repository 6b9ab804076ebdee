//! Software RAID and containers: what the kernel's files and groups say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use server_scout_agent::collect::{containers, storage};

#[test]
fn arrays_say_how_many_disks_they_have() {
    let arrays = storage::parse(include_bytes!("fixtures/mdstat"));
    let found: Vec<_> = arrays
        .iter()
        .map(|array| {
            let name = String::from_utf8_lossy(array.name).into_owned();
            (name, array.disks, array.active)
        })
        .collect();
    let expected = [
        ("md1", 2, 2),
        ("md0", 3, 2),
        ("md126", 4, 3),
        ("md_d0", 2, 2),
        ("md127", 1, 0),
    ];
    assert_eq!(
        found,
        expected.map(|(name, disks, active)| (name.to_owned(), disks, active))
    );
}

#[test]
fn containers_are_known_by_their_group() {
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let pod = "pod11111111-2222-3333-4444-555555555555";
    let named = |group: &str, parent: &str| {
        let name = containers::container(group, Some(parent.as_ref()));
        name.map(str::to_owned)
    };
    let short = Some("0123456789ab".to_owned());
    for manager in ["docker-", "libpod-", "cri-containerd-", "nerdctl-", "crio-"] {
        assert_eq!(
            named(&format!("{manager}{id}.scope"), "system.slice"),
            short,
            "{manager}"
        );
    }
    assert_eq!(named(id, "docker"), short);
    assert_eq!(named(id, pod), short);
    assert_eq!(
        named("systemd-nspawn@web.service", "machine.slice"),
        Some("web".to_owned())
    );
    assert_eq!(
        named("machine-db.scope", "machine.slice"),
        Some("db".to_owned())
    );
    assert_eq!(named("lxc.payload.mail", ""), Some("mail".to_owned()));
    for (group, parent) in [
        ("docker.service", "system.slice"),
        ("docker-0123.scope", "system.slice"),
        ("docker-../../version.scope", "system.slice"),
        ("docker-0123456789AB.scope", "system.slice"),
        ("libpod-conmon-0123456789ab.scope", "machine.slice"),
        ("session-3.scope", "user-0.slice"),
        ("systemd-nspawn@.service", "machine.slice"),
        (id, "system.slice"),
        (&format!("{id}0"), "docker"),
        ("init.scope", ""),
    ] {
        assert_eq!(named(group, parent), None, "{group}");
    }
}

#[test]
fn what_a_group_used_is_read() {
    assert_eq!(
        containers::cpu_micros(b"usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\n"),
        Some(123_456)
    );
    assert_eq!(containers::cpu_micros(b"user_usec 1\n"), None);
    let io =
        b"254:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n8:0 rbytes=5 wbytes=x\n7:0 \n";
    assert_eq!(containers::io_bytes(io), (105, 20));
}
