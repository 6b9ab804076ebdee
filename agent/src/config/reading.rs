//! How often what is read, what is not, and how much is said of it.

use std::time::Duration;

use server_scout_wire::{Tags, Tier};
use tracing::level_filters::LevelFilter;

use super::{ConfigError, Merged, Wrong};
use crate::collect::options::{Services, Withheld};
use crate::tiers::Periods;

/// The periods of the tiers. None but the fast one is bound to be a multiple of another: a tier that
/// falls between two reports goes with the nearer one.
pub(super) fn periods(merged: &Merged<'_>) -> Result<Periods, ConfigError> {
    let mut periods = Periods::default();
    for (tier, setting, expected) in PERIODS {
        let (shortest, longest) = tier.bounds_seconds();
        let period = merged.parse(setting, |text| match text.parse() {
            Ok(seconds) if (shortest..=longest).contains(&seconds) => Ok(seconds),
            _ => Err(Wrong::expected(expected)),
        })?;
        if let Some(seconds) = period {
            periods.set(tier, Duration::from_secs(seconds));
        }
    }
    Ok(periods)
}

pub(super) fn services(text: &str) -> Result<Services, Wrong> {
    text.parse().map_err(|_| {
        Wrong::expected("at most 32 different names of systemd units with commas between them")
    })
}

pub(super) fn withheld(text: &str) -> Result<Withheld, Wrong> {
    text.parse().map_err(|_| {
        Wrong::expected("any of sandbox, services and updates, with commas between them")
    })
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

/// The line of a text, from 1, in which the byte at `offset` is.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// The setting of each tier's period and what it takes, which is what the tier bounds.
const PERIODS: [(Tier, &str, &str); Tier::ALL.len()] = [
    (
        Tier::Fast,
        "interval_seconds",
        "a whole number of seconds from 1 to 60",
    ),
    (
        Tier::Medium,
        "medium_seconds",
        "a whole number of seconds from 5 to 150",
    ),
    (
        Tier::Slow,
        "slow_seconds",
        "a whole number of seconds from 60 to 1800",
    ),
    (
        Tier::Glacial,
        "glacial_seconds",
        "a whole number of seconds from 600 to 86400",
    ),
    (
        Tier::Daily,
        "daily_seconds",
        "a whole number of seconds from 3600 to 604800",
    ),
];
