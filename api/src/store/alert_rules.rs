//! Alert rules.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;
use server_scout_wire::{Label, Tag, Timestamp};

use super::schema::{alert_rule, server, server_group};
use super::{Scope, StoreError, channels, groups, servers};
use crate::alerting::{Comparison, Labels, Measure, Pattern, Reach, Rule, Terms};
use crate::id::{AlertRule, Channel, Group, Id, Organisation, Server};

/// A rule as people say it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRow {
    /// Its id.
    pub id: Id<AlertRule>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What people say.
    pub said: SaidRule,
}

/// What people say of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct SaidRule {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The word of its kind.
    pub kind: String,
    /// For which servers.
    pub reach: Reach,
    /// When it is worth an incident.
    pub terms: Terms,
    /// The channels that are told; none stands for all of them.
    pub channels: Vec<Id<Channel>>,
}

/// Reach as columns hold it.
pub(super) type ReachColumns = (Option<Id<Group>>, Option<String>, Option<Id<Server>>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = alert_rule)]
struct Stored {
    id: Id<AlertRule>,
    name: String,
    enabled: bool,
    kind: String,
    group_id: Option<Id<Group>>,
    tag: Option<String>,
    server_id: Option<Id<Server>>,
    measure: String,
    label: Option<String>,
    label_pattern: Option<String>,
    comparison: String,
    warning: Option<f64>,
    critical: Option<f64>,
    recovery: Option<f64>,
    sustain: i64,
    share: i32,
    cooldown: i64,
    remind_every: Option<i64>,
    remind_limit: i32,
    channels: String,
    created_at: i64,
}

impl RuleRow {
    /// The rule as the engine works with it.
    #[must_use]
    pub fn rule(&self) -> Rule {
        Rule {
            id: self.id,
            reach: self.said.reach.clone(),
            terms: self.said.terms.clone(),
        }
    }
}

/// The rules that the scope shows, by name: those for all or for a tag, and those for groups and servers
/// that it shows. Rules of measures that this version does not know are left out.
pub fn list(connection: &mut SqliteConnection, scope: Scope) -> Result<Vec<RuleRow>, StoreError> {
    let groups = groups::shown(scope).select(server_group::id.nullable());
    let servers = servers::shown(scope).select(server::id.nullable());
    let in_group = alert_rule::group_id
        .is_null()
        .or(alert_rule::group_id.eq_any(groups));
    let at_server = alert_rule::server_id
        .is_null()
        .or(alert_rule::server_id.eq_any(servers));
    let stored: Vec<Stored> = alert_rule::table
        .filter(alert_rule::organisation_id.eq(scope.organisation()))
        .filter(in_group.assume_not_null())
        .filter(at_server.assume_not_null())
        .order(alert_rule::name)
        .select(Stored::as_select())
        .load(connection)?;
    Ok(stored.into_iter().filter_map(Stored::row).collect())
}

/// One rule.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<AlertRule>,
) -> Result<RuleRow, StoreError> {
    let mut rules = list(connection, scope)?.into_iter();
    rules.find(|row| row.id == id).ok_or(StoreError::NotFound)
}

