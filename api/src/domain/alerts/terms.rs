//! What people say of a rule, checked.

use std::time::Duration;

use server_scout_wire::Label;
use server_scout_wire::limits::MAX_VALUE;

use super::RuleChange;
use crate::alerting::{Comparison, Kind, Labels, Measure, Pattern, Severity, Terms};
use crate::domain::ServiceError;
use crate::domain::names::Name;
use crate::store::alert_rules::SaidRule;

/// Checks what somebody says.
pub(super) fn parse(change: RuleChange) -> Result<SaidRule, ServiceError> {
    let name = Name::parse("name", &change.name)?;
    let kind = Kind::from_word(&change.kind).ok_or_else(|| {
        let words = Kind::ALL.map(Kind::as_str).join(", ");
        ServiceError::invalid("kind", format!("must be one of {words}"))
    })?;
    Ok(SaidRule {
        name: name.as_str().to_owned(),
        enabled: change.enabled,
        kind: kind.as_str().to_owned(),
        terms: terms(kind, &change)?,
        reach: change.reach,
        channels: change.channels,
    })
}

fn terms(kind: Kind, change: &RuleChange) -> Result<Terms, ServiceError> {
    let form = kind.form();
    let measure = if let Some(measure) = form.measure {
        not_given("metric", change.metric.as_deref(), kind)?;
        measure
    } else {
        metric(change.metric.as_deref())?
    };
    let comparison = if let Some(comparison) = form.comparison {
        not_given("comparison", change.comparison.as_deref(), kind)?;
        comparison
    } else {
        let word = change.comparison.as_deref().unwrap_or("above");
        let expected = || ServiceError::invalid("comparison", "must be above or below");
        Comparison::from_word(word).ok_or_else(expected)?
    };
    let mut terms = Terms {
        measure,
        labels: labels(kind, measure, change)?,
        comparison,
        warning: None,
        critical: None,
        recovery: None,
        sustain: Duration::ZERO,
        share: change.share.unwrap_or(100),
        cooldown: seconds("cooldown_seconds", change.cooldown.unwrap_or(0), 0..=DAY)?,
        remind_every: { change.remind_every }
            .map(|every| seconds("reminder_seconds", every, MINUTE..=7 * DAY))
            .transpose()?,
        remind_limit: change.remind_limit.unwrap_or(6),
    };
    match form.flag {
        Some(flag) => set_flag(&mut terms, flag, change)?,
        None => set_thresholds(&mut terms, kind, change)?,
    }
    let sustain = change
        .sustain
        .unwrap_or(if kind == Kind::Threshold { 120 } else { 0 });
    if !form.sustains && sustain > 0 {
        return Err(ServiceError::invalid("sustain_seconds", not_of(kind)));
    }
    terms.sustain = seconds("sustain_seconds", sustain, 0..=DAY)?;
    if !(1..=100).contains(&terms.share) {
        return Err(ServiceError::invalid("share_percent", "must be 1 to 100"));
    }
    if terms.share < 100 && sustain < 16 {
        let reason = "needs a sustain time of at least 16 seconds";
        return Err(ServiceError::invalid("share_percent", reason));
    }
    if kind == Kind::Rebooted && !terms.cooldown.is_zero() {
        return Err(ServiceError::invalid("cooldown_seconds", not_of(kind)));
    }
    if terms.remind_limit > MAX_REMINDERS {
        let reason = format!("must be 0 to {MAX_REMINDERS}");
        return Err(ServiceError::invalid("reminder_limit", reason));
    }
    Ok(terms)
}

fn metric(name: Option<&str>) -> Result<Measure, ServiceError> {
    let measure = name.and_then(Measure::from_word);
    let chosen =
        measure.filter(|measure| matches!(measure, Measure::Metric(_) | Measure::MountUsage));
    chosen.ok_or_else(|| {
        ServiceError::invalid("metric", "must be the name of a metric, or mount_usage")
    })
}

