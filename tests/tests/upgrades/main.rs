//! Upgrades: the database of every released version opens with this one, a newer one does not, and a
//! backup is all that a new machine needs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod newer;
mod older;
mod restore;
mod schema;