/// How many rules the organisation has, whoever asks: for its limit.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<usize, StoreError> {
    let count: i64 = alert_rule::table
        .filter(alert_rule::organisation_id.eq(scope.organisation()))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Makes a rule. What its reach names must be there, and its channels.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    said: &SaidRule,
    now: Timestamp,
) -> Result<RuleRow, StoreError> {
    reach_is_shown(connection, scope, &said.reach)?;
    channels::are_there(connection, scope, &said.channels)?;
    let id: Id<AlertRule> = Id::random();
    diesel::insert_into(alert_rule::table)
        .values((
            alert_rule::id.eq(id),
            alert_rule::organisation_id.eq(scope.organisation()),
            alert_rule::created_at.eq(now.as_millis()),
            columns(said),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// Changes a rule.
pub fn change(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<AlertRule>,
    said: &SaidRule,
) -> Result<RuleRow, StoreError> {
    get(connection, scope, id)?;
    reach_is_shown(connection, scope, &said.reach)?;
    channels::are_there(connection, scope, &said.channels)?;
    let ours = alert_rule::table
        .filter(alert_rule::organisation_id.eq(scope.organisation()))
        .filter(alert_rule::id.eq(id));
    diesel::update(ours)
        .set(columns(said))
        .execute(connection)?;
    get(connection, scope, id)
}

/// Deletes a rule. The history of its incidents stays.
pub fn delete(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<AlertRule>,
) -> Result<(), StoreError> {
    get(connection, scope, id)?;
    let ours = alert_rule::table
        .filter(alert_rule::organisation_id.eq(scope.organisation()))
        .filter(alert_rule::id.eq(id));
    diesel::delete(ours).execute(connection)?;
    Ok(())
}

/// Takes a channel out of what rules of the organisation name, whoever sees them.
pub(crate) fn forget_channel(
    connection: &mut SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
) -> Result<(), StoreError> {
    let ours = alert_rule::table.filter(alert_rule::organisation_id.eq(scope.organisation()));
    let naming: Vec<(Id<AlertRule>, String)> = ours
        .filter(alert_rule::channels.like(format!("%{channel}%")))
        .select((alert_rule::id, alert_rule::channels))
        .load(connection)?;
    for (id, stored) in naming {
        let mut left = read_channels(&stored);
        left.retain(|other| *other != channel);
        diesel::update(ours.filter(alert_rule::id.eq(id)))
            .set(alert_rule::channels.eq(write_channels(&left)))
            .execute(connection)?;
    }
    Ok(())
}

/// Whether the scope shows what a reach names.
pub fn reach_is_shown(
    connection: &mut SqliteConnection,
    scope: Scope,
    reach: &Reach,
) -> Result<(), StoreError> {
    match reach {
        Reach::Organisation | Reach::Tag(_) => Ok(()),
        Reach::Group(group) => groups::get(connection, scope, *group).map(drop),
        Reach::Server(server) => servers::get(connection, scope, *server).map(drop),
    }
}

/// Every rule that is switched on, for the engine, which keeps organisations apart itself.
pub(super) fn switched_on(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
) -> Result<Vec<Rule>, StoreError> {
    let stored: Vec<Stored> = alert_rule::table
        .filter(alert_rule::organisation_id.eq(organisation))
        .filter(alert_rule::enabled)
        .order(alert_rule::id)
        .select(Stored::as_select())
        .load(connection)?;
    let rows = stored.into_iter().filter_map(Stored::row);
    Ok(rows.map(|row| row.rule()).collect())
}

/// A rule of an incident that is being opened, if it is still switched on.
pub(super) fn firing(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
    id: Id<AlertRule>,
) -> Result<Option<RuleRow>, StoreError> {
    let stored: Option<Stored> = alert_rule::table
        .filter(alert_rule::organisation_id.eq(organisation))
        .filter(alert_rule::id.eq(id))
        .filter(alert_rule::enabled)
        .select(Stored::as_select())
        .first(connection)
        .optional()?;
    Ok(stored.and_then(Stored::row))
}

/// What people say, as columns hold it.
#[derive(AsChangeset, Insertable)]
#[diesel(table_name = alert_rule, treat_none_as_null = true)]
struct Columns<'a> {
    name: &'a str,
    enabled: bool,
    kind: &'a str,
    group_id: Option<Id<Group>>,
    tag: Option<String>,
    server_id: Option<Id<Server>>,
    measure: &'a str,
    label: Option<String>,
    label_pattern: Option<String>,
    comparison: &'a str,
    warning: Option<f64>,
    critical: Option<f64>,
    recovery: Option<f64>,
    sustain: i64,
    share: i32,
    cooldown: i64,
    remind_every: Option<i64>,
    remind_limit: i32,
    channels: String,
}

fn columns(said: &SaidRule) -> Columns<'_> {
    let terms = &said.terms;
    let (group_id, tag, server_id) = reach_columns(&said.reach);
    let (label, label_pattern) = match &terms.labels {
        Labels::Any => (None, None),
        Labels::One(label) => (Some(label.to_string()), None),
        Labels::Pattern(pattern) => (None, Some(pattern.as_str().to_owned())),
    };
    Columns {
        name: &said.name,
        enabled: said.enabled,
        kind: &said.kind,
        group_id,
        tag,
        server_id,
        measure: terms.measure.as_str(),
        label,
        label_pattern,
        comparison: terms.comparison.as_str(),
        warning: terms.warning,
        critical: terms.critical,
        recovery: terms.recovery,
        sustain: whole(terms.sustain),
        share: i32::from(terms.share),
        cooldown: whole(terms.cooldown),
        remind_every: terms.remind_every.map(whole),
        remind_limit: i32::try_from(terms.remind_limit).unwrap_or(i32::MAX),
        channels: write_channels(&said.channels),
    }
}

impl Stored {
    fn row(self) -> Option<RuleRow> {
        let labels = match (self.label, self.label_pattern) {
            (Some(label), _) => Labels::One(Label::new(&label).ok()?),
            (None, Some(pattern)) => Labels::Pattern(Pattern::new(Label::new(&pattern).ok()?)),
            (None, None) => Labels::Any,
        };
        let terms = Terms {
            measure: Measure::from_word(&self.measure)?,
            labels,
            comparison: Comparison::from_word(&self.comparison)?,
            warning: self.warning,
            critical: self.critical,
            recovery: self.recovery,
            sustain: seconds(self.sustain),
            share: u8::try_from(self.share).unwrap_or(100),
            cooldown: seconds(self.cooldown),
            remind_every: self.remind_every.map(seconds),
            remind_limit: u32::try_from(self.remind_limit).unwrap_or_default(),
        };
        Some(RuleRow {
            id: self.id,
            created_at: Timestamp::from_millis(self.created_at),
            said: SaidRule {
                name: self.name,
                enabled: self.enabled,
                kind: self.kind,
                reach: reach((self.group_id, self.tag, self.server_id))?,
                terms,
                channels: read_channels(&self.channels),
            },
        })
    }
}

fn write_channels(channels: &[Id<Channel>]) -> String {
    let words: Vec<String> = channels.iter().map(Id::to_string).collect();
    json!(words).to_string()
}

fn read_channels(stored: &str) -> Vec<Id<Channel>> {
    let words: Vec<String> = serde_json::from_str(stored).unwrap_or_default();
    let ids = words.iter().filter_map(|word| word.parse().ok());
    ids.collect()
}

pub(super) fn reach_columns(reach: &Reach) -> ReachColumns {
    match reach {
        Reach::Organisation => (None, None, None),
        Reach::Group(group) => (Some(*group), None, None),
        Reach::Tag(tag) => (None, Some(tag.to_string()), None),
        Reach::Server(server) => (None, None, Some(*server)),
    }
}

pub(super) fn reach(columns: ReachColumns) -> Option<Reach> {
    Some(match columns {
        (Some(group), _, _) => Reach::Group(group),
        (None, Some(tag), _) => Reach::Tag(Tag::new(&tag).ok()?),
        (None, None, Some(server)) => Reach::Server(server),
        (None, None, None) => Reach::Organisation,
    })
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn seconds(stored: i64) -> Duration {
    Duration::from_secs(u64::try_from(stored).unwrap_or(0))
}
