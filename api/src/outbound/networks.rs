//! Which addresses belong to everybody, after IANA's registries of special-purpose addresses
//! (RFC 6890 and what came later): everything else is somebody's inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Whether an address is one that anybody on the Internet could reach as well.
///
/// Of version 4, everything that is not set apart; of version 6, what is allotted to the public, less what
/// is set apart of it. An address that carries one of version 4 is judged by that.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The address as the kernel would take it: a mapped one of version 4 is one of version 4.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| network.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if NAT64.contains(&address) {
        return is_public_v4(last_four(address));
    }
    // Of ISATAP (RFC 5214, 6.1) only the second half of the address is known.
    let carries_v4 = matches!(address.segments(), [.., 0 | 0x200, 0x5efe, _, _]);
    PUBLIC_V6.contains(&address)
        && !SPECIAL_V6.iter().any(|network| network.contains(&address))
        && (!carries_v4 || is_public_v4(last_four(address)))
}

fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: [u16; 3], length: u8) -> Ipv6Net {
    let [a, b, c] = first;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

const SPECIAL_V4: [Ipv4Net; 15] = [
    // This network, RFC 791; Linux connects 0.0.0.0 to itself.
    v4(0, 0, 0, 0, 8),
    // Private, RFC 1918.
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    // Shared by the customers of a provider, RFC 6598.
    v4(100, 64, 0, 0, 10),
    // Loopback, RFC 1122.
    v4(127, 0, 0, 0, 8),
    // Link-local, RFC 3927, with the metadata services of clouds.
    v4(169, 254, 0, 0, 16),
    // Protocol assignments, RFC 6890.
    v4(192, 0, 0, 0, 24),
    // Documentation, RFC 5737.
    v4(192, 0, 2, 0, 24),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    // Relays of 6to4, given up by RFC 7526.
    v4(192, 88, 99, 0, 24),
    // Benchmarking, RFC 2544.
    v4(198, 18, 0, 0, 15),
    // Multicast, RFC 5771.
    v4(224, 0, 0, 0, 4),
    // Reserved, RFC 1112, and the limited broadcast address.
    v4(240, 0, 0, 0, 4),
];

/// Global unicast, RFC 4291: all that was ever allotted. Loopback, unspecified, compatible, discard-only,
/// unique-local, link-local, site-local and multicast addresses, and the local NAT64 of RFC 8215, are not
/// in it.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0], 3);
/// Of a translator, RFC 6052: the last four bytes are what it connects to.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 96);

const SPECIAL_V6: [Ipv6Net; 4] = [
    // Protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID among them.
    v6([0x2001, 0, 0], 23),
    // Documentation, RFC 3849 and RFC 9637.
    v6([0x2001, 0xdb8, 0], 32),
    v6([0x3fff, 0, 0], 20),
    // 6to4, RFC 3056: a tunnel to the address of version 4 within, which nothing public needs any more.
    v6([0x2002, 0, 0], 16),
];
