//! What the writer remembers of the report log between transactions: which reports are there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use diesel::dsl::max;
use diesel::prelude::*;
use server_scout_wire::Report;

use super::heads::{Heads, NewPosition, Position};
use super::log::{self, Half};
use super::schema::{fold_mark, report, segment, server};
use super::{Scope, StoreError, folding};
use crate::id::{Id, Server};
use crate::timeseries::Starts;
use crate::timeseries::segment::{MOST_BYTES, MOST_REPORTS, open_moments, open_starts, period_of};

/// How many ranges of identities the writer remembers, all servers together; beyond that it forgets
/// all and looks them up again.
const REMEMBERED: usize = 500_000;

/// The writer's knowledge of the log. It is true within the transaction that is open.
pub struct Intake {
    heads: Arc<Heads>,
    /// The half of the log that is appended to, and the next place.
    next: Option<(Half, i64)>,
    known: HashMap<Id<Server>, Known>,
    remembered: usize,
    /// Appended and not committed yet.
    pending: Vec<NewPosition>,
}

/// The identities of a server's reports.
#[derive(Default)]
struct Known {
    starts: Starts,
    /// The times of those without start and number, of the log alone.
    moments: BTreeSet<i64>,
    /// The newest of those that are folded, which are looked up when it matters.
    folded_to: Option<i64>,
    /// What there is of each half-day.
    held: HashMap<i64, Held>,
}

/// Half-day, reports, bytes, starts and moments of a segment.
type Folded = (i64, i64, i64, Vec<u8>, Vec<u8>);

/// How much there is of a half-day.
#[derive(Default)]
struct Held {
    reports: i64,
    bytes: i64,
}

impl Held {
    fn is_full(&self) -> bool {
        self.reports >= MOST_REPORTS || self.bytes >= MOST_BYTES
    }
}

/// What becomes of a report that arrives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Entry {
    /// It is there already.
    Duplicate,
    /// Its half-day has too many.
    TooMany,
    /// It is to be written to that half of the log, at that place.
    At(Half, i64),
}

impl Intake {
    /// Knows nothing but where the log's reports are.
    pub(super) fn new(heads: Arc<Heads>) -> Self {
        Self {
            heads,
            next: None,
            known: HashMap::new(),
            remembered: 0,
            pending: Vec::new(),
        }
    }

    /// How many reports wait for the commit.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Forgets what was done since so many reports waited, because it was rolled back.
    pub(super) fn roll_back(&mut self, pending: usize) {
        self.pending.truncate(pending);
        self.next = None;
        self.known.clear();
        self.remembered = 0;
    }

    /// Makes known what was committed.
    pub(super) fn commit(&mut self) {
        self.heads.push(&self.pending);
        self.pending.clear();
    }

    /// Forgets the identities of a server, because it was removed or some of them were folded.
    pub fn forget(&mut self, server: Id<Server>) {
        self.known.remove(&server);
    }

    /// The places of a server's reports in the log that may not be folded.
    pub(super) fn places(&self, server: Id<Server>) -> Vec<i64> {
        let ours = self.pending.iter().filter(|new| new.server == server);
        let mut places: Vec<i64> = ours.map(|new| new.position.id).collect();
        places.extend(self.heads.of(server).iter().map(|position| position.id));
        places
    }

    /// The first place of the log that is not folded.
    pub(super) fn first(&mut self, connection: &mut SqliteConnection) -> Result<i64, StoreError> {
        let (_, next) = self.next(connection)?;
        let pending = self.pending.first().map(|new| new.position.id);
        Ok(next
            .min(pending.unwrap_or(next))
            .min(self.heads.first().unwrap_or(next)))
    }

    /// Takes a place in the log for a report, unless it is there already. The server must exist.
    pub(super) fn enter(
        &mut self,
        connection: &mut SqliteConnection,
        scope: Scope,
        server: Id<Server>,
        report: &Report,
        received_at: i64,
    ) -> Result<Entry, StoreError> {
        let at = report.timestamp().as_millis();
        let identity = report.identity().map(|one| (one.boot.0, one.seq));
        self.remember(connection, server)?;
        let known = self.known.entry(server).or_default();
        let before = known.starts.len();
        let held = known.held.entry(period_of(at)).or_default();
        let is_full = held.is_full();
        match identity {
            Some((boot, seq)) if known.starts.contains(boot, seq) => return Ok(Entry::Duplicate),
            Some(_) if is_full => return Ok(Entry::TooMany),
            Some((boot, seq)) => known.starts.insert(boot, seq),
            None if !known.moments.insert(at) => return Ok(Entry::Duplicate),
            None if known.folded_to.is_some_and(|newest| at <= newest)
                && is_folded(connection, server, at)? =>
            {
                known.moments.remove(&at);
                return Ok(Entry::Duplicate);
            }
            None if is_full => {
                known.moments.remove(&at);
                return Ok(Entry::TooMany);
            }
            None => {}
        }
        held.reports += 1;
        known.starts.shrink();
        let grown = known.starts.len().saturating_sub(before);
        self.remembered += grown.max(usize::from(identity.is_none()));
        let (half, id) = self.next(connection)?;
        self.next = Some((half, id + 1));
        self.pending.push(NewPosition {
            organisation: scope.organisation(),
            server,
            received_at,
            position: Position { id, at },
        });
        Ok(Entry::At(half, id))
    }

