//! The two halves of the report log.
//!
//! Reports are appended to one while the other is folded. A half that is folded is emptied as a whole:
//! SQLite then writes none of its pages, where removing row by row would write each once more. What
//! reads asks both, by the view `report`.

use diesel::dsl::max;
use diesel::prelude::*;

use super::{Scope, StoreError, free_pages};
use crate::id::{Id, Organisation, Server};

/// One half of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Half {
    /// The table `first_log`.
    First,
    /// The table `second_log`.
    Second,
}

/// A report as the log holds it.
pub(super) struct LogRow {
    /// Its place in the log.
    pub(super) id: i64,
    pub(super) organisation: Id<Organisation>,
    pub(super) server: Id<Server>,
    /// When its values were read, in milliseconds.
    pub(super) at: i64,
    /// When it arrived, in milliseconds.
    pub(super) received_at: i64,
    /// Start and number, where the agent gave them.
    pub(super) identity: Option<(u64, u64)>,
    /// Series and values, as `log_row` writes them.
    pub(super) samples: Vec<u8>,
}

/// Does the same with the table of either half.
macro_rules! with_table {
    ($half:expr, $log:ident => $work:expr) => {
        match $half {
            Half::First => {
                use super::schema::first_log as $log;
                $work
            }
            Half::Second => {
                use super::schema::second_log as $log;
                $work
            }
        }
    };
}

impl Half {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::First, Self::Second];

    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The half with the newest report, and that report's place in the log; none when both are empty.
pub(super) fn newest(connection: &mut SqliteConnection) -> Result<Option<(Half, i64)>, StoreError> {
    let mut newest = None;
    for half in Half::ALL {
        let last = last(connection, half)?.map(|last| (half, last));
        if last.map(|(_, id)| id) > newest.map(|(_, id)| id) {
            newest = last;
        }
    }
    Ok(newest)
}

/// The place of a half's newest report; none when it is empty.
pub(super) fn last(
    connection: &mut SqliteConnection,
    half: Half,
) -> Result<Option<i64>, StoreError> {
    Ok(with_table!(half, log => log::table.select(max(log::id)).first(connection))?)
}

/// Appends a report.
pub(super) fn append(
    connection: &mut SqliteConnection,
    half: Half,
    row: &LogRow,
) -> Result<(), StoreError> {
    with_table!(half, log => diesel::insert_into(log::table)
        .values((
            log::id.eq(row.id),
            log::organisation_id.eq(row.organisation),
            log::server_id.eq(row.server),
            log::at.eq(row.at),
            log::received_at.eq(row.received_at),
            log::boot.eq(row.identity.map(|(boot, _)| boot.cast_signed())),
            log::seq.eq(row.identity.map(|(_, seq)| seq.cast_signed())),
            log::samples.eq(&row.samples),
        ))
        .execute(connection))?;
    Ok(())
}

/// Empties a half.
pub(super) fn empty(connection: &mut SqliteConnection, half: Half) -> Result<(), StoreError> {
    free_pages::without_overwriting(connection, |connection| {
        with_table!(half, log => diesel::delete(log::table).execute(connection))?;
        Ok(())
    })
}

/// Removes these reports of an organisation. Returns how many there were.
pub(super) fn remove(
    connection: &mut SqliteConnection,
    scope: Scope,
    places: &[i64],
) -> Result<usize, StoreError> {
    let mut removed = 0;
    for half in Half::ALL {
        removed += with_table!(half, log => {
            let ours = log::table.filter(log::organisation_id.eq(scope.organisation()));
            diesel::delete(ours.filter(log::id.eq_any(places))).execute(connection)
        })?;
    }
    Ok(removed)
}
