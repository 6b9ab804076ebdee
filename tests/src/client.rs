//! The client that is generated from `api/openapi.json`: what a program of somebody else would use.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "generated code"
)]

progenitor::generate_api!("../api/openapi.json");
