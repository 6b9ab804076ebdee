//! The live view: the newest values of every server in memory, and who listens to them.

mod reported;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use server_scout_wire::{Kind, Label, Metric, Report, Tier, Timestamp};
use tokio::sync::broadcast;

use super::status::{Signs, Status};
use crate::id::{Id, Organisation, Server};
use crate::store::live::Sight;
use crate::store::series::SeriesMap;
use crate::store::servers::ServerRow;
use crate::store::{Scope, Store, StoreError, live as stored};
use crate::timeseries::rate;

pub use self::reported::Reported;

/// Events that a slow listener may fall behind before it is told to look again.
const BACKLOG: usize = 256;
/// Events of one request that listeners are told of.
const NEWS: usize = 8;
/// A value that has not been renewed for so long, while its tier was, is no longer new.
const FORGET_AFTER: Duration = Duration::from_mins(15);

/// One newest value as people see it: of a counter, its rate per second.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownValue {
    /// Which metric.
    pub metric: Metric,
    /// Which interface, device or mount.
    pub label: Option<Label>,
    /// The value or rate.
    pub value: f64,
}

/// What is known of a server right now.
#[derive(Clone, Debug, Default)]
pub struct Newest {
    /// What its status is made of.
    pub signs: Signs,
    /// When the newest report's values were read.
    pub timestamp: Option<Timestamp>,
    /// The newest values, by metric and label.
    pub values: Vec<ShownValue>,
    /// Values dropped since the start because the server has too many series.
    pub dropped: u64,
}

impl Newest {
    /// The newest value of a metric without a label.
    #[must_use]
    pub fn value(&self, metric: Metric) -> Option<f64> {
        self.values
            .iter()
            .find(|shown| shown.metric == metric && shown.label.is_none())
            .map(|shown| shown.value)
    }
}

/// A report arrived and was committed.
#[derive(Clone, Debug)]
pub struct ValuesEvent {
    /// Whose the server is.
    pub organisation: Id<Organisation>,
    /// Of which server.
    pub server: Id<Server>,
    /// When the values were read.
    pub timestamp: Timestamp,
    /// When they arrived.
    pub received_at: Timestamp,
    /// The values of this report.
    pub values: Vec<ShownValue>,
}

/// The newest values and their listeners.
#[derive(Default)]
pub struct Live {
    servers: RwLock<HashMap<Id<Server>, State>>,
    listeners: Mutex<HashMap<Id<Organisation>, broadcast::Sender<Arc<ValuesEvent>>>>,
}

struct State {
    organisation: Id<Organisation>,
    signs: Signs,
    timestamp: Option<Timestamp>,
    /// When each tier was last read.
    tiers: [Option<Timestamp>; Tier::ALL.len()],
    readings: SeriesMap<Reading>,
    dropped: u64,
}

/// Hears of the reports of the servers that are seen, and of no other.
pub struct Listener {
    reports: broadcast::Receiver<Arc<ValuesEvent>>,
    sight: Sight,
}

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// A report of a server that was seen when the listener last looked.
    Report(Arc<ValuesEvent>),
    /// There were too many, and some were missed.
    Missed,
    /// Nothing will come any more.
    Over,
}

impl Listener {
    /// Waits for the next report. Whoever drops the wait loses nothing.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.reports.recv().await {
                Ok(report) if self.sees(&report) => return Heard::Report(report),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Heard::Missed,
                Err(broadcast::error::RecvError::Closed) => return Heard::Over,
            }
        }
    }

    /// Whether the report is of a server that is seen.
    #[must_use]
    pub fn sees(&self, report: &ValuesEvent) -> bool {
        self.sight.shows(report.organisation, report.server)
    }

    /// What is seen.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Sees something else from now on. Reports of another organisation never come here.
    pub fn look(&mut self, sight: Sight) {
        self.sight = sight;
    }
}

struct Reading {
    at: Timestamp,
    raw: f64,
    shown: Option<f64>,
    tier: Tier,
}

