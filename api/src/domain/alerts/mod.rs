//! Alerting: rules against what arrives, incidents, maintenance windows.
//!
//! The engine (`crate::alerting`) lives here, in memory. What follows from it waits in a queue until one
//! task has stored it; at most one change of each value is on its way, so the queue is bounded by them.

mod checks;
mod incidents;
mod maintenance;
mod news;
mod preview;
mod rules;
mod running;
mod terms;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use server_scout_wire::{Report, Timestamp};
use tokio::sync::Notify;

pub use self::incidents::{IncidentPage, IncidentQuery, IncidentView, Timeline};
pub use self::maintenance::{DAYS, NewWindow, SaidSchedule};
pub use self::news::IncidentNews;
pub use self::preview::{Preview, PreviewIncident};
pub use self::rules::{RuleAtServer, RuleChange, RuleView};
use crate::alerting::{Change, Engine};
use crate::id::{Id, Organisation, Server};
use crate::store::Scope;

/// The engine and what follows from it. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Alerts(Arc<Inner>);

#[derive(Default)]
struct Inner {
    engine: Mutex<Engine>,
    waiting: Mutex<VecDeque<Change>>,
    /// Whose rules, servers or windows may have changed.
    stale: Mutex<HashSet<Id<Organisation>>>,
    scopes: Mutex<HashMap<Id<Organisation>, Scope>>,
    due: Notify,
    news: news::News,
    /// One stores at a time, so that changes of one value keep their order.
    storing: tokio::sync::Mutex<()>,
}

impl Alerts {
    /// Takes in reports that were stored just now.
    pub(super) fn reported<'a>(
        &self,
        scope: Scope,
        server: Id<Server>,
        reports: impl Iterator<Item = &'a Report>,
        now: Timestamp,
    ) {
        let mut stale = false;
        let mut changes = Vec::new();
        {
            let mut engine = self.engine();
            stale |= !engine.knows(server);
            for report in reports {
                stale |= engine.finds_other_tags(server, report);
                changes.extend(engine.report(server, report, now));
            }
        }
        if stale {
            self.stale().insert(scope.organisation());
        }
        if stale || !changes.is_empty() {
            self.queue(changes);
        }
    }

    /// Knows that a server is heard of although its reports are refused for their time.
    pub(super) fn heard(&self, server: Id<Server>, now: Timestamp) {
        let changes = self.engine().heard(server, now);
        if !changes.is_empty() {
            self.queue(changes);
        }
    }

    fn queue(&self, changes: Vec<Change>) {
        self.waiting().extend(changes);
        self.0.due.notify_one();
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.0.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn stale(&self) -> MutexGuard<'_, HashSet<Id<Organisation>>> {
        self.0.stale.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scopes(&self) -> MutexGuard<'_, HashMap<Id<Organisation>, Scope>> {
        self.0.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
