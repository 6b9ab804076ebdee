//! Several hundred addresses and spellings, of which none may be taken for a public one.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{SENDER, policy};
use crate::outbound::networks::is_public;
use crate::outbound::{Refusal, Target};

/// The first, one inner and the last address of every network that is set apart, and what clouds use.
const INSIDE_V4: [&str; 51] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.1.2.3",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.0",
    "192.88.99.1",
    "192.88.99.255",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.7",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.9",
    "203.0.113.255",
    "224.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "239.255.255.255",
    "240.0.0.0",
    "250.1.2.3",
    "255.255.255.0",
    "255.255.255.254",
    "255.255.255.255",
];

const INSIDE_V6: [&str; 50] = [
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::ffff:0:0",
    "::ffff:7f00:1",
    "::ffff:0:7f00:1",
    "64:ff9b::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::",
    "64:ff9b:1::9.9.9.9",
    "64:ff9b:1:ffff::1",
    "64:ff9b:0:1::9.9.9.9",
    "100::",
    "100::1",
    "100:0:0:1::1",
    "2001::",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db8::",
    "2001:db8::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2002::",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:909:909::1",
    "3fff::",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    "4000::1",
    "5f00::1",
    "8000::1",
    "fc00::",
    "fd00::1",
    "fd00:ec2::254",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::",
    "fe80::a9fe:a9fe",
    "febf:ffff::1",
    "fec0::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

const PUBLIC: [&str; 21] = [
    "1.1.1.1",
    "9.9.9.9",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2620:fe::fe",
    "2a00:1450::1",
    "64:ff9b::909:909",
    "::ffff:9.9.9.9",
];

#[test]
fn every_special_address_is_inside_and_its_neighbours_are_public() {
    for text in INSIDE_V4.iter().chain(&INSIDE_V6) {
        let address: IpAddr = text.parse().unwrap_or_else(|_| panic!("{text}"));
        assert!(!is_public(address), "{text}");
    }
    for text in PUBLIC {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn an_inside_address_of_version_4_stays_inside_within_one_of_version_6() {
    for text in INSIDE_V4 {
        let inner: Ipv4Addr = text.parse().unwrap();
        let [a, b, c, d] = inner.octets();
        let (a, b) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for outer in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, a, b),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, a, b),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, a, b),
            Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, a, b, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !a, !b),
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x5efe, a, b),
            Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0x5efe, a, b),
            Ipv6Addr::new(0x2a00, 1, 2, 3, 0x200, 0x5efe, a, b),
        ] {
            assert!(!is_public(outer.into()), "{outer}");
        }
    }
}

/// How an address of version 4 can be written where a URL has its host.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let bits = address.to_bits();
    let [a, b, c, d] = address.octets();
    let low = bits & 0xff_ffff;
    let full_width: String = address
        .to_string()
        .chars()
        .map(|c| {
            c.to_digit(10)
                .and_then(|digit| char::from_u32(0xff10 + digit))
                .unwrap_or(c)
        })
        .collect();
    vec![
        address.to_string(),
        format!("{address}."),
        bits.to_string(),
        format!("0x{bits:x}"),
        format!("0X{bits:08X}"),
        format!("0{bits:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.{b}.0x{c:x}.{d}"),
        format!("{a}.{low}"),
        format!("0x{a:x}.0x{low:x}"),
        format!("{a}.{b}.{}", bits & 0xffff),
        full_width.clone(),
        full_width.replace('.', "。"),
        full_width.replace('.', "．"),
        address.to_string().replace('.', "｡"),
        address.to_string().replace('.', "%2e"),
        in_percent_signs(&address.to_string()),
        format!("[::ffff:{address}]"),
        format!("[::FFFF:{:x}:{:x}]", bits >> 16, bits & 0xffff),
        format!("[0:0:0:0:0:ffff:{address}]"),
        format!("[::{address}]"),
        format!("[64:ff9b::{address}]"),
        format!("[2002:{:x}:{:x}::]", bits >> 16, bits & 0xffff),
    ]
}

fn in_percent_signs(text: &str) -> String {
    text.bytes().fold(String::new(), |mut done, byte| {
        let _ = write!(done, "%{byte:02x}");
        done
    })
}

#[test]
fn no_spelling_of_an_inside_address_is_let_through() {
    let policy = policy(&[]);
    let mut tried = 0;
    for text in INSIDE_V4 {
        for host in spellings(text.parse().unwrap()) {
            let Ok(target) = Target::parse(&format!("https://{host}/")) else {
                continue;
            };
            tried += 1;
            let judged = policy.check(SENDER, &target);
            assert_eq!(
                judged,
                Err(Refusal::NotPublic),
                "{host} of {text}: {target:?}"
            );
        }
    }
    for text in INSIDE_V6 {
        let target = super::target(&format!("https://[{text}]/"));
        tried += 1;
        assert_eq!(
            policy.check(SENDER, &target),
            Err(Refusal::NotPublic),
            "{text}"
        );
    }
    assert!(tried > 1000, "{tried}");
}
