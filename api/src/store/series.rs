//! Series: one metric of one server, with its label where it has one.

use std::collections::{HashMap, hash_map};
use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::{Label, Metric, Timestamp};

use super::schema::series;
use super::scope::shows;
use super::{Scope, StoreError, WriteContext, empty_series};
use crate::id::{Id, Organisation, Server};
use crate::timeseries::Shown;

/// How many series the writer remembers; beyond that it forgets all and looks them up again.
const REMEMBERED: usize = 500_000;
/// A server never has more than so many times its limit, ended ones included.
const WITH_ENDED: usize = 10;
/// How long it holds how many series have ended.
const LOOK_AGAIN: Duration = Duration::from_mins(15);

/// A series of a server.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SeriesKey {
    /// Which metric.
    pub metric: Metric,
    /// Which interface, device or mount.
    pub label: Option<Label>,
}

/// Something for each series of a server, found without making a key.
///
/// One piece of memory in order of metric and label: there is one for each server, of some fifty series.
#[derive(Clone, Debug)]
pub struct SeriesMap<T> {
    entries: Vec<Entry<T>>,
    /// Which was asked for last.
    last: usize,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    metric: Metric,
    /// Which was asked for after this one: an agent names its series in the same order each time.
    next: u32,
    label: Option<Label>,
    value: T,
}

/// The ids of known series, by server.
#[derive(Default)]
pub struct SeriesCache {
    servers: HashMap<Id<Server>, SeriesMap<i64>>,
    size: usize,
    /// How many series organisations have that needed new ones.
    counts: HashMap<Id<Organisation>, usize>,
    /// How many series have ended of servers that need new ones beyond their limit, and when that was found.
    ended: HashMap<Id<Server>, (Timestamp, usize)>,
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
        Self {
            entries: Vec::new(),
            last: 0,
        }
    }
}

impl<T> SeriesMap<T> {
    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is kept for a series.
    pub fn get_mut(&mut self, metric: Metric, label: Option<&Label>) -> Option<&mut T> {
        let next = self.entries.get(self.last)?.next as usize;
        let is_asked_for =
            |entry: &Entry<T>| entry.metric == metric && entry.label.as_ref() == label;
        let place = match self.entries.get(next) {
            Some(entry) if is_asked_for(entry) => next,
            _ => {
                let place = self.place(metric, label).ok()?;
                self.entries.get_mut(self.last)?.next = u32::try_from(place).ok()?;
                place
            }
        };
        self.last = place;
        self.entries.get_mut(place).map(|entry| &mut entry.value)
    }

    /// Keeps something for a series, instead of what was kept before.
    pub fn insert(&mut self, metric: Metric, label: Option<Label>, value: T) {
        let entry = Entry {
            metric,
            next: 0,
            label,
            value,
        };
        match self.place(metric, entry.label.as_ref()) {
            Ok(place) => self.entries.splice(place..=place, [entry]).for_each(drop),
            Err(place) => self.entries.insert(place, entry),
        }
    }

    /// Everything, in the catalogue's order and by label.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, Option<&Label>, &T)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.metric, entry.label.as_ref(), &entry.value))
    }

    /// What is there of one metric, by label.
    pub fn of(&self, metric: Metric) -> impl Iterator<Item = (Option<&Label>, &T)> {
        let first = self.entries.partition_point(|entry| entry.metric < metric);
        let entries = self.entries.iter().skip(first);
        entries
            .take_while(move |entry| entry.metric == metric)
            .map(|entry| (entry.label.as_ref(), &entry.value))
    }

    /// Forgets what `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.entries.retain(|entry| keep(&entry.value));
        self.last = 0;
    }

    /// Where a series is, or where it would be.
    fn place(&self, metric: Metric, label: Option<&Label>) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| (entry.metric, entry.label.as_ref()).cmp(&(metric, label)))
    }
}

impl SeriesCache {
    /// Forgets everything, for example because a transaction was rolled back.
    pub fn forget(&mut self) {
        self.servers.clear();
        self.counts.clear();
        self.ended.clear();
        self.size = 0;
    }
}

/// The id of a series, made when it is new; none when the server or its organisation has too many
/// already. Of a server's, those do not count that [ended](empty_series::ended).
pub(super) fn id(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    metric: Metric,
    label: Option<&Label>,
    (limits, now): (SeriesLimits, Timestamp),
) -> Result<Option<i64>, StoreError> {
    if !context.series.servers.contains_key(&server) {
        remember(context, scope, server)?;
    }
    let known = context.series.servers.entry(server).or_default();
    if let Some(id) = known.get_mut(metric, label) {
        return Ok(Some(*id));
    }
    if known.len() >= limits.server && !has_room(context, scope, server, limits.server, now)? {
        return Ok(None);
    }
    let count = match context.series.counts.entry(scope.organisation()) {
        hash_map::Entry::Occupied(count) => count.into_mut(),
        hash_map::Entry::Vacant(place) => place.insert(count(context.connection, scope)?),
    };
    if *count >= limits.organisation {
        return Ok(None);
    }
    *count += 1;
    let id = create(context.connection, scope, server, metric, label)?;
    let known = context.series.servers.entry(server).or_default();
    known.insert(metric, label.cloned(), id);
    context.series.size += 1;
    Ok(Some(id))
}

/// Whether a server that has as many series as it may is to have one more: those that ended do not count,
/// or a host whose names change would in time tell nothing new.
fn has_room(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    limit: usize,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let known = context.series.servers.get(&server);
    let known = known.map_or(0, SeriesMap::len);
    if known >= limit.saturating_mul(WITH_ENDED) {
        return Ok(false);
    }
    let found = context.series.ended.get(&server);
    let ended = if let Some((_, ended)) = found.filter(|(at, _)| now.since(*at) < LOOK_AGAIN) {
        *ended
    } else {
        let ended = empty_series::ended(context.connection, scope, server)?;
        context.series.ended.insert(server, (now, ended));
        ended
    };
    Ok(known.saturating_sub(ended) < limit)
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
    let known = rows.into_iter();
    let known = known.filter_map(|(id, metric, label)| Some((id, key(&metric, &label)?)));
    Ok(known.collect())
}

/// What a chart shows of each of a server's series, without their names. Series of metrics that this version does not know are
/// left out.
pub(super) fn shown_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<HashMap<i64, Shown>, StoreError> {
    let rows: Vec<(i64, String)> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .filter(shows(scope, server))
        .select((series::id, series::metric))
        .load(connection)?;
    let known = |(id, metric): (i64, String)| Some((id, Shown::of(Metric::from_name(&metric)?)));
    Ok(rows.into_iter().filter_map(known).collect())
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
pub(super) fn shown(known: &HashMap<i64, Shown>, series: i64) -> Shown {
    known.get(&series).copied().unwrap_or(Shown::Values)
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

#[cfg(test)]
mod tests;
