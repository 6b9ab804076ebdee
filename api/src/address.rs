//! Addresses of clients.

use std::net::IpAddr;

/// What one client has for itself: an address of version 4, or of version 6 a network of 64 bits,
/// within which it can take any address it likes.
#[must_use]
pub fn of_one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}
