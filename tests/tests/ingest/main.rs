//! Reports: what is accepted, what is refused and how, and who may send them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod bad_input;
mod bad_values;
mod keys;
mod principals;
mod round_trip;
