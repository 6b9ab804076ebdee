//! The API as programs see it: its document, its errors, its lists, its generated client.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod document;
mod generated_client;
mod servers;
