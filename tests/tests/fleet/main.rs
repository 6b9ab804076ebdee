//! Servers as people order them: groups, tags, filters, settings, and access tokens.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod filters;
mod groups;
mod limited;
mod protection;
mod settings;
mod tags;
mod tokens;
