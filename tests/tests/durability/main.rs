//! What was acknowledged is not lost: not by a kill, not by a full disk, not by an orderly end.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod backup;
mod crash;
mod folding;
mod full_disk;
mod shutdown;
mod spool;
mod stream;
