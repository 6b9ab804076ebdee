//! Connections: those that dawdle are cut, those that listen hear.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod live;
mod slow;
mod strange;
