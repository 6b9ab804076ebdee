//! Alerts in words.

use std::time::Duration;

use server_scout_ui::format;
use server_scout_ui::views::{IncidentEventRow, IncidentRow};
use server_scout_wire::Timestamp;

use super::super::audit::readable;
use crate::alerting::{Kind, Labels, Measure, Severity, Terms};
use crate::domain::alerts::{IncidentView, PreviewIncident};
use crate::store::alert_rules::SaidRule;
use crate::store::incidents::EventRow;

/// An incident.
pub(super) fn incident(view: &IncidentView, now: Timestamp) -> IncidentRow {
    let row = &view.row;
    let shown = Shown::of(&row.kind, &row.measure);
    // What has no threshold has no label to choose either.
    let only = Kind::from_word(&row.kind).and_then(|kind| kind.form().label);
    let label = only.map_or(row.label.as_str(), |_| "");
    let severity = match row.ended_at() {
        None => row.severity(),
        Some(_) => row.worst_severity(),
    };
    IncidentRow {
        id: row.id.to_string(),
        server: row.server.to_string(),
        server_name: row.server_name.clone(),
        rule: row.rule_name.clone(),
        label: label.to_owned(),
        severity: severity.as_str().to_owned(),
        state: view.state().to_owned(),
        value: shown.value(row.worst),
        threshold: shown.threshold(&row.comparison, row.threshold),
        since: row.opened_at().to_string(),
        since_words: readable(row.opened_at()),
        lasted: span(row.ended_at().unwrap_or(now).since(row.opened_at())),
        acknowledged_by: row.acknowledged_by.clone(),
        note: row.note.clone(),
        snoozed_until: { row.snoozed_until() }
            .filter(|until| *until > now)
            .map(readable)
            .unwrap_or_default(),
    }
}

/// Something that happened to an incident of this kind and measure.
pub(super) fn event(event: &EventRow, kind: &str, measure: &str) -> IncidentEventRow {
    let shown = Shown::of(kind, measure);
    IncidentEventRow {
        at: event.at().to_string(),
        when: readable(event.at()),
        what: event.kind.clone(),
        severity: event.severity.clone(),
        value: event
            .value
            .map(|value| shown.value(value))
            .unwrap_or_default(),
        person: event.person.clone(),
        note: event.note.clone(),
    }
}

/// An incident that would have been.
pub(super) fn previewed(one: &PreviewIncident, measure: Measure, to: Timestamp) -> IncidentRow {
    let past = &one.past;
    IncidentRow {
        server_name: one.server_name.clone(),
        label: one
            .label
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        severity: past.severity.as_str().to_owned(),
        value: reading(past.worst, measure.unit()),
        since: past.opened_at.to_string(),
        since_words: readable(past.opened_at),
        lasted: span(past.ended_at.unwrap_or(to).since(past.opened_at)),
        ..IncidentRow::default()
    }
}

/// When a rule is worth an incident.
pub(super) fn condition(said: &SaidRule) -> String {
    let terms = &said.terms;
    let kind = Kind::from_word(&said.kind).unwrap_or(Kind::Threshold);
    let unit = terms.measure.unit();
    let place = match &terms.labels {
        Labels::One(label) if kind.labels().is_none() => format!(" of {label}"),
        Labels::Pattern(pattern) => format!(" of {}", pattern.as_str()),
        Labels::Any | Labels::One(_) => String::new(),
    };
    let mut words = match kind {
        Kind::DiskFull => "time until full".to_owned(),
        Kind::KeyUnused => "time without use".to_owned(),
        Kind::Offline => "silence".to_owned(),
        Kind::Threshold => terms.measure.as_str().to_owned(),
        other => self::kind(other).to_owned(),
    };
    words.push_str(&place);
    if kind.form().flag.is_none() {
        let both = [(terms.warning, "warning"), (terms.critical, "critical")];
        let known = both.iter().filter_map(|(threshold, severity)| {
            let text = reading((*threshold)?, unit);
            Some(format!("{text} ({severity})"))
        });
        let known: Vec<String> = known.collect();
        let (direction, all) = (terms.comparison.as_str(), known.join(", "));
        words = format!("{words} {direction} {all}");
    }
    if terms.sustain.is_zero() {
        return words;
    }
    let share = match terms.share {
        100 => String::new(),
        share => format!(" in {share} % of the samples"),
    };
    format!("{words} for {}{share}", span(terms.sustain))
}

/// How much it can matter.
pub(super) fn severities(terms: &Terms) -> String {
    let all = [Severity::Warning, Severity::Critical];
    let all = all
        .into_iter()
        .filter(|one| terms.threshold(*one).is_some());
    all.map(Severity::as_str).collect::<Vec<_>>().join(", ")
}

/// A kind of rule.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::AgentOld => "Agent older than the dashboard",
        Kind::AgentUnprotected => "Agent without its sandbox",
        Kind::ClockNotSynchronised => "Clock not synchronised",
        Kind::DiskFull => "File system full soon",
        Kind::KeyUnused => "Agent key not used",
        Kind::MountReadOnly => "File system cannot be written",
        Kind::Offline => "Server offline",
        Kind::Rebooted => "Server started again",
        Kind::ServiceFailed => "Services failed",
        Kind::ServiceNotRunning => "Service not running",
        Kind::Threshold => "Metric beyond a threshold",
    }
}

/// A span of time.
pub(super) fn span(span: Duration) -> String {
    reading(span.as_secs_f64().floor(), "seconds")
}

/// A value in its unit; a span of time without parts that are nothing.
fn reading(value: f64, unit: &str) -> String {
    let text = format::value(value, unit);
    let parts = [" 0 s", " 0 min", " 0 h"];
    let short = parts.iter().find_map(|part| text.strip_suffix(part));
    short.unwrap_or(&text).to_owned()
}

/// How values of a measure are shown; not at all where something is so or not.
struct Shown(Option<&'static str>);

impl Shown {
    fn of(kind: &str, measure: &str) -> Self {
        let flag = Kind::from_word(kind).is_some_and(|kind| kind.form().flag.is_some());
        let measure = Measure::from_word(measure).filter(|_| !flag);
        Self(measure.map(Measure::unit))
    }

    fn value(&self, value: f64) -> String {
        let text = self.0.map(|unit| reading(value, unit));
        text.unwrap_or_default()
    }

    fn threshold(&self, comparison: &str, value: f64) -> String {
        let text = { self.0 }.map(|unit| format!("{comparison} {}", reading(value, unit)));
        text.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_leave_out_parts_that_are_nothing() {
        for (seconds, words) in [
            (0, "0 s"),
            (120, "2 min"),
            (125, "2 min 5 s"),
            (3600, "1 h"),
            (86_400, "1 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
        assert_eq!(reading(90.0, "percent"), "90.0 %");
    }
}
