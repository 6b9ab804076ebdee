//! What a rule would have done over the last day, by the same state machine over what is stored.

use std::time::Duration;

use server_scout_wire::{Label, Metric, Timestamp};

use super::RuleChange;
use super::terms::parse;
use crate::alerting::{Measure, Past, replay};
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::alert_rules::{self, SaidRule};
use crate::store::{Scope, placements, servers};
use crate::timeseries::{HistorySeries, Window};

/// What a rule would have done.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// From when on was looked.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How many servers were looked at.
    pub servers: usize,
    /// How many more there are that the rule is for.
    pub more_servers: usize,
    /// The incidents, in the order of their beginning, the first hundred.
    pub incidents: Vec<PreviewIncident>,
    /// How many there would have been.
    pub count: usize,
    /// Why nothing can be said, where what the rule looks at is not stored over time.
    pub unknown: bool,
}

/// An incident that would have been.
#[derive(Clone, Debug)]
pub struct PreviewIncident {
    /// At which server.
    pub server: Id<Server>,
    /// The server's name.
    pub server_name: String,
    /// At which label.
    pub label: Option<Label>,
    /// When, to the minute, and how bad.
    pub past: Past,
}

impl Services {
    /// What a rule would have done over the last 24 hours at the servers that the scope shows.
    pub async fn preview_alert_rule(
        &self,
        scope: Scope,
        change: RuleChange,
    ) -> Result<Preview, ServiceError> {
        let said = parse(change)?;
        let reach = said.reach.clone();
        let (named, placed) = self
            .store()
            .read(move |c| {
                alert_rules::reach_is_shown(c, scope, &reach)?;
                Ok((servers::names(c, scope)?, placements::of(c, scope)?))
            })
            .await?;
        let placed = placed.map(|said| said.placements).unwrap_or_default();
        let within = |server: Id<Server>| {
            let mut placed = placed.iter();
            placed.any(|one| one.server == server && one.is_within(&said.reach))
        };
        let named: Vec<(Id<Server>, String)> = named
            .into_iter()
            .filter(|(server, _)| within(*server))
            .collect();
        let to = self.clock().now();
        let mut preview = Preview {
            from: to.before(SPAN),
            to,
            servers: named.len().min(MAX_SERVERS),
            more_servers: named.len().saturating_sub(MAX_SERVERS),
            ..Preview::default()
        };
        let Some(metrics) = metrics(said.terms.measure) else {
            preview.unknown = true;
            return Ok(preview);
        };
        for (server, name) in named.into_iter().take(MAX_SERVERS) {
            self.preview_at(scope, (server, &name), &said, &metrics, &mut preview)
                .await?;
        }
        preview
            .incidents
            .sort_by_key(|incident| incident.past.opened_at);
        preview.count = preview.incidents.len();
        preview.incidents.truncate(SHOWN);
        Ok(preview)
    }

    async fn preview_at(
        &self,
        scope: Scope,
        (server, name): (Id<Server>, &str),
        said: &SaidRule,
        metrics: &[Metric],
        preview: &mut Preview,
    ) -> Result<(), ServiceError> {
        let Ok(window) = Window::new(preview.from, preview.to, Window::MAX_POINTS) else {
            return Ok(());
        };
        let history = self
            .history(scope, server, metrics.to_vec(), window)
            .await?;
        let step = i64::try_from(history.step.as_millis()).unwrap_or(i64::MAX);
        let at = |place: i64| {
            let end = history.from.as_millis().saturating_add((place + 1) * step);
            Timestamp::from_millis(end)
        };
        for (label, values) in values(said.terms.measure, &history.series) {
            if !said.terms.labels.fit(label.as_ref()) {
                continue;
            }
            let known = values.iter().zip(0_i64..);
            let readings: Vec<(Timestamp, f64)> = known
                .filter_map(|(value, place)| Some((at(place), (*value)?)))
                .collect();
            let readings = if said.terms.measure == Measure::Silence {
                silences(&readings, preview.to)
            } else {
                readings
            };
            let found = replay(&said.terms, &readings);
            preview
                .incidents
                .extend(found.into_iter().map(|past| PreviewIncident {
                    server,
                    server_name: name.to_owned(),
                    label: label.clone(),
                    past,
                }));
        }
        Ok(())
    }
}

/// The metrics that a measure is made of; none where it is not stored over time.
fn metrics(measure: Measure) -> Option<Vec<Metric>> {
    match measure {
        Measure::Metric(metric) => Some(vec![metric]),
        Measure::MountUsage => Some(vec![Metric::MountUsedBytes, Metric::MountAvailableBytes]),
        Measure::Silence => Some(vec![Metric::CpuUsage]),
        Measure::HoursUntilFull
        | Measure::Restarted
        | Measure::AgentOld
        | Measure::KeyUnusedDays => None,
    }
}

type Values = (Option<Label>, Vec<Option<f64>>);

fn values(measure: Measure, series: &[HistorySeries]) -> Vec<Values> {
    let of = |metric| series.iter().filter(move |one| one.key.metric == metric);
    match measure {
        Measure::MountUsage => of(Metric::MountUsedBytes)
            .filter_map(|used| {
                let mut others = of(Metric::MountAvailableBytes);
                let free = others.find(|free| free.key.label == used.key.label)?;
                let both = used.average.iter().zip(&free.average);
                let percent = both.map(|(used, free)| {
                    let (used, free) = ((*used)?, (*free)?);
                    (used + free > 0.0).then(|| used / (used + free) * 100.0)
                });
                Some((used.key.label.clone(), percent.collect()))
            })
            .collect(),
        _ => series
            .iter()
            .map(|one| (one.key.label.clone(), one.average.clone()))
            .collect(),
    }
}

/// How long it was silent, once a minute.
fn silences(heard: &[(Timestamp, f64)], to: Timestamp) -> Vec<(Timestamp, f64)> {
    let mut silences = Vec::new();
    let ends = heard.iter().skip(1).map(|(at, _)| *at).chain([to]);
    for ((at, _), end) in heard.iter().zip(ends) {
        silences.push((*at, 0.0));
        let mut minute = at.after(MINUTE);
        while minute < end {
            silences.push((minute, minute.since(*at).as_secs_f64()));
            minute = minute.after(MINUTE);
        }
    }
    silences
}

const SPAN: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);
/// Servers that are looked at; each costs some milliseconds.
const MAX_SERVERS: usize = 50;
const SHOWN: usize = 100;
