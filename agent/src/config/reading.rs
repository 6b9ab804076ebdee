//! How often is reported, what the host is found by, and how much is said.

use std::time::Duration;

use server_scout_wire::Tags;
use tracing::level_filters::LevelFilter;

use super::Wrong;

pub(super) fn interval(text: &str) -> Result<Duration, Wrong> {
    match text.parse() {
        Ok(seconds @ 1..=60) => Ok(Duration::from_secs(seconds)),
        _ => Err(Wrong::expected("a whole number of seconds from 1 to 60")),
    }
}

/// Tags with commas between them; none at all is right, too.
pub(super) fn tags(text: &str) -> Result<Tags, Wrong> {
    let texts = text.split(',').map(str::trim);
    let texts = texts.filter(|tag| !(tag.is_empty() && text.trim().is_empty()));
    Tags::parse(texts).map_err(|_| {
        Wrong::expected(
            "at most 16 different tags with commas between them, each of 1 to 32 lower-case letters \
             a to z, digits, -, _, . and :, the first a letter or digit",
        )
    })
}

pub(super) fn level(text: &str) -> Result<LevelFilter, Wrong> {
    match text {
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err(Wrong::expected("error, warn, info or debug")),
    }
}
