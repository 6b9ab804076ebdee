//! People: the first owner's link, logging in, sessions, and what a browser is told.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod account;
mod cross_site;
mod first_owner;
mod headers;
mod hosts;
mod login;
mod tenants;