    /// Counts the bytes of a report that has taken its place.
    pub(super) fn fill(&mut self, server: Id<Server>, at: i64, bytes: usize) {
        if let Some(known) = self.known.get_mut(&server) {
            let held = known.held.entry(period_of(at)).or_default();
            held.bytes += i64::try_from(bytes).unwrap_or(i64::MAX);
        }
    }

    /// The bytes that are counted of the half-day of a moment.
    #[cfg(test)]
    pub(super) fn bytes(&self, server: Id<Server>, at: i64) -> Option<i64> {
        let held = self.known.get(&server)?.held.get(&period_of(at))?;
        Some(held.bytes)
    }

    /// Appends to the other half of the log from now on, if that is empty and this one is not.
    pub(super) fn turn(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let (half, next) = self.next(connection)?;
        let used = log::last(connection, half)?.is_some();
        if used && log::last(connection, half.other())?.is_none() {
            self.next = Some((half.other(), next));
        }
        Ok(())
    }

    /// Beyond every report that is or was there, so that no mark covers a new one.
    fn next(&mut self, connection: &mut SqliteConnection) -> Result<(Half, i64), StoreError> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let newest = log::newest(connection)?;
        let mark: Option<i64> = fold_mark::table
            .select(max(fold_mark::report_id))
            .first(connection)?;
        let half = newest.map_or(Half::First, |(half, _)| half);
        let last = newest.map(|(_, last)| last);
        let next = (half, last.max(mark).unwrap_or(0) + 1);
        self.next = Some(next);
        Ok(next)
    }

    fn remember(
        &mut self,
        connection: &mut SqliteConnection,
        server: Id<Server>,
    ) -> Result<(), StoreError> {
        if self.known.contains_key(&server) {
            return Ok(());
        }
        if self.remembered > REMEMBERED {
            self.known.clear();
            self.remembered = 0;
        }
        // The log refers to no server.
        let there = server::table.find(server).select(server::id);
        let _: Id<Server> = there.first(connection)?;
        let mut known = Known::default();
        let folded: Vec<Folded> = segment::table
            .filter(segment::server_id.eq(server))
            .order(segment::id)
            .select((
                segment::period,
                segment::reports,
                segment::bytes,
                segment::starts,
                segment::moments,
            ))
            .load(connection)?;
        for (period, reports, bytes, starts, moments) in folded {
            let held = known.held.entry(period).or_default();
            held.reports += reports;
            held.bytes += bytes;
            // Damage costs that a report may be stored again.
            known
                .starts
                .merge(&open_starts(&starts).unwrap_or_default());
            let moments = open_moments(&moments).unwrap_or_default();
            known.folded_to = known.folded_to.max(moments.last().copied());
        }
        let mut ids = self.places(server);
        // What has just been folded is known.
        let mark = folding::mark(connection, server)?;
        ids.retain(|id| *id > mark);
        for ids in ids.chunks(AT_A_TIME) {
            let logged: Vec<(i64, Option<i64>, Option<i64>, i64)> = report::table
                .filter(report::id.eq_any(ids))
                .select((
                    report::at,
                    report::boot,
                    report::seq,
                    length(report::samples),
                ))
                .load(connection)?;
            for (at, boot, seq, bytes) in logged {
                let held = known.held.entry(period_of(at)).or_default();
                held.reports += 1;
                held.bytes += bytes;
                match boot.zip(seq) {
                    Some((boot, seq)) => {
                        known
                            .starts
                            .insert(boot.cast_unsigned(), seq.cast_unsigned());
                    }
                    None => {
                        known.moments.insert(at);
                    }
                }
            }
        }
        known.starts.shrink();
        self.remembered += known.starts.len() + known.moments.len() + 1;
        self.known.insert(server, known);
        Ok(())
    }
}

/// Whether a report without start and number of that time is folded.
fn is_folded(
    connection: &mut SqliteConnection,
    server: Id<Server>,
    at: i64,
) -> Result<bool, StoreError> {
    let candidates: Vec<Vec<u8>> = segment::table
        .filter(segment::server_id.eq(server))
        .filter(segment::first_at.le(at))
        .filter(segment::last_at.ge(at))
        .select(segment::moments)
        .load(connection)?;
    let mut moments = candidates
        .iter()
        .map(|bytes| open_moments(bytes).unwrap_or_default());
    Ok(moments.any(|moments| moments.binary_search(&at).is_ok()))
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// How many bytes there are.
    fn length(bytes: diesel::sql_types::Binary) -> diesel::sql_types::BigInt;
}

const AT_A_TIME: usize = 500;
