//! Time in the engine: which reports are live, silence, reminders and maintenance.

use std::sync::Arc;
use std::time::Duration;

use server_scout_wire::Timestamp;

use super::{Batch, Change, Engine, Place, Reading, Tenant, Watched, What};
use crate::alerting::bundle::{Bundles, NoticeKind};
use crate::alerting::instance::Condition;
use crate::alerting::measure::Measure;
use crate::alerting::rule::Rule;
use crate::id::{Id, Server};

/// How far a host's clock is behind the dashboard's, judged by its reports of the last two hours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lags {
    /// When the present hour began; none before the first report.
    begun: Option<Timestamp>,
    /// The shortest of the hour before. A clock is right until it is known to be otherwise.
    before: Duration,
    /// The shortest of the present hour.
    shortest: Option<Duration>,
}

impl Lags {
    /// Whether a report was made just now. One that is older than others of its host came late: it was
    /// kept while nobody could be reached.
    pub(super) fn is_live(&mut self, at: Timestamp, now: Timestamp) -> bool {
        let lag = now.since(at);
        let begun = *self.begun.get_or_insert(now);
        if now.since(begun) >= HOUR {
            self.before = self.shortest.unwrap_or(self.before);
            self.begun = Some(now);
            self.shortest = None;
        }
        let shortest = self.shortest.map_or(lag, |shortest| shortest.min(lag));
        self.shortest = Some(shortest);
        lag <= shortest.min(self.before).saturating_add(LATE)
    }
}

impl Engine {
    /// Lets time pass: to be called every second. Silence, reminders, and windows that open and close.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        // Who was stopped or asleep has heard nobody.
        let slept = now.since(self.ticked_at) > SLEPT || now < self.ticked_at;
        if slept {
            self.listens_since = now.after(super::GRACE);
        }
        self.ticked_at = now;
        let mut changes = Vec::new();
        for (server, watched) in &mut self.servers {
            let tenant = self.tenants.get(&watched.organisation);
            watched.muted = tenant.is_some_and(|tenant| tenant.mutes(watched, now));
            if watched.placement.paused {
                continue;
            }
            watched.listen(
                *server,
                self.listens_since,
                now,
                &mut self.bundles,
                &mut changes,
            );
            watched.remind(*server, now, &mut self.bundles, &mut changes);
        }
        changes
    }

    /// Knows that a server is heard of although its reports are refused for their time.
    pub fn heard(&mut self, server: Id<Server>, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(watched) = self.servers.get_mut(&server) {
            watched.hear(server, &mut self.bundles, now, &mut changes);
        }
        changes
    }

    /// Knows that nothing can be stored, so that nobody is taken to be silent for that.
    pub fn cannot_store(&mut self, now: Timestamp) {
        self.listens_since = self.listens_since.max(now.after(super::GRACE));
    }
}

impl Tenant {
    pub(super) fn mutes(&self, watched: &Watched, now: Timestamp) -> bool {
        let mut windows = self.windows.iter();
        windows.any(|window| {
            watched.placement.is_within(&window.reach) && window.schedule.is_open(now)
        })
    }
}

impl Watched {
    fn listen(
        &mut self,
        server: Id<Server>,
        listens_since: Timestamp,
        now: Timestamp,
        bundles: &mut Bundles,
        changes: &mut Vec<Change>,
    ) {
        let Some(heard_at) = self.heard_at else {
            return;
        };
        let silent = now.since(heard_at.max(listens_since));
        let rules = self.table.of(Measure::Silence);
        let breaches = |rule: &Arc<Rule>| {
            let seconds = silent.as_secs_f64();
            !rule.terms.is_good(seconds)
        };
        if silent.is_zero() || !rules.iter().any(breaches) {
            return;
        }
        let reading = Reading {
            measure: Measure::Silence,
            label: None,
            value: silent.as_secs_f64(),
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

    fn remind(
        &mut self,
        server: Id<Server>,
        now: Timestamp,
        bundles: &mut Bundles,
        changes: &mut Vec<Change>,
    ) {
        if self.muted || self.instances.is_empty() {
            return;
        }
        let by_samples = self.by_clock_of(Measure::Restarted, now);
        for (place, instance) in &mut self.instances {
            let (Some(rule), Some(firing)) = (self.table.rule(place.rule), &instance.firing) else {
                continue;
            };
            let Some(every) = rule.terms.remind_every else {
                continue;
            };
            let quiet = firing.acknowledged
                || firing.snoozed_until.is_some_and(|until| now < until)
                || firing.reminders >= rule.terms.remind_limit
                || now.since(firing.told_at) < every;
            let measure = rule.terms.measure;
            let at = if measure.tier().is_some() {
                by_samples
            } else {
                now
            };
            // Of what is not known nobody is reminded.
            let known = instance.condition(measure.max_gap(), at) == Condition::Firing;
            if quiet || !known || instance.settling {
                continue;
            }
            let reminders = firing.reminders + 1;
            let change = Change {
                organisation: self.organisation,
                server,
                place: Place::clone(place),
                incident: firing.incident,
                what: What::Remind(reminders),
                severity: firing.severity,
                at,
                now,
                value: None,
                worst: firing.worst,
                notice: Some(bundles.notice(place.rule, NoticeKind::Reminder, now, Duration::ZERO)),
            };
            change.apply(instance);
            instance.settling = true;
            changes.push(change);
        }
    }
}

/// A report that is later than its host's others by more was kept for a while.
const LATE: Duration = Duration::from_mins(2);
const HOUR: Duration = Duration::from_hours(1);
/// Ticks further apart were not those of a running program.
const SLEPT: Duration = Duration::from_secs(15);
