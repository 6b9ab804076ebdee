//! One rule at one value of one server: the state machine.
//!
//! Time is that of the samples, and samples come in its order. A rule opens an incident when its
//! threshold has been breached for long enough, and ends it when the value has been good for as long.
//! Without samples nothing is opened and nothing ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use server_scout_wire::Timestamp;

use super::rule::{FLAP_WITHIN, MAX_FLAPS, Severity, Terms};
use super::track::Track;
use crate::id::{Id, Incident};

/// What is known of one rule at one value. One that is like new need not be kept.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    tracks: Tracks,
    /// The incident that is open.
    pub(super) firing: Option<Firing>,
    /// When the last incident ended.
    ended: Option<Timestamp>,
    /// How often it came back soon after its end.
    flaps: u8,
    /// Readings of its tier in a row that did not have it.
    missed: u8,
    /// A step was taken and is not known to be stored: until then no other is.
    pub(super) settling: bool,
}

/// What has to be kept over a restart beside the incidents themselves.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tracks {
    warning: Track,
    critical: Track,
    /// Since when it is good, while an incident is open.
    good: Option<i64>,
    /// Since when it is critical no more, while a critical incident is open.
    eased: Option<i64>,
    /// When the last sample was read.
    last: Option<i64>,
}

/// An incident that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// Which.
    pub incident: Id<Incident>,
    /// How much it matters now.
    pub severity: Severity,
    /// The value that was furthest beyond.
    pub worst: f64,
    /// When people were last told of it, by the dashboard's clock.
    pub told_at: Timestamp,
    /// How often people were reminded.
    pub reminders: u32,
    /// Whether somebody has it in hand.
    pub acknowledged: bool,
    /// Until when nobody wants to hear of it.
    pub snoozed_until: Option<Timestamp>,
}

/// The incident before, of which a new one depends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ended {
    /// When it ended.
    pub at: Timestamp,
    /// How often it had come back.
    pub flaps: u8,
}

/// In which state a rule is at a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Nothing is wrong.
    Ok,
    /// It breaches, and has not done so for long enough.
    Pending,
    /// An incident is open.
    Firing,
    /// An incident is open, and the value is good again.
    Recovering,
    /// There are no values, whatever was before.
    Unknown,
}

/// What a sample leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// An incident is opened.
    Open(Severity),
    /// It matters more.
    Escalate,
    /// It matters less.
    Ease,
    /// It is over.
    Resolve,
}

impl Firing {
    /// One that is opened at `now`.
    #[must_use]
    pub fn new(incident: Id<Incident>, severity: Severity, worst: f64, now: Timestamp) -> Self {
        Self {
            incident,
            severity,
            worst,
            told_at: now,
            reminders: 0,
            acknowledged: false,
            snoozed_until: None,
        }
    }
}

impl Condition {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Recovering => "recovering",
            Self::Unknown => "unknown",
        }
    }
}

impl Instance {
    /// One whose incident is open and has come back so often, or one that ended lately.
    #[must_use]
    pub fn restored(firing: Option<Firing>, ended: Option<Ended>, flaps: u8) -> Self {
        let flaps_before = ended.map_or(0, |ended| ended.flaps);
        Self {
            flaps: if firing.is_some() {
                flaps
            } else {
                flaps_before
            },
            firing,
            ended: ended.map(|ended| ended.at),
            ..Self::default()
        }
    }

    /// Takes in a sample, which is younger than those before, and says what follows from it. Where it
    /// is muted no incident is opened.
    pub fn sample(
        &mut self,
        terms: &Terms,
        at: Timestamp,
        value: f64,
        muted: bool,
    ) -> Option<Step> {
        self.missed = 0;
        self.tracks.add(terms, at, value, self.firing.is_some());
        if let Some(firing) = &mut self.firing {
            firing.worst = terms.worse(firing.worst, value);
        }
        if self.settling {
            return None;
        }
        let tracks = &self.tracks;
        let Some(firing) = &self.firing else {
            return self.opening(terms, at, value, muted).map(Step::Open);
        };
        let lasts = |since: Option<i64>| {
            let since = since.map(Timestamp::from_millis);
            since.is_some_and(|since| at.since(since) >= terms.recovers_after(self.flaps))
        };
        if lasts(tracks.good) {
            return Some(Step::Resolve);
        }
        let critical =
            terms.breaches(Severity::Critical, value) && tracks.critical.holds(terms, at);
        match firing.severity {
            Severity::Warning if critical => Some(Step::Escalate),
            Severity::Critical if terms.warning.is_some() && lasts(tracks.eased) => {
                Some(Step::Ease)
            }
            _ => None,
        }
    }

