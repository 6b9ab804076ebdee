//! Starting: what cannot work is said in one line, and what can works.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod commands;
mod configuration;
mod egress;
mod failures;
mod health;
mod quickstart;
