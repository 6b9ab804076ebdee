//! The same rules told in the plainest way: all samples are kept, and looked through each time.

use std::time::Duration;

use server_scout_wire::Timestamp;

use crate::alerting::rule::{Severity, Terms};
use crate::alerting::track::{PARTS, part_of};
use crate::alerting::{Change, End, Ended, Place, What};

/// What was said: of which rule and label, and what.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Told(String);

impl Told {
    pub(super) fn of(change: &Change) -> Self {
        let what = match change.what {
            What::Open { flaps, .. } => format!("open {:?} {flaps}", change.severity),
            What::Escalate => "escalate".to_owned(),
            What::Ease => "ease".to_owned(),
            What::Remind(number) => format!("remind {number}"),
            What::End(end) => format!("end {end:?}"),
        };
        Self::new(&change.place, &what)
    }

    fn new(place: &Place, what: &str) -> Self {
        Self(format!("{} {:?} {what}", place.rule, place.label))
    }
}

/// One rule at one value.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    samples: Vec<(Timestamp, f64)>,
    /// Where in the samples the incident was opened.
    opened: usize,
    firing: Option<Severity>,
    ended: Option<Timestamp>,
    flaps: u8,
    missed: u32,
    pub(super) settling: bool,
}

impl Value {
    pub(super) fn sample(
        &mut self,
        place: &Place,
        terms: &Terms,
        at: Timestamp,
        value: f64,
        muted: bool,
    ) -> Option<Told> {
        let last = self.samples.last().map(|(last, _)| *last);
        if last.is_some_and(|last| at.since(last) > terms.measure.max_gap()) {
            self.forget_samples();
        }
        self.samples.push((at, value));
        self.missed = 0;
        if self.settling {
            return None;
        }
        let told = match self.firing {
            None => self.open(terms, at, muted),
            Some(severity) => self.go_on(terms, at, severity),
        };
        self.settling |= told.is_some();
        told.map(|what| Told::new(place, &what))
    }

    fn open(&mut self, terms: &Terms, at: Timestamp, muted: bool) -> Option<String> {
        let hot = self
            .ended
            .is_some_and(|ended| at.since(ended) < terms.cooldown);
        let severities = [Severity::Critical, Severity::Warning];
        let severity = severities.into_iter().find(|one| self.holds(terms, *one))?;
        if hot || muted {
            return None;
        }
        let hour = Duration::from_hours(1);
        let again = self.ended.is_some_and(|ended| at.since(ended) < hour);
        self.flaps = if again { (self.flaps + 1).min(10) } else { 0 };
        self.firing = Some(severity);
        self.opened = self.samples.len();
        Some(format!("open {severity:?} {}", self.flaps))
    }

    fn go_on(&mut self, terms: &Terms, at: Timestamp, severity: Severity) -> Option<String> {
        let since = self.samples.get(self.opened..).unwrap_or_default();
        let lasts = |fits: &dyn Fn(f64) -> bool| {
            let run = since.iter().rev().take_while(|(_, value)| fits(*value));
            let begun = run.last().map(|(begun, _)| *begun);
            begun.is_some_and(|begun| at.since(begun) >= terms.recovers_after(self.flaps))
        };
        if lasts(&|value| terms.is_good(value)) {
            self.end(at);
            return Some("end Good".to_owned());
        }
        if severity == Severity::Warning {
            let critical = self.holds(terms, Severity::Critical);
            self.firing = Some(if critical {
                Severity::Critical
            } else {
                severity
            });
            return critical.then(|| "escalate".to_owned());
        }
        if terms.warning.is_some() && lasts(&|value| !terms.breaches(Severity::Critical, value)) {
            self.firing = Some(Severity::Warning);
            return Some("ease".to_owned());
        }
        None
    }

    /// Whether the threshold of a severity has been breached for long enough, up to the last sample.
    fn holds(&self, terms: &Terms, severity: Severity) -> bool {
        let breaches = |value: f64| terms.breaches(severity, value);
        let Some((at, value)) = self.samples.last().copied() else {
            return false;
        };
        if !breaches(value) {
            return false;
        }
        if terms.share == 100 {
            let run = self.samples.iter().rev();
            let begun = run.take_while(|(_, value)| breaches(*value)).last();
            return begun.is_some_and(|(begun, _)| at.since(*begun) >= terms.sustain);
        }
        let mut stretch: Vec<(Timestamp, bool)> = Vec::new();
        let within = |stretch: &[(Timestamp, bool)], now: Timestamp| {
            let oldest = part_of(terms.sustain, now) - PARTS;
            let recent = stretch
                .iter()
                .filter(|(at, _)| part_of(terms.sustain, *at) > oldest);
            let recent: Vec<bool> = recent.map(|(_, breaching)| *breaching).collect();
            (recent.len(), recent.into_iter().filter(|one| *one).count())
        };
        for (now, value) in &self.samples {
            if breaches(*value) || !stretch.is_empty() {
                stretch.push((*now, breaches(*value)));
            }
            if within(&stretch, *now).1 == 0 {
                stretch.clear();
            }
        }
        let (all, breaching) = within(&stretch, at);
        let begun = stretch.first().map(|(begun, _)| *begun);
        let long = begun.is_some_and(|begun| at.since(begun) >= terms.sustain);
        long && breaching * 100 >= usize::from(terms.share) * all
    }

    pub(super) fn miss(&mut self, place: &Place, at: Timestamp) -> Option<Told> {
        self.missed += 1;
        if self.missed < 3 {
            return None;
        }
        if self.firing.is_none() {
            self.forget_samples();
            return None;
        }
        if self.settling {
            return None;
        }
        self.end(at);
        self.settling = true;
        Some(Told::new(place, "end Gone"))
    }

    /// Ends what no rule covers any more.
    pub(super) fn uncover(&mut self, place: &Place, paused: bool, there: bool) -> Option<Told> {
        if self.firing.is_none() {
            self.forget_samples();
            if !there && !self.settling {
                *self = Self::default();
            }
            return None;
        }
        if self.settling {
            return None;
        }
        let end = if paused {
            End::Paused
        } else {
            End::RuleChanged
        };
        *self = Self {
            settling: true,
            ..Self::default()
        };
        Some(Told::new(place, &format!("end {end:?}")))
    }

    pub(super) fn begin_anew(&mut self) {
        self.forget_samples();
    }

    fn end(&mut self, at: Timestamp) {
        self.firing = None;
        self.ended = Some(at);
        self.forget_samples();
    }

    fn forget_samples(&mut self) {
        self.samples.clear();
        self.opened = 0;
    }

    /// What is known of it after a restart.
    pub(super) fn restarted(
        mut self,
        open: Option<(Severity, u8)>,
        ended: Option<Ended>,
        keeps: bool,
    ) -> Self {
        self.firing = open.map(|(severity, _)| severity);
        self.ended = ended.map(|ended| ended.at);
        self.flaps = open
            .map(|(_, flaps)| flaps)
            .or(ended.map(|ended| ended.flaps))
            .unwrap_or(0);
        self.settling = false;
        self.missed = 0;
        if !keeps {
            self.forget_samples();
        }
        self
    }
}
