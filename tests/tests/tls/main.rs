//! Nothing travels in the clear, and nobody is believed without a certificate.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod agent;
mod authority;
mod files;
mod transport;
