//! The one way out: requests to addresses that people typed.
//!
//! Whatever such an address is, nothing inside a network can be reached through it unless the operator
//! opened it. The name is looked up anew for each request, all of its addresses are judged, and the
//! connection is made to one of those that were judged. There is no redirect, no proxy, no pool of
//! connections and no cookie here to go wrong: hyper speaks over a connection that this module made. Of the
//! answer, nothing is read but its head.

mod client;
mod lookup;
pub mod networks;
mod policy;
mod target;
#[cfg(test)]
mod tests;

pub use self::client::{Answer, Outbound, OutboundError, Request, TrustError};
pub use self::policy::{Opening, Place, Policy, Refusal, Sender};
pub use self::target::{MAX_BYTES, Target, TargetError};