    fn opening(&self, terms: &Terms, at: Timestamp, value: f64, muted: bool) -> Option<Severity> {
        let cooled = |ended| at.since(ended) >= terms.cooldown;
        if muted || !self.ended.is_none_or(cooled) {
            return None;
        }
        let holds =
            |severity, track: &Track| terms.breaches(severity, value) && track.holds(terms, at);
        if holds(Severity::Critical, &self.tracks.critical) {
            return Some(Severity::Critical);
        }
        holds(Severity::Warning, &self.tracks.warning).then_some(Severity::Warning)
    }

    /// Knows that an incident was opened at a sample.
    pub(super) fn open(&mut self, at: Timestamp, firing: Firing) {
        let soon = |ended: Timestamp| at.since(ended) < FLAP_WITHIN;
        self.flaps = if self.ended.is_some_and(soon) {
            self.flaps.saturating_add(1).min(MAX_FLAPS)
        } else {
            0
        };
        self.firing = Some(firing);
        self.tracks.good = None;
        self.tracks.eased = None;
    }

    /// Knows that the severity changed.
    pub(super) fn set_severity(&mut self, severity: Severity) {
        self.tracks.eased = None;
        if let Some(firing) = &mut self.firing {
            firing.severity = severity;
        }
    }

    /// Knows that the incident ended.
    pub(super) fn end(&mut self, at: Timestamp) {
        self.firing = None;
        self.ended = Some(at);
        self.tracks = Tracks {
            last: self.tracks.last,
            ..Tracks::default()
        };
    }

    /// Knows that the incident ended for another reason than its value.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets what led up to now: with other terms it means something else.
    pub(super) fn begin_anew(&mut self) {
        self.tracks = Tracks::default();
    }

    /// Knows that its tier was read without it. True when it is gone.
    pub(super) fn miss(&mut self) -> bool {
        self.missed = self.missed.saturating_add(1);
        self.missed >= GONE_AFTER
    }

    /// Whether it is like new at `now`, and need not be kept.
    pub(super) fn is_idle(&self, terms: &Terms, now: Timestamp) -> bool {
        let cold = |ended| now.since(ended) >= FLAP_WITHIN.max(terms.cooldown);
        let nothing = self.firing.is_none() && !self.settling;
        nothing && self.tracks.is_quiet() && self.ended.is_none_or(cold)
    }

    /// The state at `now`, the time of the samples.
    #[must_use]
    pub fn condition(&self, max_gap: Duration, now: Timestamp) -> Condition {
        let last = self.tracks.last.map(Timestamp::from_millis);
        if last.is_none_or(|last| now.since(last) > max_gap) {
            return Condition::Unknown;
        }
        match &self.firing {
            Some(_) if self.tracks.good.is_some() => Condition::Recovering,
            Some(_) => Condition::Firing,
            None if !self.tracks.is_quiet() => Condition::Pending,
            None => Condition::Ok,
        }
    }

    /// How often it came back soon after its end.
    #[must_use]
    pub fn flaps(&self) -> u8 {
        self.flaps
    }

    /// What has to be kept over a restart; none when there is nothing.
    pub(super) fn kept(&self) -> Option<&Tracks> {
        let runs = self.tracks.good.or(self.tracks.eased);
        let kept = runs.is_some() || !self.tracks.is_quiet();
        kept.then_some(&self.tracks)
    }

    /// Goes on with what was kept.
    pub(super) fn go_on(&mut self, tracks: Tracks) {
        self.tracks = tracks;
    }
}

impl Tracks {
    fn add(&mut self, terms: &Terms, at: Timestamp, value: f64, firing: bool) {
        let gap = |last| at.since(Timestamp::from_millis(last)) > terms.measure.max_gap();
        if self.last.is_some_and(gap) {
            *self = Self::default();
        }
        self.last = Some(at.as_millis());
        let critical = terms.breaches(Severity::Critical, value);
        self.critical.add(terms, at, critical);
        let warning = terms.breaches(Severity::Warning, value);
        self.warning.add(terms, at, warning);
        let since = |before: Option<i64>| Some(before.unwrap_or(at.as_millis()));
        self.good = since(self.good).filter(|_| firing && terms.is_good(value));
        self.eased = since(self.eased).filter(|_| firing && !critical);
    }

    /// Whether nothing breaches.
    fn is_quiet(&self) -> bool {
        self.warning.since().is_none() && self.critical.since().is_none()
    }
}

/// Readings without it until a value is gone.
const GONE_AFTER: u8 = 3;
