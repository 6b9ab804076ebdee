//! Where to go on in a list of incidents.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use server_scout_wire::Timestamp;

use super::problem::Failure;
use crate::id::{Id, Incident};

/// A place in a list of incidents, as cursors and pages carry it.
pub(super) fn write_cursor((at, id): (Timestamp, Id<Incident>)) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{id}", at.as_millis()))
}

/// Reads it again.
pub(super) fn read_cursor(cursor: &str) -> Result<(Timestamp, Id<Incident>), Failure> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (at, id) = text.split_once('.')?;
        Some((Timestamp::from_millis(at.parse().ok()?), id.parse().ok()?))
    };
    read().ok_or_else(|| Failure::invalid("cursor", "must be the next_cursor of the page before"))
}
