//! Alert rules: made, changed, deleted, and which of them is for which server.

use std::time::Duration;

use server_scout_wire::Label;

use super::Alerts;
use crate::alerting::{
    Comparison, Condition, Kind, Labels, Measure, Pattern, Reach, Severity, Terms,
};
use crate::domain::acting::Acting;
use crate::domain::audit::{Action, Object};
use crate::domain::names::Name;
use crate::domain::{ServiceError, Services};
use crate::id::{AlertRule, Id, Server};
use crate::store::alert_rules::{self, RuleRow, SaidRule};
use crate::store::{Scope, servers};

/// What somebody says of a rule, whole.
#[derive(Clone, Debug)]
pub struct RuleChange {
    /// Its name, unique in the organisation.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The word of its kind.
    pub kind: String,
    /// For which servers.
    pub reach: Reach,
    /// Of a threshold: the metric's name, `mount_usage` among them.
    pub metric: Option<String>,
    /// The one label that is looked at.
    pub label: Option<String>,
    /// A pattern of labels that are looked at.
    pub label_pattern: Option<String>,
    /// Of a threshold: `above` or `below`; above unless said otherwise.
    pub comparison: Option<String>,
    /// From where on it is a warning, in the unit of the measure.
    pub warning: Option<f64>,
    /// From where on it is critical.
    pub critical: Option<f64>,
    /// From where on it is good again.
    pub recovery: Option<f64>,
    /// How much it matters, where something is either so or not.
    pub severity: Option<String>,
    /// For how many seconds it must breach; two minutes for thresholds, else none.
    pub sustain: Option<u64>,
    /// Percent of the samples of that time that must breach; all unless said otherwise.
    pub share: Option<u8>,
    /// For how many seconds after an incident none is opened; none unless said otherwise.
    pub cooldown: Option<u64>,
    /// After how many seconds people are reminded; never unless said otherwise.
    pub remind_every: Option<u64>,
    /// How often at most; six times unless said otherwise.
    pub remind_limit: Option<u32>,
}

/// A rule as people see it.
#[derive(Clone, Debug)]
pub struct RuleView {
    /// What is stored.
    pub row: RuleRow,
    /// Other rules that stand in its place for some servers or labels: they are narrower.
    pub replaced_by: Vec<(Id<AlertRule>, String)>,
}

/// A rule at a server.
#[derive(Clone, Debug)]
pub struct RuleAtServer {
    /// The rule.
    pub row: RuleRow,
    /// Narrower rules that stand in its place here, for all labels or for some.
    pub replaced_by: Vec<(Id<AlertRule>, String)>,
    /// Where it is not simply well: labels and states.
    pub standing: Vec<(Option<Label>, Condition)>,
}

impl Services {
    pub(in crate::domain) fn alerts(&self) -> &Alerts {
        &self.0.alerts
    }

    /// The rules that the scope shows, by name.
    pub async fn alert_rules(&self, scope: Scope) -> Result<Vec<RuleView>, ServiceError> {
        let rows = self.store().read(move |c| alert_rules::list(c, scope)).await?;
        let view = |row: &RuleRow| RuleView {
            replaced_by: narrower(row, &rows),
            row: row.clone(),
        };
        Ok(rows.iter().map(view).collect())
    }

    /// One rule.
    pub async fn alert_rule(
        &self,
        scope: Scope,
        id: Id<AlertRule>,
    ) -> Result<RuleView, ServiceError> {
        let mut rules = self.alert_rules(scope).await?.into_iter();
        let found = rules.find(|view| view.row.id == id);
        found.ok_or(ServiceError::NotFound)
    }

    /// The rules that are for a server, with what replaces them there, and how they stand.
    pub async fn rules_of_server(
        &self,
        scope: Scope,
        server: Id<Server>,
    ) -> Result<Vec<RuleAtServer>, ServiceError> {
        let rows = self
            .store()
            .read(move |c| {
                servers::get(c, scope, server)?;
                alert_rules::list(c, scope)
            })
            .await?;
        let now = self.clock().now();
        let (of, standings) = {
            let engine = self.alerts().engine();
            (engine.rules_of(server), engine.standings(server, now))
        };
        let rules = of.into_iter().filter_map(|(id, replaced)| {
            let row = rows.iter().find(|row| row.id == id)?;
            let others = rows.iter().filter(|row| replaced.contains(&row.id));
            let standing = standings.iter().filter(|standing| standing.rule == id);
            Some(RuleAtServer {
                row: row.clone(),
                replaced_by: others.map(|row| (row.id, row.said.name.clone())).collect(),
                standing: standing.map(|one| (one.label.clone(), one.condition)).collect(),
            })
        });
        Ok(rules.collect())
    }

