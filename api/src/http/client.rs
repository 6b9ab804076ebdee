//! Which address a request really comes from.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::http::header;
use poem::{Addr, Request};

use super::edge::ClientAddress;
use crate::domain::client::{Client, UserAgent};

/// Where a request comes from, as sessions and audit events show it.
pub(super) fn of(request: &Request) -> Client {
    let user_agent = request.headers().get(header::USER_AGENT);
    Client {
        address: request
            .data::<ClientAddress>()
            .and_then(|address| address.0),
        user_agent: user_agent
            .map(|text| UserAgent::cleaned(text.as_bytes()))
            .unwrap_or_default(),
    }
}

/// The address that asked, as far as it can be trusted.
///
/// A forwarding header counts only when the peer itself is a configured proxy; then it is the
/// right-most address that is not a proxy, because everything left of it was written by strangers.
pub(super) fn address(request: &Request, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = match &request.remote_addr().0 {
        Addr::SocketAddr(SocketAddr::V4(peer)) => Some(IpAddr::V4(*peer.ip())),
        Addr::SocketAddr(SocketAddr::V6(peer)) => Some(peer.ip().to_canonical()),
        // Whoever opens our own Unix socket is the proxy in front of us.
        _ => None,
    };
    let forwarded = request.headers().get_all("x-forwarded-for").iter();
    let forwarded: Vec<&str> = forwarded.map(|line| line.to_str().unwrap_or("?")).collect();
    behind_proxies(peer, &forwarded, trusted)
}

fn behind_proxies(peer: Option<IpAddr>, forwarded: &[&str], trusted: &[IpNet]) -> Option<IpAddr> {
    let is_proxy = |ip: &IpAddr| trusted.iter().any(|network| network.contains(ip));
    if peer.is_some_and(|peer| !is_proxy(&peer)) || trusted.is_empty() {
        return peer;
    }
    for hop in forwarded.iter().rev().flat_map(|line| line.rsplit(',')) {
        match hop.trim().parse::<IpAddr>().map(|ip| ip.to_canonical()) {
            Ok(ip) if is_proxy(&ip) => {}
            Ok(ip) => return Some(ip),
            // What cannot be read cannot be trusted, nor can anything left of it.
            Err(_) => return peer,
        }
    }
    peer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(forwarded: &[&str], trusted: &str) -> Option<IpAddr> {
        let trusted = trusted
            .split_whitespace()
            .filter_map(|network| network.parse().ok());
        behind_proxies(ip("10.0.0.9"), forwarded, &trusted.collect::<Vec<IpNet>>())
    }

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(asked(&["1.2.3.4"], ""), ip("10.0.0.9"));
        assert_eq!(asked(&["1.2.3.4"], "192.168.0.0/16"), ip("10.0.0.9"));
    }

    #[test]
    fn behind_a_proxy_the_last_stranger_counts() {
        assert_eq!(asked(&["9.9.9.9, 1.2.3.4"], "10.0.0.0/8"), ip("1.2.3.4"));
        assert_eq!(
            asked(&["9.9.9.9", "1.2.3.4, 10.0.0.1"], "10.0.0.0/8"),
            ip("1.2.3.4")
        );
        assert_eq!(asked(&["::ffff:1.2.3.4"], "10.0.0.0/8"), ip("1.2.3.4"));
        assert_eq!(asked(&["1.2.3.4, nonsense"], "10.0.0.0/8"), ip("10.0.0.9"));
        assert_eq!(asked(&[], "10.0.0.0/8"), ip("10.0.0.9"));
    }
}
