//! For how long samples have breached a threshold.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use server_scout_wire::Timestamp;

use super::rule::Terms;

/// The breaching samples of one threshold, in bounded memory whatever their number.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Track {
    /// Milliseconds of the first sample of the present stretch.
    since: Option<i64>,
    /// Where not all samples need to breach.
    shares: Option<Box<Shares>>,
}

/// How many samples there were in each sixteenth of the sustain time, and how many of them breached.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Shares {
    /// The number of the newest part since the epoch.
    newest: i64,
    parts: [(u32, u32); 16],
}

impl Track {
    /// Takes in a sample that is younger than all before.
    pub(super) fn add(&mut self, terms: &Terms, at: Timestamp, breaches: bool) {
        if terms.share >= 100 {
            self.since = breaches.then(|| self.since.unwrap_or(at.as_millis()));
            return;
        }
        if self.since.is_none() && !breaches {
            return;
        }
        self.since.get_or_insert(at.as_millis());
        let shares = self.shares.get_or_insert_default();
        shares.add(part_of(terms.sustain, at), breaches);
        if shares.sums().1 == 0 {
            *self = Self::default();
        }
    }

    /// Whether the samples up to `at`, the last of which breached, are enough for an incident.
    pub(super) fn holds(&self, terms: &Terms, at: Timestamp) -> bool {
        let Some(since) = self.since.map(Timestamp::from_millis) else {
            return false;
        };
        if at.since(since) < terms.sustain {
            return false;
        }
        let Some(shares) = self.shares.as_ref().filter(|_| terms.share < 100) else {
            return true;
        };
        let (all, breaching) = shares.sums();
        u64::from(breaching) * 100 >= u64::from(terms.share) * u64::from(all)
    }

    /// Since when it has breached, if it does.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since.map(Timestamp::from_millis)
    }
}

impl Shares {
    fn add(&mut self, part: i64, breaches: bool) {
        // Where time has gone on, what is too old makes room.
        let passed = part.saturating_sub(self.newest);
        if passed >= PARTS {
            self.parts = Default::default();
        } else if passed > 0 {
            for number in self.newest + 1..=part {
                if let Some(place) = self.place(number) {
                    *place = (0, 0);
                }
            }
        }
        self.newest = self.newest.max(part);
        if let Some((all, breaching)) = self.place(part) {
            *all = all.saturating_add(1);
            *breaching = breaching.saturating_add(u32::from(breaches));
        }
    }

    fn place(&mut self, part: i64) -> Option<&mut (u32, u32)> {
        let place = usize::try_from(part.rem_euclid(PARTS)).ok()?;
        self.parts.get_mut(place)
    }

    fn sums(&self) -> (u32, u32) {
        let parts = self.parts.iter();
        parts.fold((0, 0), |(all, breaching), (a, b)| {
            (all.saturating_add(*a), breaching.saturating_add(*b))
        })
    }
}

/// Which sixteenth of a sustain time, counted since the epoch.
pub(super) fn part_of(sustain: Duration, at: Timestamp) -> i64 {
    let millis = i64::try_from(sustain.as_millis()).unwrap_or(i64::MAX);
    at.as_millis().div_euclid((millis / PARTS).max(1))
}

/// Parts of a sustain time.
pub(super) const PARTS: i64 = 16;
