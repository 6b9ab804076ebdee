//! Questions about many servers, and metrics that people take along.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod export;
mod fleet;

use jiff::{SignedDuration, Timestamp};

/// The moment so many whole minutes before the last whole one.
fn minutes_ago(minutes: i64) -> Timestamp {
    let now = Timestamp::now().as_second();
    let begun = Timestamp::from_second(now - now.rem_euclid(60)).unwrap();
    begun - SignedDuration::from_mins(minutes)
}
