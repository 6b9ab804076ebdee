//! What the agent reads from the kernel: files in its formats, and no bytes that make a parser panic.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that cannot go on fails, and figures are exact"
)]

use proptest::prelude::*;
use server_scout_agent::collect::cpu::{Shares, Stat, Times};
use server_scout_agent::collect::{
    containers, disks, kernel, memory, mounts, network, pressure, resources, sockets, storage, tcp,
    text,
};

#[test]
fn cpu_times_are_read() {
    let mut stat = Stat::default();
    assert!(stat.read(include_bytes!("fixtures/stat")));
    assert_eq!(
        stat.total,
        Times([72087, 50501, 26189, 461_130, 1812, 17, 432, 905])
    );
    let cores: Vec<u64> = stat.cores.iter().map(|(number, _)| *number).collect();
    assert_eq!(cores, [0, 1]);
    assert_eq!(stat.context_switches, Some(17_211_222));
    assert_eq!((stat.running, stat.blocked), (Some(2), Some(0)));
    // Kernels before 2.6 had four states, and what a later reading lacks is not kept.
    assert!(stat.read(b"cpu 1 2 3 4\n"));
    assert_eq!(stat.total, Times([1, 2, 3, 4, 0, 0, 0, 0]));
    assert!(stat.cores.is_empty() && stat.context_switches.is_none());
    for wrong in [
        "",
        "cpu",
        "cpu 1 2 3",
        "cpu 1 2 3 x",
        "cpu0 1 2 3 4",
        "intr 1 2 3 4",
        "cpu -1 2 3 4",
    ] {
        assert!(!Stat::default().read(wrong.as_bytes()), "{wrong}");
    }
    assert!(stat.read(b"cpu 1 2 3 4\ncpu7 1 2 3\ncpux 1 2 3 4\ncpu3 1 2 3 4\nctxt x\n"));
    assert_eq!((stat.cores.len(), stat.context_switches), (1, None));
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
                i.received.bytes,
                i.sent.bytes,
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
fn packets_errors_and_drops_are_read() {
    let text = b"head\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    let interface = network::parse(text).next().unwrap();
    let traffic = |bytes, packets, errors, drops| network::Traffic {
        bytes,
        packets,
        errors,
        drops,
    };
    assert_eq!(interface.received, traffic(1, 2, 3, 4));
    assert_eq!(interface.sent, traffic(9, 10, 11, 12));
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
        // A bridge is no end of a cable.
        "lxcbr0",
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
fn operations_and_times_of_devices_are_read() {
    let sda = disks::parse(include_bytes!("fixtures/diskstats"))
        .nth(1)
        .unwrap();
    assert_eq!((sda.reads, sda.writes), (47_539, 10_250));
    assert_eq!((sda.busy_millis, sda.queue_millis), (9596, 59_392));
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
    // A mount that is read-only says nothing of the file system.
    let ro = |line: &[u8]| mounts::parse(line).next().unwrap().read_only;
    assert!(ro(
        b"1 2 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 ro,errors=remount-ro\n"
    ));
    assert!(!ro(
        b"1 2 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
    ));
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

#[test]
fn numbers_with_a_sign_or_a_fraction_are_read() {
    assert_eq!(text::signed(b"-12500"), Some(-12_500));
    assert_eq!(text::signed(b"9223372036854775807"), Some(i64::MAX));
    assert_eq!(text::signed(b"-9223372036854775808"), Some(i64::MIN));
    assert_eq!(text::fraction(b"0.26"), Some(0.26));
    for wrong in ["", "-", "--1", "1e3", "inf", "NaN", "1.2.3", "."] {
        assert_eq!(text::fraction(wrong.as_bytes()), None, "{wrong}");
        assert_eq!(text::signed(wrong.as_bytes()), None, "{wrong}");
    }
    assert_eq!(text::signed(b"9223372036854775808"), None);
}

#[test]
fn memory_is_read() {
    let figures = memory::parse(
        b"MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 300 kB\n\
          SwapTotal: 200 kB\nSwapFree: 150 kB\nDirty: x kB\nSlab:\nHugePages_Total: 0\n",
    )
    .unwrap();
    assert_eq!((figures.total, figures.used()), (1_024_000, 409_600));
    assert_eq!(figures.swap_used(), Some(51_200));
    assert_eq!((figures.dirty, figures.slab), (None, None));
    // A kernel before 3.14, and one whose balloon moves while the file is written.
    let old = memory::parse(
        b"MemTotal: 10 kB\nMemFree: 1 kB\nBuffers: 2 kB\nCached: 4 kB\nShmem: 1 kB\n",
    );
    assert_eq!(old.unwrap().available, 6 * 1024);
    let balloon = memory::parse(b"MemTotal: 10 kB\nMemAvailable: 12 kB\n").unwrap();
    assert_eq!((balloon.used(), balloon.swap_used()), (0, None));
    for wrong in ["", "MemFree: 1 kB", "MemTotal: 0 kB", "MemTotal: many kB"] {
        assert_eq!(memory::parse(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn pressure_is_read() {
    let text = b"some avg10=0.12 avg60=0.05 avg300=0.01 total=4162873847\n\
                 full avg10=0.00 avg60=0.00 avg300=0.00 total=77\n";
    let stalls = pressure::parse(text).unwrap();
    assert_eq!((stalls.some, stalls.full), (4_162_873_847, Some(77)));
    let some = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
    assert_eq!(pressure::parse(some).unwrap().full, None);
    for wrong in ["", "some avg10=0.00", "full total=1", "some total=-1"] {
        assert_eq!(pressure::parse(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn load_and_uptime_are_read() {
    assert_eq!(
        kernel::loads(b"8.56 7.39 5.94 12/345 9876\n"),
        Some([8.56, 7.39, 5.94])
    );
    assert_eq!(kernel::uptime(b"13958.21 21000.12\n"), Some(13_958.21));
    for wrong in ["", "1 2", "1 2 x", "a b c"] {
        assert_eq!(kernel::loads(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn sockets_are_counted() {
    let counts = sockets::parse_counts(
        b"sockets: used 423\nTCP: inuse 12 orphan 1 tw 30 alloc 40 mem 8\nUDP: inuse 7 mem 3\n",
    );
    assert_eq!(
        (counts.used, counts.tcp, counts.udp),
        (Some(423), Some(12), Some(7))
    );
    assert_eq!((counts.orphans, counts.time_wait), (Some(1), Some(30)));
    let counts6 = sockets::parse_counts(b"TCP6: inuse 5\nUDP6: inuse 2\nRAW6: inuse 0\n");
    assert_eq!(
        (counts6.used, counts6.tcp, counts6.udp),
        (None, Some(5), Some(2))
    );
    assert_eq!(
        sockets::parse_counts(b"TCP: inuse\nsockets: 5\n"),
        sockets::Counts::default()
    );

    // Names before values: a kernel can have fewer or more of them.
    let tcp = sockets::parse_tcp(
        b"Ip: A\nIp: 1\nTcp: RtoMin CurrEstab X RetransSegs\nTcp: 200 9 -1 17\n",
    );
    assert_eq!((tcp.established, tcp.retransmits), (Some(9), Some(17)));
    assert_eq!(
        sockets::parse_tcp(b"Tcp: CurrEstab RetransSegs\n"),
        sockets::Tcp::default()
    );
    assert_eq!(
        sockets::parse_tcp(b"Tcp: CurrEstab\nTcp:\n"),
        sockets::Tcp::default()
    );
}

#[test]
fn connections_are_counted_by_state() {
    let mut counts = [0; tcp::STATES.len()];
    for line in [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
        "   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   110",
        "   1: 0B00A8C0:8B1E 0101A8C0:01BB 01 00000000:00000000 00:00000000 00000000  1000",
        "   2: 0B00A8C0:8B20 0101A8C0:01BB 01 00000000:00000000 00:00000000 00000000  1000",
        "   3: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0",
        "   4: 0100007F:0CEA 00000000:0000 FF",
        "   5: 0100007F:0CEA 00000000:0000 00",
        "   6: 0100007F:0CEA",
        "nonsense",
    ] {
        tcp::count(&mut counts, line.as_bytes());
    }
    assert_eq!((counts[0], counts[9], counts.iter().sum()), (2, 2, 4_u64));
}

#[test]
fn what_a_host_shares_is_read() {
    assert_eq!(
        resources::parse_open_files(b"2596\t0\t9223372036854775807\n"),
        Some((2596, 9_223_372_036_854_775_807))
    );
    assert_eq!(
        resources::parse_open_files(b"2596 96 100"),
        Some((2500, 100))
    );
    assert_eq!(resources::parse_open_files(b"2596 0"), None);
    assert_eq!(
        resources::parse_oom_kills(b"nr_free 1\noom_kill 3\n"),
        Some(3)
    );
    assert_eq!(
        resources::parse_oom_kills(b"nr_free 1\noom_killed 3\n"),
        None
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes: Vec<u8>) {
        parse_all(&bytes);
    }

    /// Bytes that look right for longer reach further into the parsers.
    #[test]
    fn no_damaged_file_makes_a_parser_panic(
        file in 0..5_usize,
        place: prop::sample::Index,
        damage in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b' '), Just(b'\n'), Just(b'9'), Just(b'\\')], 0..40),
    ) {
        let files: [&[u8]; 5] = [
            include_bytes!("fixtures/stat"),
            include_bytes!("fixtures/net_dev"),
            include_bytes!("fixtures/diskstats"),
            include_bytes!("fixtures/mountinfo"),
            include_bytes!("fixtures/mdstat"),
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
    let mut stat = Stat::default();
    let shares = stat
        .read(bytes)
        .then(|| Shares::between(&Times::default(), &stat.total));
    if let Some(shares) = shares.flatten() {
        let is_share = |share: &f64| (0.0..=100.0).contains(share);
        assert!(is_share(&shares.busy) && shares.states.iter().all(is_share));
    }
    network::parse(bytes).for_each(drop);
    disks::parse(bytes).for_each(drop);
    assert!(mounts::local(mounts::parse(bytes)).len() <= bytes.len());
    for array in storage::parse(bytes) {
        assert!(array.active <= array.disks);
    }
    let figures = memory::parse(bytes);
    assert!(figures.is_none_or(|figures| figures.available <= figures.total));
    for line in text::lines(bytes) {
        tcp::count(&mut [0; tcp::STATES.len()], line);
    }
    let _ = (
        pressure::parse(bytes),
        kernel::loads(bytes),
        kernel::uptime(bytes),
    );
    let _ = (sockets::parse_counts(bytes), sockets::parse_tcp(bytes));
    let _ = (
        resources::parse_open_files(bytes),
        resources::parse_oom_kills(bytes),
    );
    let _ = (containers::cpu_micros(bytes), containers::io_bytes(bytes));
    let _ = containers::container(&String::from_utf8_lossy(bytes), None);
}
