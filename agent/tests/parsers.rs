//! What the agent reads from the kernel: recorded files, and no bytes that make a parser panic.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that cannot go on fails, and figures are exact"
)]

use proptest::prelude::*;
use server_scout_agent::collect::cpu::{self, Shares, Times};
use server_scout_agent::collect::{disks, mounts, network, text};

#[test]
fn cpu_times_are_read() {
    let times = cpu::parse(include_bytes!("fixtures/stat")).unwrap();
    assert_eq!(
        times,
        Times([72087, 50501, 26189, 461_130, 1812, 17, 432, 905])
    );
    // Kernels before 2.6 had four states.
    assert_eq!(
        cpu::parse(b"cpu 1 2 3 4\n"),
        Some(Times([1, 2, 3, 4, 0, 0, 0, 0]))
    );
    for wrong in [
        "",
        "cpu",
        "cpu 1 2 3",
        "cpu 1 2 3 x",
        "cpu0 1 2 3 4",
        "intr 1 2 3 4",
        "cpu -1 2 3 4",
    ] {
        assert_eq!(cpu::parse(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn cpu_shares_are_of_the_time_between_two_readings() {
    let before = Times([100, 10, 50, 1000, 40, 1, 2, 3]);
    let after = Times([120, 15, 60, 1050, 50, 2, 3, 6]);
    let shares = Shares::between(&before, &after).unwrap();
    assert_eq!(shares.states, [20.0, 5.0, 10.0, 50.0, 10.0, 1.0, 1.0, 3.0]);
    assert_eq!(shares.busy, 40.0);
}

#[test]
fn cpu_counters_that_stand_or_step_back_do_no_harm() {
    let times = Times([5; 8]);
    assert_eq!(Shares::between(&times, &times), None);
    let shares = Shares::between(&times, &Times([10, 5, 5, 5, 0, 5, 5, 5])).unwrap();
    assert_eq!((shares.busy, shares.states[4]), (100.0, 0.0));
}

#[test]
fn interfaces_are_read() {
    let found: Vec<_> = network::parse(include_bytes!("fixtures/net_dev"))
        .map(|i| {
            (
                String::from_utf8_lossy(i.name).into_owned(),
                i.received,
                i.sent,
            )
        })
        .collect();
    let expected = [
        ("lo", 3193, 3193),
        ("eth0", 286_820_345, 686_902),
        ("enp0s31f6", u64::MAX, 7),
        ("veth1a2b3c4", 500, 600),
        ("cali0123456789a", 500, 600),
        ("wg0", 1, 2),
    ];
    assert_eq!(
        found,
        expected.map(|(name, received, sent)| (name.to_owned(), received, sent))
    );
}

#[test]
fn only_the_hosts_own_interfaces_are_reported() {
    for name in [
        "eth0",
        "enp0s31f6",
        "wlan0",
        "wg0",
        "br0",
        "docker0",
        "bond0",
        "eth0.7",
        "lo1",
        "tap0",
    ] {
        assert!(network::is_host_interface(name.as_bytes()), "{name}");
    }
    for name in [
        "lo",
        "veth1a2b3c4",
        "cali0123456789a",
        "lxc1",
        "vnet3",
        "ifb0",
        "dummy0",
        "tunl0",
    ] {
        assert!(!network::is_host_interface(name.as_bytes()), "{name}");
    }
}

#[test]
fn devices_are_read() {
    let found: Vec<_> = disks::parse(include_bytes!("fixtures/diskstats"))
        .map(|d| {
            (
                String::from_utf8_lossy(d.name).into_owned(),
                d.read,
                d.written,
            )
        })
        .collect();
    let expected = [
        ("loop0", 22 * 512, 0),
        ("sda", 6_364_642 * 512, 7_890_744 * 512),
        ("sda1", 6_000_000 * 512, 7_890_744 * 512),
        ("sr0", 0, 0),
        ("zram0", 40 * 512, 40 * 512),
        ("nvme0n1", 8 * 512, 16 * 512),
        ("cciss/c0d0", 2 * 512, 4 * 512),
    ];
    assert_eq!(
        found,
        expected.map(|(name, read, written)| (name.to_owned(), read, written))
    );
}

#[test]
fn devices_in_memory_and_in_files_are_known_by_name() {
    for name in ["loop0", "ram15", "zram0", "sr0", "fd0"] {
        assert!(disks::is_virtual(name.as_bytes()), "{name}");
    }
    for name in [
        "sda", "nvme0n1", "md127", "dm-0", "vda", "ram", "loop", "srx",
    ] {
        assert!(!disks::is_virtual(name.as_bytes()), "{name}");
    }
}

#[test]
fn mounts_are_read() {
    let mounts: Vec<_> = mounts::parse(include_bytes!("fixtures/mountinfo")).collect();
    assert_eq!(mounts.len(), 18);
    assert_eq!(mounts[3].device, (254, 1));
    assert_eq!((mounts[3].root, mounts[3].kind), (&b"/"[..], &b"ext4"[..]));
    // Optional fields before the dash are of any number.
    assert_eq!(
        (mounts[4].point.as_slice(), mounts[4].kind),
        (&b"/home"[..], &b"xfs"[..])
    );
    assert_eq!(mounts[14].point, b"/mnt/usb stick\\n");
}

#[test]
fn each_local_file_system_is_reported_once() {
    let mounts = mounts::local(mounts::parse(include_bytes!("fixtures/mountinfo")));
    let points: Vec<_> = mounts
        .iter()
        .map(|m| String::from_utf8_lossy(&m.point))
        .collect();
    // Not: pseudo, remote, served by a program, images, parts of another mount, what is hidden.
    assert_eq!(
        points,
        ["/", "/home", "/pool", "/tank/media", "/mnt/usb stick\\n"]
    );
}

#[test]
fn the_root_is_reported_whatever_it_is() {
    let text = b"1 0 0:5 / / rw - overlay overlay rw\n2 1 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw\n";
    let points: Vec<_> = mounts::local(mounts::parse(text))
        .into_iter()
        .map(|m| m.point)
        .collect();
    assert_eq!(points, [b"/"]);
}

#[test]
fn numbers_that_do_not_fit_are_none() {
    assert_eq!(text::number(b"18446744073709551615"), Some(u64::MAX));
    for wrong in [
        "",
        "18446744073709551616",
        "+1",
        "-1",
        "1.0",
        " 1",
        "0x1",
        "\u{ff11}",
    ] {
        assert_eq!(text::number(wrong.as_bytes()), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes: Vec<u8>) {
        parse_all(&bytes);
    }

    /// Bytes that look right for longer reach further into the parsers.
    #[test]
    fn no_damaged_file_makes_a_parser_panic(
        file in 0..4_usize,
        place: prop::sample::Index,
        damage in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b' '), Just(b'\n'), Just(b'9'), Just(b'\\')], 0..40),
    ) {
        let files: [&[u8]; 4] = [
            include_bytes!("fixtures/stat"),
            include_bytes!("fixtures/net_dev"),
            include_bytes!("fixtures/diskstats"),
            include_bytes!("fixtures/mountinfo"),
        ];
        let mut bytes = files[file].to_vec();
        let place = place.index(bytes.len());
        let end = (place + damage.len()).min(bytes.len());
        bytes.splice(place..end, damage);
        parse_all(&bytes);
        bytes.truncate(place);
        parse_all(&bytes);
    }
}

fn parse_all(bytes: &[u8]) {
    let shares = cpu::parse(bytes).and_then(|times| Shares::between(&Times::default(), &times));
    if let Some(shares) = shares {
        let is_share = |share: &f64| (0.0..=100.0).contains(share);
        assert!(is_share(&shares.busy) && shares.states.iter().all(is_share));
    }
    network::parse(bytes).for_each(drop);
    disks::parse(bytes).for_each(drop);
    assert!(mounts::local(mounts::parse(bytes)).len() <= bytes.len());
}
