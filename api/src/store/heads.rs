//! Where in the report log the reports are that are not folded yet.
//!
//! The log has no index: its pages would be touched at random, which would cost more than all else
//! that is written. So this stands in memory, 16 bytes for each report, and is made from the log at the
//! start. Folding keeps it short: a report is folded half an hour after it came, at the latest.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{fold_mark, report};
use super::{Scope, StoreError};
use crate::id::{Id, Organisation, Server};

/// A report of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Its place in the log.
    pub id: i64,
    /// When its values were read, in milliseconds.
    pub at: i64,
}

/// The reports of every server that are not folded yet.
#[derive(Debug, Default)]
pub struct Heads(Mutex<HashMap<Id<Server>, Head>>);

#[derive(Debug)]
struct Head {
    organisation: Id<Organisation>,
    /// None of them came before.
    since: i64,
    /// In the order of the log.
    positions: Vec<Position>,
}

/// A report that has just been appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewPosition {
    pub(super) organisation: Id<Organisation>,
    pub(super) server: Id<Server>,
    pub(super) received_at: i64,
    pub(super) position: Position,
}

impl Heads {
    /// Goes through the log once.
    pub(super) fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        type Row = (Id<Organisation>, Id<Server>, i64, i64, i64);
        let heads = Self::default();
        let unfolded = report::table
            .left_join(fold_mark::table.on(fold_mark::server_id.eq(report::server_id)))
            .filter(
                fold_mark::report_id
                    .is_null()
                    .or(report::id.nullable().gt(fold_mark::report_id.nullable())),
            )
            .order(report::id)
            .select((
                report::organisation_id,
                report::server_id,
                report::received_at,
                report::id,
                report::at,
            ));
        for row in unfolded.load_iter::<Row, DefaultLoadingMode>(connection)? {
            let (organisation, server, received_at, id, at) = row?;
            heads.push(&[NewPosition {
                organisation,
                server,
                received_at,
                position: Position { id, at },
            }]);
        }
        Ok(heads)
    }

    /// Knows reports that have just been committed.
    pub(super) fn push(&self, new: &[NewPosition]) {
        let mut heads = self.lock();
        for new in new {
            let head = heads.entry(new.server).or_insert_with(|| Head {
                organisation: new.organisation,
                since: new.received_at,
                positions: Vec::new(),
            });
            if head.positions.is_empty() {
                head.since = new.received_at;
            }
            head.positions.push(new.position);
        }
    }

    /// The reports of a server that are not folded. To be asked for before the transaction in which
    /// they are read: what is folded meanwhile is known there by its mark.
    #[must_use]
    pub fn of(&self, server: Id<Server>) -> Vec<Position> {
        let heads = self.lock();
        let head = heads.get(&server);
        head.map(|head| head.positions.clone()).unwrap_or_default()
    }

    /// The servers with at least so many reports, or with one that came before `before`.
    #[must_use]
    pub fn due(&self, reports: usize, before: Timestamp) -> Vec<(Scope, Id<Server>)> {
        let heads = self.lock();
        let due = heads.iter().filter(|(_, head)| {
            let old = !head.positions.is_empty() && head.since <= before.as_millis();
            head.positions.len() >= reports || old
        });
        due.map(|(server, head)| (Scope::of(head.organisation), *server))
            .collect()
    }

    /// Forgets the reports of a server up to that place of the log, which are folded. What is left came
    /// after `since`, or little before.
    pub fn folded(&self, server: Id<Server>, to: i64, since: Timestamp) {
        if let Some(head) = self.lock().get_mut(&server) {
            head.positions.retain(|position| position.id > to);
            head.positions.shrink_to(KEPT);
            head.since = since.as_millis();
        }
    }

    /// Forgets a server that was removed.
    pub fn remove(&self, server: Id<Server>) {
        self.lock().remove(&server);
    }

    /// The first place of the log that is not folded.
    pub(super) fn first(&self) -> Option<i64> {
        let heads = self.lock();
        let firsts = heads.values().filter_map(|head| head.positions.first());
        firsts.map(|position| position.id).min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id<Server>, Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that a server's list keeps after it was folded.
const KEPT: usize = 256;
