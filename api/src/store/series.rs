//! Series: one metric of one server, with its label where it has one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use server_scout_wire::{Label, Metric};

use super::schema::series;
use super::scope::shows;
use super::{Scope, StoreError, WriteContext};
use crate::id::{Id, Organisation, Server};
use crate::timeseries::Shown;

/// How many series the writer remembers; beyond that it forgets all and looks them up again.
const REMEMBERED: usize = 500_000;

/// A series of a server.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SeriesKey {
    /// Which metric.
    pub metric: Metric,
    /// Which interface, device or mount.
    pub label: Option<Label>,
}

/// Something for each series of a server, found without making a key.
#[derive(Clone, Debug)]
pub struct SeriesMap<T> {
    plain: Vec<Option<T>>,
    labelled: BTreeMap<Metric, BTreeMap<Label, T>>,
    len: usize,
}

/// The ids of known series, by server.
#[derive(Default)]
pub struct SeriesCache {
    servers: HashMap<Id<Server>, SeriesMap<i64>>,
    size: usize,
    /// How many series organisations have that needed new ones.
    counts: HashMap<Id<Organisation>, usize>,
}

/// The most series; what is beyond is dropped.
#[derive(Clone, Copy, Debug)]
pub struct SeriesLimits {
    /// Of one server.
    pub server: usize,
    /// Of one organisation.
    pub organisation: usize,
}

impl<T> Default for SeriesMap<T> {
    fn default() -> Self {
        let mut plain = Vec::new();
        plain.resize_with(Metric::ALL.len(), || None);
        Self {
            plain,
            labelled: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T> SeriesMap<T> {
    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is kept for a series.
    pub fn get_mut(&mut self, metric: Metric, label: Option<&Label>) -> Option<&mut T> {
        match label {
            None => self.plain.get_mut(metric as usize)?.as_mut(),
            Some(label) => self.labelled.get_mut(&metric)?.get_mut(label),
        }
    }

    /// Keeps something for a series, instead of what was kept before.
    pub fn insert(&mut self, metric: Metric, label: Option<Label>, value: T) {
        let before = match label {
            None => self
                .plain
                .get_mut(metric as usize)
                .and_then(|place| place.replace(value)),
            Some(label) => self
                .labelled
                .entry(metric)
                .or_default()
                .insert(label, value),
        };
        if before.is_none() {
            self.len += 1;
        }
    }

    /// Everything, in the catalogue's order and by label.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, Option<&Label>, &T)> {
        Metric::ALL.iter().flat_map(|metric| {
            let values = self.of(*metric);
            values.map(|(label, value)| (*metric, label, value))
        })
    }

    /// What is there of one metric, by label.
    pub fn of(&self, metric: Metric) -> impl Iterator<Item = (Option<&Label>, &T)> {
        let plain = self.plain.get(metric as usize).and_then(Option::as_ref);
        let labelled = self.labelled.get(&metric).into_iter().flatten();
        let labelled = labelled.map(|(label, value)| (Some(label), value));
        plain.map(|value| (None, value)).into_iter().chain(labelled)
    }

    /// Forgets what `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for place in &mut self.plain {
            if place.as_ref().is_some_and(|value| !keep(value)) {
                *place = None;
            }
        }
        for labels in self.labelled.values_mut() {
            labels.retain(|_, value| keep(value));
        }
        self.len = self.plain.iter().flatten().count()
            + self.labelled.values().map(BTreeMap::len).sum::<usize>();
    }
}

impl SeriesCache {
    /// Forgets everything, for example because a transaction was rolled back.
    pub fn forget(&mut self) {
        self.servers.clear();
        self.counts.clear();
        self.size = 0;
    }
}

/// The id of a series, made when it is new; none when the server or its organisation has too many
/// already.
pub(super) fn id(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    metric: Metric,
    label: Option<&Label>,
    limits: SeriesLimits,
) -> Result<Option<i64>, StoreError> {
    if !context.series.servers.contains_key(&server) {
        remember(context, scope, server)?;
    }
    let known = context.series.servers.entry(server).or_default();
    if let Some(id) = known.get_mut(metric, label) {
        return Ok(Some(*id));
    }
    if known.len() >= limits.server {
        return Ok(None);
    }
    let count = match context.series.counts.entry(scope.organisation()) {
        Entry::Occupied(count) => count.into_mut(),
        Entry::Vacant(place) => place.insert(count(context.connection, scope)?),
    };
    if *count >= limits.organisation {
        return Ok(None);
    }
    *count += 1;
    let id = create(context.connection, scope, server, metric, label)?;
    known.insert(metric, label.cloned(), id);
    context.series.size += 1;
    Ok(Some(id))
}

/// How many series an organisation has.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<usize, StoreError> {
    let count: i64 = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The names of a server's series by id. Series of metrics that this version does not know are
/// left out.
pub fn of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<HashMap<i64, SeriesKey>, StoreError> {
    let rows: Vec<(i64, String, String)> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .filter(shows(scope, server))
        .select((series::id, series::metric, series::label))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, metric, label)| Some((id, key(&metric, &label)?)))
        .collect())
}

/// The ids of a server's series, in their order, also of metrics that this version does not know.
pub fn ids_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<Vec<i64>, StoreError> {
    Ok(series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .filter(shows(scope, server))
        .order(series::id)
        .select(series::id)
        .load(connection)?)
}

/// The names of a server's series of some metrics, by metric and label.
pub fn of_metrics(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    metrics: &[Metric],
) -> Result<Vec<(i64, SeriesKey)>, StoreError> {
    let names = metrics.iter().map(|metric| metric.name());
    let rows: Vec<(i64, String, String)> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .filter(shows(scope, server))
        .filter(series::metric.eq_any(names))
        .select((series::id, series::metric, series::label))
        .load(connection)?;
    let known = rows.into_iter();
    let known = known.filter_map(|(id, metric, label)| Some((id, key(&metric, &label)?)));
    let mut known: Vec<(i64, SeriesKey)> = known.collect();
    known.sort_by(|(_, a), (_, b)| (a.metric, &a.label).cmp(&(b.metric, &b.label)));
    Ok(known)
}

/// What a chart shows of a series. A metric that this version does not know is taken for a gauge.
pub(super) fn shown(names: &HashMap<i64, SeriesKey>, series: i64) -> Shown {
    let known = names.get(&series);
    known.map_or(Shown::Values, |key| Shown::of(key.metric))
}

fn remember(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
) -> Result<(), StoreError> {
    if context.series.size > REMEMBERED {
        context.series.forget();
    }
    let mut known = SeriesMap::default();
    for (id, key) in of_server(context.connection, scope, server)? {
        known.insert(key.metric, key.label, id);
    }
    context.series.size += known.len();
    context.series.servers.insert(server, known);
    Ok(())
}

fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    metric: Metric,
    label: Option<&Label>,
) -> Result<i64, StoreError> {
    Ok(diesel::insert_into(series::table)
        .values((
            series::organisation_id.eq(scope.organisation()),
            series::server_id.eq(server),
            series::metric.eq(metric.name()),
            series::label.eq(label.map_or("", Label::as_str)),
        ))
        .returning(series::id)
        .get_result(connection)?)
}

fn key(metric: &str, label: &str) -> Option<SeriesKey> {
    let metric = Metric::from_name(metric)?;
    let label = if label.is_empty() {
        None
    } else {
        Some(Label::new(label).ok()?)
    };
    Some(SeriesKey { metric, label })
}