impl Live {
    /// Reads the newest report of every server.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let heads = store.heads();
        let found = store
            .read(move |c| stored::newest_of_all(c, &heads))
            .await?;
        let live = Self::default();
        for server in found {
            live.put(server.scope, server.id, server.paused);
            let Some(report) = server.newest else {
                continue;
            };
            live.change(server.id, |state| {
                state.signs.last_seen = Some(report.received_at);
                for (key, value) in report.samples {
                    state.read(report.at, key.metric, key.label.as_ref(), value);
                }
            });
        }
        Ok(live)
    }

    /// When each server's last report arrived, and when its newest was made.
    pub(super) fn known(&self) -> Vec<(Id<Server>, Option<Timestamp>, Option<Timestamp>)> {
        let servers = self.read();
        let known = servers.iter();
        known
            .map(|(id, state)| (*id, state.signs.last_seen, state.timestamp))
            .collect()
    }

    /// Knows a new server.
    pub(super) fn put(&self, scope: Scope, server: Id<Server>, paused: bool) {
        let signs = Signs {
            paused,
            ..Signs::default()
        };
        let readings = SeriesMap::default();
        let state = State {
            organisation: scope.organisation(),
            signs,
            timestamp: None,
            tiers: Default::default(),
            readings,
            dropped: 0,
        };
        self.write().insert(server, state);
    }

    /// Knows a server that may be new, and leaves one that is known as it is.
    pub(super) fn put_new(&self, scope: Scope, server: Id<Server>, paused: bool) {
        if !self.read().contains_key(&server) {
            self.put(scope, server, paused);
        }
    }

    /// Forgets a deleted server.
    pub(super) fn remove(&self, server: Id<Server>) {
        self.write().remove(&server);
    }

    /// Knows that a server was paused or goes on.
    pub(super) fn set_paused(&self, server: Id<Server>, paused: bool) {
        self.change(server, |state| state.signs.paused = paused);
    }

    /// Knows that a report was refused because of its clock. It may be the first sign of a server
    /// that a command added meanwhile.
    pub(super) fn note_clock_wrong(&self, scope: Scope, server: Id<Server>, now: Timestamp) {
        if !self.read().contains_key(&server) {
            self.put(scope, server, false);
        }
        self.change(server, |state| state.signs.clock_wrong_at = Some(now));
    }

    /// Takes in committed reports of one request, each with the places of the values that were not
    /// stored, and tells the listeners. A server that a command added meanwhile is known from now on.
    pub(super) fn publish<'a>(
        &self,
        scope: Scope,
        server: Id<Server>,
        reports: impl Iterator<Item = (&'a Report, &'a [usize])>,
        received_at: Timestamp,
    ) {
        if !self.read().contains_key(&server) {
            self.put(scope, server, false);
        }
        let listener = self.listener(scope);
        let events = self.change(server, |state| {
            let mut events = Vec::new();
            for (report, dropped) in reports {
                state.signs.last_seen = state.signs.last_seen.max(Some(received_at));
                state.dropped += dropped.len() as u64;
                let values = state.take(report, dropped, listener.is_some());
                let timestamp = report.timestamp();
                events.push(ValuesEvent {
                    organisation: state.organisation,
                    server,
                    timestamp,
                    received_at,
                    values,
                });
            }
            state.forget_old();
            events
        });
        if let Some(listener) = listener {
            // A replayed spool is for the charts; only the newest few are news.
            let events = events.unwrap_or_default();
            let news = events.len().saturating_sub(NEWS);
            for event in events.into_iter().skip(news) {
                // Whoever listened may just have gone.
                let _ = listener.send(Arc::new(event));
            }
        }
    }

    fn listener(&self, scope: Scope) -> Option<broadcast::Sender<Arc<ValuesEvent>>> {
        let listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let sender = listeners.get(&scope.organisation())?;
        (sender.receiver_count() > 0).then(|| sender.clone())
    }

    /// What is known of one server, if it is seen.
    #[must_use]
    pub fn newest(&self, sight: &Sight, server: Id<Server>) -> Newest {
        let servers = self.read();
        let state = servers.get(&server);
        let seen = state.filter(|state| sight.shows(state.organisation, server));
        seen.map(State::newest).unwrap_or_default()
    }

    /// The status that a server has, by what is kept here and whether it is paused.
    pub(super) fn status(&self, server: &ServerRow, now: Timestamp) -> Status {
        let mut signs = self
            .read()
            .get(&server.id)
            .map(|state| state.signs)
            .unwrap_or_default();
        signs.paused = server.is_paused();
        signs.status(now)
    }

    /// The status of every server that is seen.
    #[must_use]
    pub fn statuses(
        &self,
        sight: &Sight,
        now: Timestamp,
    ) -> Vec<(Id<Server>, Status, Option<Timestamp>)> {
        self.read()
            .iter()
            .filter(|(id, state)| sight.shows(state.organisation, **id))
            .map(|(id, state)| (*id, state.signs.status(now), state.signs.last_seen))
            .collect()
    }

    /// Listens to the reports of the servers that are seen.
    #[must_use]
    pub fn listen(&self, sight: Sight) -> Listener {
        let reports = self.receiver(sight.scope());
        Listener { reports, sight }
    }

    fn receiver(&self, scope: Scope) -> broadcast::Receiver<Arc<ValuesEvent>> {
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, sender| sender.receiver_count() > 0);
        listeners
            .entry(scope.organisation())
            .or_insert_with(|| broadcast::channel(BACKLOG).0)
            .subscribe()
    }

    fn change<T>(&self, server: Id<Server>, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.write().get_mut(&server).map(change)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Id<Server>, State>> {
        self.servers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Id<Server>, State>> {
        self.servers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes in a report's values and, where somebody listens, says how they are shown. A value
    /// that is older than what is known, from an agent's spool, changes nothing.
    fn take(&mut self, report: &Report, dropped: &[usize], listening: bool) -> Vec<ShownValue> {
        let at = report.timestamp();
        let mut values = Vec::new();
        for (place, sample) in report.samples().iter().enumerate() {
            if dropped.binary_search(&place).is_ok() {
                continue;
            }
            let shown = self.read(at, sample.metric, sample.label.as_ref(), sample.value);
            if let Some(value) = shown.filter(|_| listening) {
                let label = sample.label.clone();
                values.push(ShownValue {
                    metric: sample.metric,
                    label,
                    value,
                });
            }
        }
        values
    }

    /// Forgets values that have not been renewed for long although others of their tier were.
    fn forget_old(&mut self) {
        let newest = self.tiers;
        self.readings.retain(|reading| {
            let of_tier = newest.get(reading.tier as usize).copied().flatten();
            of_tier.unwrap_or_default().since(reading.at) < FORGET_AFTER
        });
    }

    fn read(
        &mut self,
        at: Timestamp,
        metric: Metric,
        label: Option<&Label>,
        raw: f64,
    ) -> Option<f64> {
        let described = metric.describe();
        self.timestamp = self.timestamp.max(Some(at));
        if let Some(newest) = self.tiers.get_mut(described.tier as usize) {
            *newest = (*newest).max(Some(at));
        }
        let gauge = (described.kind == Kind::Gauge).then_some(raw);
        match self.readings.get_mut(metric, label) {
            Some(before) if before.at > at => None,
            Some(before) => {
                let max_gap = described.tier.max_gap();
                let shown = gauge.or_else(|| rate((before.at, before.raw), (at, raw), max_gap));
                *before = Reading {
                    at,
                    raw,
                    shown,
                    ..*before
                };
                shown
            }
            None => {
                self.readings.insert(
                    metric,
                    label.cloned(),
                    Reading {
                        at,
                        raw,
                        shown: gauge,
                        tier: described.tier,
                    },
                );
                gauge
            }
        }
    }

    fn newest(&self) -> Newest {
        let values = self.readings.iter().filter_map(|(metric, label, reading)| {
            let label = label.cloned();
            Some(ShownValue {
                metric,
                label,
                value: reading.shown?,
            })
        });
        Newest {
            signs: self.signs,
            timestamp: self.timestamp,
            values: values.collect(),
            dropped: self.dropped,
        }
    }
}

#[cfg(test)]
mod tests;
