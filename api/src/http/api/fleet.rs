//! The history of metrics of many servers at once.

use poem_openapi::param::Query;
use poem_openapi::{Enum, Object, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::counted::Counted;
use super::metrics::{metrics, window};
use super::schema::{Series, Time};
use super::servers::{group_id, read_protection, read_status, server_id};
use super::types::Steps;
use crate::access::Right;
use crate::domain::fleet::{FleetHistory, FleetQuestion, ServerHistory, Wanted};
use crate::domain::selection::Selection;
use crate::domain::servers::ServerQuery;
use crate::timeseries::{Combine, CombinedSeries, RankedBy, Ranking};

pub(super) struct FleetApi(pub(super) App);

/// What the values of many servers become in each step.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum Aggregate {
    /// Their mean.
    Average,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
}

/// What servers are ranked by.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum By {
    /// The mean of all samples of the range.
    Average,
    /// The mean of the newest step that has one.
    Newest,
}

/// Which servers come first.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum Order {
    /// Those with the highest value.
    Highest,
    /// Those with the lowest value.
    Lowest,
}

/// The history of many servers: every series has a value, or null, for each of the same steps.
#[derive(Clone, Debug, Object)]
pub(super) struct FleetMetrics {
    /// The beginning of the first step.
    from: Time,
    /// The end of the last step.
    to: Time,
    /// The length of a step in seconds.
    step_seconds: f64,
    /// How many servers were asked.
    asked: u32,
    /// How many of their series were left out: an answer has room for 4000 of each server by itself,
    /// and for 1000 of all as one.
    left_out: u32,
    /// Each server by itself, by name or in the order of the ranking; none with `aggregate`.
    servers: Vec<ServerMetrics>,
    /// All servers as one, by metric and label; only with `aggregate`.
    aggregate: Vec<AggregateSeries>,
}

/// What one server has to say.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct ServerMetrics {
    /// The server's id.
    id: String,
    /// Its name.
    name: String,
    /// What it was ranked by; only with `top`.
    rank: Option<f64>,
    /// Its series, by metric and label.
    series: Vec<Series>,
}

/// One metric and label of many servers. Each server counts with its mean of the step.
#[derive(Clone, Debug, Object)]
pub(super) struct AggregateSeries {
    /// The metric's name.
    metric: String,
    /// Which interface, device or mount, where the metric has one.
    #[oai(skip_serializing_if_is_none)]
    label: Option<String>,
    /// The unit of the values.
    unit: String,
    /// What the servers come to in each step; null where none has a value.
    values: Steps,
    /// How many servers have a value in each step.
    servers: Vec<u32>,
}

#[OpenApi]
impl FleetApi {
    /// Ask for the history of many servers
    ///
    /// Of all that everything fits that is asked for, or of those that are named: each by itself (at
    /// most 200), all as one with `aggregate`, or with `top` the first of a ranking by the first of
    /// `names` (at most 5000). Steps are at least a minute long, otherwise as for one server. Where there
    /// are more labels than an answer has room for, those stay that most servers have, or the first of
    /// each metric of a server; `left_out` counts the others.
    #[oai(
        path = "/metrics",
        method = "get",
        operation_id = "get_metrics_of_servers"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn get_metrics_of_servers(
        &self,
        person: PersonAuth,
        /// Names of metrics, separated by commas.
        names: Query<String>,
        /// The beginning; an hour before the end unless said otherwise.
        from: Query<Option<Time>>,
        /// The end; now unless said otherwise.
        to: Query<Option<Time>>,
        /// The most points of a series, 1 to 2000; 300 unless said otherwise.
        points: Query<Option<u32>>,
        /// Only these servers: ids, separated by commas, at most 200. Not with a filter.
        servers: Query<Option<String>>,
        /// Only servers in this group, by its id.
        group: Query<Option<String>>,
        /// Only servers with this tag, whoever set it.
        tag: Query<Option<String>>,
        /// Only servers in this condition, as in the list of servers.
        status: Query<Option<String>>,
        /// Only servers whose agent says this of its sandbox, as in the list of servers.
        protection: Query<Option<String>>,
        /// Only servers with this in their name, in capitals or not.
        search: Query<Option<String>>,
        /// All servers as one. Not with `top`.
        aggregate: Query<Option<Aggregate>>,
        /// How many servers, the first of the ranking, 1 to 50.
        top: Query<Option<u32>>,
        /// What they are ranked by; `average` unless said otherwise.
        by: Query<Option<By>>,
        /// Which come first; `highest` unless said otherwise.
        order: Query<Option<Order>>,
    ) -> Result<Counted<FleetMetrics>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let services = self.0.services();
        let question = FleetQuestion {
            metrics: metrics(&names.0)?,
            window: window(services, from.0, to.0, points.0)?,
            servers: selection(
                servers.0.as_deref(),
                group.0.as_deref(),
                tag.0,
                status.0.as_deref(),
                protection.0.as_deref(),
                search.0,
            )?,
            wanted: wanted(aggregate.0, top.0, by.0, order.0)?,
        };
        let place = self.0.reading(&person.0).await?;
        let history = services.fleet_history(scope, question).await?;
        Ok(Counted::new(history.into(), place))
    }
}

