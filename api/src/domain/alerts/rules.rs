//! Alert rules: made, changed, deleted, and which of them is for which server.

use server_scout_wire::Label;

use super::Alerts;
use super::terms::parse;
use crate::alerting::{Condition, Reach};
use crate::domain::acting::Acting;
use crate::domain::audit::{Action, Object};
use crate::domain::{ServiceError, Services};
use crate::id::{AlertRule, Channel, Id, Server};
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
    /// The channels that are told; none stands for all of them.
    pub channels: Vec<Id<Channel>>,
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
        let rows = self
            .store()
            .read(move |c| alert_rules::list(c, scope))
            .await?;
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
                standing: standing
                    .map(|one| (one.label.clone(), one.condition))
                    .collect(),
            })
        });
        Ok(rules.collect())
    }

    /// Whether the scope shows what a reach names; not found when it does not.
    pub async fn see_reach(&self, scope: Scope, reach: &Reach) -> Result<(), ServiceError> {
        let reach = reach.clone();
        let seen = self
            .store()
            .read(move |c| alert_rules::reach_is_shown(c, scope, &reach));
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
                audit.record(
                    c,
                    now,
                    &acting,
                    Action::AlertRuleAdded,
                    &rule,
                    &words(&row.said),
                )?;
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
                    let detail = if enabled {
                        "switched on"
                    } else {
                        "switched off"
                    };
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
        let row = self
            .store()
            .read(move |c| alert_rules::get(c, scope, id))
            .await?;
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
    others
        .map(|other| (other.id, other.said.name.clone()))
        .collect()
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
    let told = match said.channels.len() {
        0 => String::new(),
        count => format!(", tells {count} channels"),
    };
    format!(
        "{}, {reach}: {} {}, warning {}, critical {}, {} % of {} s{told}{}",
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
const MAX_RULES: usize = 200;
const NAME_TAKEN: &str = "is the name of another rule already";
