//! From reports to the values that rules ask for.

use std::time::Duration;

use server_scout_wire::{Kind, Label, Metric, Report, Timestamp};

use super::{Boot, Watched};
use crate::alerting::measure::Measure;
use crate::timeseries::rate;

/// One value, ready to be compared.
pub(super) struct Reading {
    pub(super) measure: Measure,
    pub(super) label: Option<Label>,
    pub(super) value: f64,
}

impl Watched {
    /// The values of a report that rules ask for.
    pub(super) fn read(&mut self, report: &Report, at: Timestamp) -> Vec<Reading> {
        let mut readings = Vec::new();
        for sample in report.samples() {
            let measure = Measure::Metric(sample.metric);
            if self.table.of(measure).is_empty() {
                continue;
            }
            let label = sample.label.clone();
            let value = match sample.metric.describe().kind {
                Kind::Gauge => Some(sample.value),
                Kind::Counter => self.rate(sample.metric, label.clone(), at, sample.value),
            };
            if let Some(value) = value {
                readings.push(Reading {
                    measure,
                    label,
                    value,
                });
            }
        }
        if !self.table.of(Measure::MountUsage).is_empty() {
            readings.extend(mount_usage(report));
        }
        if let Some(uptime) = report.value(Metric::UptimeSeconds) {
            readings.extend(self.restart(uptime));
        }
        readings
    }

    fn rate(
        &mut self,
        metric: Metric,
        label: Option<Label>,
        at: Timestamp,
        value: f64,
    ) -> Option<f64> {
        let before = self.counters.insert((metric, label), (at, value))?;
        rate(before, (at, value), metric.describe().tier.max_gap())
    }

    /// Notices that the host has started again. One that was not known before has not.
    pub(super) fn note_uptime(&mut self, report: &Report, at: Timestamp) {
        let Some(uptime) = report.value(Metric::UptimeSeconds) else {
            return;
        };
        let started = at.before(Duration::from_secs_f64(uptime.clamp(0.0, LONGEST_UPTIME)));
        let again = self.boot.is_some_and(|boot| {
            let less = boot.uptime.is_none_or(|before| uptime < before);
            less && started.since(boot.at) > SAME_BOOT
        });
        let known = self.boot.filter(|_| !again);
        self.boot = Some(Boot {
            at: known.map_or(started, |boot| boot.at),
            uptime: Some(uptime),
        });
        // In maintenance that is what was to be expected.
        self.restarted |= again && !self.muted && !self.placement.paused;
    }

    fn restart(&mut self, uptime: f64) -> Option<Reading> {
        let rules = self.table.of(Measure::Restarted);
        let told = rules.iter().any(|rule| {
            let place = super::Place::new(rule.id, None);
            let instance = self.instances.get(&place);
            instance.is_some_and(|instance| instance.firing.is_some())
        });
        let asked = !rules.is_empty();
        self.restarted &= asked && !told;
        let shows = self.restarted || (told && uptime < SHOWS_FOR);
        asked.then_some(Reading {
            measure: Measure::Restarted,
            label: None,
            value: f64::from(u8::from(shows)),
        })
    }
}

/// The share of each file system that is in use.
fn mount_usage(report: &Report) -> impl Iterator<Item = Reading> {
    let used = report.samples().iter();
    let used = used.filter(|one| one.metric == Metric::MountUsedBytes);
    used.filter_map(|used| {
        let mut others = report.samples().iter();
        let available = others
            .find(|one| one.metric == Metric::MountAvailableBytes && one.label == used.label)?;
        let all = used.value + available.value;
        (all > 0.0).then(|| Reading {
            measure: Measure::MountUsage,
            label: used.label.clone(),
            value: used.value / all * 100.0,
        })
    })
}

/// Clocks are put right by less.
const SAME_BOOT: Duration = Duration::from_mins(1);
/// For so long after it, in seconds, a restart is shown.
const SHOWS_FOR: f64 = 600.0;
/// A hundred years.
const LONGEST_UPTIME: f64 = 3.2e9;