/// The servers that are named, or those that a filter lets through.
pub(super) fn selection(
    named: Option<&str>,
    group: Option<&str>,
    tag: Option<String>,
    status: Option<&str>,
    protection: Option<&str>,
    search: Option<String>,
) -> Result<Selection, Failure> {
    let query = ServerQuery {
        group: group.map(group_id).transpose()?,
        tag,
        status: status.map(read_status).transpose()?,
        protection: protection.map(read_protection).transpose()?,
        search,
        after: None,
        limit: None,
    };
    let Some(named) = named else {
        return Ok(Selection::Fitting(query));
    };
    let is_filtered = query.group.is_some()
        || query.tag.is_some()
        || query.status.is_some()
        || query.protection.is_some()
        || query.search.is_some();
    if is_filtered {
        return Err(Failure::invalid("servers", "cannot go with a filter"));
    }
    let ids: Vec<&str> = named.split(',').collect();
    if ids.len() > Selection::MAX_NAMED {
        let reason = format!("must be at most {} ids", Selection::MAX_NAMED);
        return Err(Failure::invalid("servers", &reason));
    }
    let ids = ids.into_iter().map(|id| server_id(id.trim()));
    Ok(Selection::These(ids.collect::<Result<_, _>>()?))
}

fn wanted(
    aggregate: Option<Aggregate>,
    top: Option<u32>,
    by: Option<By>,
    order: Option<Order>,
) -> Result<Wanted, Failure> {
    match (aggregate, top) {
        (Some(_), Some(_)) => Err(Failure::invalid("top", "cannot go with aggregate")),
        (Some(aggregate), None) => Ok(Wanted::Combined(aggregate.into())),
        (None, Some(count @ 1..=MAX_TOP)) => {
            let ranking = Ranking {
                by: match by.unwrap_or(By::Average) {
                    By::Average => RankedBy::Average,
                    By::Newest => RankedBy::Newest,
                },
                lowest_first: matches!(order, Some(Order::Lowest)),
            };
            Ok(Wanted::Top(count as usize, ranking))
        }
        (None, Some(_)) => {
            let reason = format!("must be 1 to {MAX_TOP}");
            Err(Failure::invalid("top", &reason))
        }
        (None, None) => Ok(Wanted::Each),
    }
}

impl From<Aggregate> for Combine {
    fn from(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Average => Self::Average,
            Aggregate::Max => Self::Max,
            Aggregate::Min => Self::Min,
            Aggregate::Sum => Self::Sum,
        }
    }
}

impl From<FleetHistory> for FleetMetrics {
    fn from(fleet: FleetHistory) -> Self {
        let FleetHistory {
            grid,
            asked,
            left_out,
            servers,
            combined,
        } = fleet;
        let steps = grid.answer(Vec::new());
        Self {
            from: Time(steps.from),
            to: Time(steps.to),
            step_seconds: steps.step.as_secs_f64(),
            asked: u32::try_from(asked).unwrap_or(u32::MAX),
            left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
            servers: servers.into_iter().map(ServerMetrics::from).collect(),
            aggregate: combined.into_iter().map(AggregateSeries::from).collect(),
        }
    }
}

impl From<ServerHistory> for ServerMetrics {
    fn from(history: ServerHistory) -> Self {
        Self {
            id: history.server.id.to_string(),
            name: history.server.name,
            rank: history.rank,
            series: history.series.into_iter().map(Series::from).collect(),
        }
    }
}

impl From<CombinedSeries> for AggregateSeries {
    fn from(series: CombinedSeries) -> Self {
        Self {
            metric: series.key.metric.name().to_owned(),
            label: series.key.label.map(|label| label.to_string()),
            unit: series.key.metric.shown_unit().to_owned(),
            values: Steps(series.values),
            servers: series.servers,
        }
    }
}

const MAX_TOP: u32 = 50;