    /// Whether the scope shows what a reach names; not found when it does not.
    pub async fn see_reach(&self, scope: Scope, reach: &Reach) -> Result<(), ServiceError> {
        let reach = reach.clone();
        let seen = self.store().read(move |c| alert_rules::reach_is_shown(c, scope, &reach));
        Ok(seen.await?)
    }

    /// Makes a rule. It counts at once.
    pub async fn add_alert_rule(
        &self,
        acting: &Acting,
        change: RuleChange,
    ) -> Result<RuleView, ServiceError> {
        let said = parse(change)?;
        may_reach(acting.scope, &said.reach)?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        let row = self
            .store()
            .write(move |c| {
                if alert_rules::count(c, scope)? >= MAX_RULES {
                    return Ok(None);
                }
                let row = alert_rules::create(c, scope, &said, now)?;
                let rule = Object::alert_rule(row.id, &row.said.name);
                audit.record(c, now, &acting, Action::AlertRuleAdded, &rule, &words(&row.said))?;
                Ok(Some(row))
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?;
        let row = row.ok_or_else(|| {
            let reason = format!("is one too many: an organisation may have {MAX_RULES} rules");
            ServiceError::invalid("name", reason)
        })?;
        self.refresh_alerts(scope).await?;
        self.alert_rule(scope, row.id).await
    }

    /// Changes a rule. It counts at once; incidents that it does not cover any more end.
    pub async fn change_alert_rule(
        &self,
        acting: &Acting,
        id: Id<AlertRule>,
        change: RuleChange,
    ) -> Result<RuleView, ServiceError> {
        let said = parse(change)?;
        may_reach(acting.scope, &said.reach)?;
        self.may_change_rule(acting.scope, id).await?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let before = alert_rules::get(c, scope, id)?;
                let row = alert_rules::change(c, scope, id, &said)?;
                if before != row {
                    let rule = Object::alert_rule(id, &before.said.name);
                    let detail = words(&row.said);
                    audit.record(c, now, &acting, Action::AlertRuleChanged, &rule, &detail)?;
                }
                Ok(())
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?;
        self.refresh_alerts(scope).await?;
        self.alert_rule(scope, id).await
    }

    /// Switches a rule on or off.
    pub async fn switch_alert_rule(
        &self,
        acting: &Acting,
        id: Id<AlertRule>,
        enabled: bool,
    ) -> Result<RuleView, ServiceError> {
        self.may_change_rule(acting.scope, id).await?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let mut row = alert_rules::get(c, scope, id)?;
                if row.said.enabled != enabled {
                    row.said.enabled = enabled;
                    alert_rules::change(c, scope, id, &row.said)?;
                    let rule = Object::alert_rule(id, &row.said.name);
                    let detail = if enabled { "switched on" } else { "switched off" };
                    audit.record(c, now, &acting, Action::AlertRuleChanged, &rule, detail)?;
                }
                Ok(())
            })
            .await?;
        self.refresh_alerts(scope).await?;
        self.alert_rule(scope, id).await
    }

    /// Deletes a rule, and ends its incidents.
    pub async fn delete_alert_rule(
        &self,
        acting: &Acting,
        id: Id<AlertRule>,
    ) -> Result<(), ServiceError> {
        self.may_change_rule(acting.scope, id).await?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let rule = Object::alert_rule(id, &alert_rules::get(c, scope, id)?.said.name);
                alert_rules::delete(c, scope, id)?;
                audit.record(c, now, &acting, Action::AlertRuleDeleted, &rule, "")
            })
            .await?;
        self.refresh_alerts(scope).await
    }

    async fn may_change_rule(&self, scope: Scope, id: Id<AlertRule>) -> Result<(), ServiceError> {
        let row = self.store().read(move |c| alert_rules::get(c, scope, id)).await?;
        may_reach(scope, &row.said.reach)
    }
}

