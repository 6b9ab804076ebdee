//! What the dashboard keeps: the audit log and the master key, from outside.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod audit_log;
mod dump;
mod master_key;
mod organisation;
mod retention;
mod search;
