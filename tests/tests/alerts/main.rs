//! Alert rules, incidents and maintenance windows of the real program.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod incidents;
mod maintenance;
mod pages;