/// What reaches servers that somebody does not see is not theirs to change.
pub(super) fn may_reach(scope: Scope, reach: &Reach) -> Result<(), ServiceError> {
    let beyond = matches!(reach, Reach::Organisation | Reach::Tag(_));
    if scope.is_limited() && beyond {
        return Err(ServiceError::Forbidden);
    }
    Ok(())
}

fn narrower(row: &RuleRow, all: &[RuleRow]) -> Vec<(Id<AlertRule>, String)> {
    let rule = row.rule();
    let others = all.iter().filter(|other| {
        let other_rule = other.rule();
        other.said.enabled && other_rule.rank() > rule.rank() && other_rule.is_about(&rule)
    });
    others.map(|other| (other.id, other.said.name.clone())).collect()
}

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
        channels: Vec::new(),
    })
}

fn terms(kind: Kind, change: &RuleChange) -> Result<Terms, ServiceError> {
    let form = kind.form();
    let measure = match form.measure {
        Some(measure) => {
            absent("metric", change.metric.as_deref(), kind)?;
            measure
        }
        None => metric(change.metric.as_deref())?,
    };
    let comparison = match form.comparison {
        Some(comparison) => {
            absent("comparison", change.comparison.as_deref(), kind)?;
            comparison
        }
        None => {
            let word = change.comparison.as_deref().unwrap_or("above");
            let expected = || ServiceError::invalid("comparison", "must be above or below");
            Comparison::from_word(word).ok_or_else(expected)?
        }
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
    let sustain = change.sustain.unwrap_or(if kind == Kind::Threshold { 120 } else { 0 });
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
    let chosen = measure.filter(|measure| {
        matches!(measure, Measure::Metric(_) | Measure::MountUsage)
    });
    chosen.ok_or_else(|| {
        ServiceError::invalid("metric", "must be the name of a metric, or mount_usage")
    })
}

fn labels(kind: Kind, measure: Measure, change: &RuleChange) -> Result<Labels, ServiceError> {
    if let Some(only) = kind.labels() {
        absent("label", change.label.as_deref(), kind)?;
        absent("label_pattern", change.label_pattern.as_deref(), kind)?;
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
        let member = if one.is_some() { "label" } else { "label_pattern" };
        return Err(ServiceError::invalid(member, "is nothing that this measure has"));
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

fn set_thresholds(
    terms: &mut Terms,
    kind: Kind,
    change: &RuleChange,
) -> Result<(), ServiceError> {
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
        _ => (0.0, server_scout_wire::limits::MAX_VALUE),
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

fn absent(member: &'static str, text: Option<&str>, kind: Kind) -> Result<(), ServiceError> {
    match given(text) {
        None => Ok(()),
        Some(_) => Err(ServiceError::invalid(member, not_of(kind))),
    }
}

fn not_of(kind: Kind) -> String {
    format!("is nothing of the kind {}", kind.as_str())
}

/// What a rule says, for the audit log.
fn words(said: &SaidRule) -> String {
    let terms = &said.terms;
    let reach = match &said.reach {
        Reach::Organisation => "all servers".to_owned(),
        Reach::Group(id) => format!("group {id}"),
        Reach::Tag(tag) => format!("tag {tag}"),
        Reach::Server(id) => format!("server {id}"),
    };
    let number = |value: Option<f64>| value.map_or("none".to_owned(), |value| value.to_string());
    format!(
        "{}, {reach}: {} {}, warning {}, critical {}, {} % of {} s{}",
        said.kind,
        terms.measure.as_str(),
        terms.comparison.as_str(),
        number(terms.warning),
        number(terms.critical),
        terms.share,
        terms.sustain.as_secs(),
        if said.enabled { "" } else { ", switched off" },
    )
}

/// Rules of an organisation.
pub const MAX_RULES: usize = 200;
const MAX_REMINDERS: u32 = 100;
const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
const NAME_TAKEN: &str = "is the name of another rule already";
