//! A server's values against its rules.

use std::sync::Arc;
use std::time::Duration;

use server_scout_wire::{Label, Report, Tier, Timestamp};

use super::{Change, End, Place, Reading, Watched, What};
use crate::alerting::bundle::{Bundles, NoticeKind};
use crate::alerting::instance::{Firing, Instance, Step};
use crate::alerting::measure::Measure;
use crate::alerting::rule::{Rule, Severity};
use crate::id::{Id, Server};

/// What one arrival leads to.
pub(super) struct Batch<'a> {
    pub(super) server: Id<Server>,
    pub(super) at: Timestamp,
    pub(super) now: Timestamp,
    pub(super) bundles: &'a mut Bundles,
    pub(super) changes: &'a mut Vec<Change>,
}

impl Watched {
    /// Knows that a report arrived, so that it is silent no more.
    pub(super) fn hear(
        &mut self,
        server: Id<Server>,
        bundles: &mut Bundles,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        self.heard_at = self.heard_at.max(Some(now));
        let silent = |rule: &Arc<Rule>| {
            let place = Place {
                rule: rule.id,
                label: None,
            };
            self.instances.contains_key(&place)
        };
        if self.table.of(Measure::Silence).iter().any(silent) {
            let reading = Reading {
                measure: Measure::Silence,
                label: None,
                value: 0.0,
            };
            let mut batch = Batch {
                server,
                at: now,
                now,
                bundles,
                changes,
            };
            self.take(&mut batch, &reading);
        }
    }

    /// Compares a value with the rules that are for it.
    pub(super) fn take(&mut self, batch: &mut Batch<'_>, reading: &Reading) {
        let table = Arc::clone(&self.table);
        for rule in table.applying(reading.measure, reading.label.as_ref()) {
            let place = Place {
                rule: rule.id,
                label: reading.label.clone(),
            };
            if !self.instances.contains_key(&place) {
                let breaches = [Severity::Warning, Severity::Critical]
                    .iter()
                    .any(|severity| rule.terms.breaches(*severity, reading.value));
                if !breaches || self.is_full() {
                    continue;
                }
                self.instances.insert(place.clone(), Instance::default());
            }
            let Some(instance) = self.instances.get_mut(&place) else {
                continue;
            };
            let step = instance.sample(&rule.terms, batch.at, reading.value, self.muted);
            let idle = instance.is_idle(&rule.terms, batch.at);
            if let Some(step) = step {
                self.step(batch, rule, &place, reading.value, step);
            } else if idle {
                self.instances.remove(&place);
            }
        }
    }

    fn is_full(&mut self) -> bool {
        let full = self.instances.len() >= MAX_INSTANCES;
        if full && !self.crowded {
            tracing::warn!(
                "a server breaches {MAX_INSTANCES} rules at once; more are not looked at"
            );
        }
        self.crowded = full;
        full
    }

    fn step(&mut self, batch: &mut Batch<'_>, rule: &Rule, place: &Place, value: f64, step: Step) {
        let Some(instance) = self.instances.get_mut(place) else {
            return;
        };
        let (at, now) = (batch.at, batch.now);
        if let Step::Open(severity) = step {
            instance.open(at, Firing::new(Id::random(), severity, value, now));
        }
        let Some(firing) = instance.firing.clone() else {
            return;
        };
        let boot = self
            .boot
            .filter(|_| rule.terms.measure == Measure::Restarted);
        let (what, severity, kind) = match step {
            Step::Open(severity) => {
                let boot = boot.map(|boot| boot.at);
                let flaps = instance.flaps();
                (
                    What::Open { flaps, boot },
                    severity,
                    Some(NoticeKind::Opened),
                )
            }
            Step::Escalate => (
                What::Escalate,
                Severity::Critical,
                Some(NoticeKind::Escalated),
            ),
            Step::Ease => (What::Ease, Severity::Warning, None),
            Step::Resolve => (
                What::End(End::Good),
                firing.severity,
                Some(NoticeKind::Resolved),
            ),
        };
        let snoozed = firing.snoozed_until.is_some_and(|until| now < until);
        let quiet = step == Step::Escalate && (snoozed || self.muted);
        let notice = kind.filter(|_| !quiet).map(|kind| {
            let patience = patience(rule.terms.measure, kind);
            batch.bundles.notice(place.rule, kind, now, patience)
        });
        let change = Change {
            organisation: self.organisation,
            server: batch.server,
            place: place.clone(),
            incident: firing.incident,
            what,
            severity,
            at,
            now,
            value: Some(value),
            worst: firing.worst,
            notice,
        };
        change.apply(instance);
        instance.settling = true;
        batch.changes.push(change);
    }