fn labels(kind: Kind, measure: Measure, change: &RuleChange) -> Result<Labels, ServiceError> {
    if let Some(only) = kind.labels() {
        not_given("label", change.label.as_deref(), kind)?;
        not_given("label_pattern", change.label_pattern.as_deref(), kind)?;
        return Ok(only);
    }
    let one = given(change.label.as_deref());
    let pattern = given(change.label_pattern.as_deref());
    let read = |member, text: &str| {
        let label = Label::new(text);
        label.map_err(|why| ServiceError::invalid(member, why.to_string()))
    };
    let labels = match (one, pattern) {
        (None, None) => return Ok(Labels::Any),
        (Some(_), Some(_)) => {
            let reason = "must not stand beside a label";
            return Err(ServiceError::invalid("label_pattern", reason));
        }
        (Some(one), None) => Labels::One(read("label", one)?),
        (None, Some(pattern)) => Labels::Pattern(Pattern::new(read("label_pattern", pattern)?)),
    };
    if measure.label().is_none() {
        let member = if one.is_some() {
            "label"
        } else {
            "label_pattern"
        };
        return Err(ServiceError::invalid(
            member,
            "is nothing that this measure has",
        ));
    }
    Ok(labels)
}

fn set_flag(terms: &mut Terms, flag: f64, change: &RuleChange) -> Result<(), ServiceError> {
    for (member, value) in [
        ("warning", change.warning),
        ("critical", change.critical),
        ("recovery", change.recovery),
    ] {
        if value.is_some() {
            let reason = "is nothing of this kind; choose a severity";
            return Err(ServiceError::invalid(member, reason));
        }
    }
    let word = change.severity.as_deref().unwrap_or("warning");
    match Severity::from_word(word) {
        Some(Severity::Warning) => terms.warning = Some(flag),
        Some(Severity::Critical) => terms.critical = Some(flag),
        None => {
            let reason = "must be warning or critical";
            return Err(ServiceError::invalid("severity", reason));
        }
    }
    Ok(())
}

fn set_thresholds(terms: &mut Terms, kind: Kind, change: &RuleChange) -> Result<(), ServiceError> {
    if given(change.severity.as_deref()).is_some() {
        let reason = "is nothing of this kind; give thresholds";
        return Err(ServiceError::invalid("severity", reason));
    }
    (terms.warning, terms.critical, terms.recovery) =
        (change.warning, change.critical, change.recovery);
    let (least, most) = bounds(kind, terms.measure);
    for (member, value) in [
        ("warning", terms.warning),
        ("critical", terms.critical),
        ("recovery", terms.recovery),
    ] {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            let (unit, reason) = (terms.measure.unit(), "must be");
            let reason = format!("{reason} {least} to {most} ({unit})");
            return Err(ServiceError::invalid(member, reason));
        }
    }
    if terms.warning.is_none() && terms.critical.is_none() {
        let reason = "or critical must be there";
        return Err(ServiceError::invalid("warning", reason));
    }
    let beyond = |value: f64, other: f64| match terms.comparison {
        Comparison::Above => value > other,
        Comparison::Below => value < other,
    };
    if let (Some(warning), Some(critical)) = (terms.warning, terms.critical)
        && !beyond(critical, warning)
    {
        let reason = "must be further beyond than the warning";
        return Err(ServiceError::invalid("critical", reason));
    }
    let first = terms.warning.or(terms.critical);
    if let (Some(recovery), Some(first)) = (terms.recovery, first)
        && beyond(recovery, first)
    {
        let reason = "must not be beyond the first threshold";
        return Err(ServiceError::invalid("recovery", reason));
    }
    Ok(())
}

fn bounds(kind: Kind, measure: Measure) -> (f64, f64) {
    match (kind, measure) {
        (Kind::Offline, _) => (10.0, 604_800.0),
        (Kind::DiskFull, _) => (1.0, 8760.0),
        (Kind::KeyUnused, _) => (1.0, 3650.0),
        (_, Measure::Metric(metric)) if !measure.is_rate() => (metric.min(), metric.max()),
        (_, Measure::MountUsage) => (0.0, 100.0),
        _ => (0.0, MAX_VALUE),
    }
}

fn seconds(
    member: &'static str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Duration, ServiceError> {
    if range.contains(&value) {
        return Ok(Duration::from_secs(value));
    }
    let reason = format!("must be {} to {}", range.start(), range.end());
    Err(ServiceError::invalid(member, reason))
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn not_given(member: &'static str, text: Option<&str>, kind: Kind) -> Result<(), ServiceError> {
    match given(text) {
        None => Ok(()),
        Some(_) => Err(ServiceError::invalid(member, not_of(kind))),
    }
}

fn not_of(kind: Kind) -> String {
    format!("is nothing of the kind {}", kind.as_str())
}

const MAX_REMINDERS: u32 = 100;
const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