    /// What a tier was read without is gone after a few times.
    pub(super) fn miss(&mut self, batch: &mut Batch<'_>, report: &Report, readings: &[Reading]) {
        if self.instances.is_empty() {
            return;
        }
        let mut read = [false; Tier::ALL.len()];
        for sample in report.samples() {
            if let Some(read) = read.get_mut(sample.metric.describe().tier as usize) {
                *read = true;
            }
        }
        let was_read = |measure: Measure| {
            let tier = measure.tier();
            tier.is_some_and(|tier| read.get(tier as usize).copied().unwrap_or_default())
        };
        let there = |measure: Measure, label: Option<&Label>| match measure {
            Measure::Metric(metric) => {
                let mut samples = report.samples().iter();
                samples.any(|one| one.metric == metric && one.label.as_ref() == label)
            }
            derived => {
                let mut readings = readings.iter();
                readings.any(|one| one.measure == derived && one.label.as_ref() == label)
            }
        };
        self.miss_where(batch, |measure, label| {
            was_read(measure) && !there(measure, label)
        });
    }

    pub(super) fn miss_unchecked(&mut self, batch: &mut Batch<'_>, readings: &[Reading]) {
        self.miss_where(batch, |measure, label| {
            let mut readings = readings.iter();
            let there = readings.any(|one| one.measure == measure && one.label.as_ref() == label);
            measure.tier().is_none() && measure != Measure::Silence && !there
        });
    }

    fn miss_where(
        &mut self,
        batch: &mut Batch<'_>,
        misses: impl Fn(Measure, Option<&Label>) -> bool,
    ) {
        let table = Arc::clone(&self.table);
        let mut gone = Vec::new();
        for (place, instance) in &mut self.instances {
            let Some(rule) = table.rule(place.rule) else {
                continue;
            };
            if misses(rule.terms.measure, place.label.as_ref()) && instance.miss() {
                gone.push(place.clone());
            }
        }
        for place in gone {
            self.end(
                batch.server,
                &place,
                End::Gone,
                (batch.at, batch.now),
                batch.bundles,
            )
            .into_iter()
            .for_each(|change| batch.changes.push(change));
        }
    }

    /// Ends what is open at a place, and forgets what led up to now where nothing is.
    pub(super) fn end(
        &mut self,
        server: Id<Server>,
        place: &Place,
        end: End,
        (at, now): (Timestamp, Timestamp),
        bundles: &mut Bundles,
    ) -> Option<Change> {
        let instance = self.instances.get_mut(place)?;
        let Some(firing) = instance.firing.clone() else {
            instance.begin_anew();
            let rule = self.table.rule(place.rule);
            let idle = rule.is_none_or(|rule| instance.is_idle(&rule.terms, at));
            if idle && !instance.settling {
                self.instances.remove(place);
            }
            return None;
        };
        if instance.settling {
            return None;
        }
        let notice = bundles.notice(place.rule, NoticeKind::Resolved, now, Duration::ZERO);
        let change = Change {
            organisation: self.organisation,
            server,
            place: place.clone(),
            incident: firing.incident,
            what: What::End(end),
            severity: firing.severity,
            at,
            now,
            value: None,
            worst: firing.worst,
            notice: Some(notice),
        };
        change.apply(instance);
        instance.settling = true;
        Some(change)
    }
}

/// Silence is no sample that somebody waits for, and what falls silent together is noticed one by one.
fn patience(measure: Measure, kind: NoticeKind) -> Duration {
    match (measure, kind) {
        (Measure::Silence, NoticeKind::Opened | NoticeKind::Resolved) => Duration::from_secs(10),
        _ => Duration::ZERO,
    }
}

/// Rules that a server breaches, each at one label, that are kept at a time.
const MAX_INSTANCES: usize = 2000;
