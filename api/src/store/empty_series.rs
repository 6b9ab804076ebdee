//! Series of which nothing is stored any more, or no samples: a host whose names change would use up its
//! limit with them.

use std::collections::HashSet;

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::schema::{roll_up, segment, series};
use super::scope::shows;
use super::{Scope, StoreError, WriteContext, folding, reports, segments};
use crate::id::{Id, Server};

/// Series of a server that have neither a roll-up nor a folded sample. The report log may still hold some.
pub fn unfolded(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<HashSet<i64>, StoreError> {
    let rolled_up = roll_up::table.filter(roll_up::series_id.eq(series::id));
    let found: Vec<i64> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .filter(shows(scope, server))
        .filter(not(exists(rolled_up)))
        .select(series::id)
        .load(connection)?;
    let mut found: HashSet<i64> = found.into_iter().collect();
    remove_folded(connection, scope, server, &mut found)?;
    Ok(found)
}

/// How many series of a server have roll-ups and no folded sample: what they tell of has not been there for
/// as long as samples are kept.
pub(super) fn ended(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<usize, StoreError> {
    let rolled_up = roll_up::table.filter(roll_up::series_id.eq(series::id));
    let found: Vec<i64> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .filter(shows(scope, server))
        .filter(exists(rolled_up))
        .select(series::id)
        .load(connection)?;
    let mut found: HashSet<i64> = found.into_iter().collect();
    remove_folded(connection, scope, server, &mut found)?;
    Ok(found.len())
}

/// Takes the series out of which segments hold samples.
fn remove_folded(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    found: &mut HashSet<i64>,
) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let folded: Vec<i64> = segment::table
        .filter(segment::organisation_id.eq(scope.organisation()))
        .filter(segment::server_id.eq(server))
        .select(segment::id)
        .load(connection)?;
    for folded in folded.chunks(AT_A_TIME) {
        for series in segments::series_of(connection, folded)? {
            found.remove(&series);
        }
    }
    Ok(())
}

/// Removes the series of a server of which nothing is stored. Returns how many there were.
pub fn remove(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
) -> Result<usize, StoreError> {
    let mut empty = unfolded(context.connection, scope, server)?;
    let places = context.intake.places(server);
    let mark = folding::mark(context.connection, server)?;
    for row in reports::at(context.connection, scope, server, &places, mark)? {
        for (series, _) in row.samples {
            empty.remove(&series);
        }
    }
    let empty: Vec<i64> = empty.into_iter().collect();
    for empty in empty.chunks(AT_A_TIME) {
        diesel::delete(series::table.filter(series::id.eq_any(empty)))
            .execute(context.connection)?;
    }
    if !empty.is_empty() {
        // Their ids are known no more, and there is room for others.
        context.series.forget();
    }
    Ok(empty.len())
}

const AT_A_TIME: usize = 200;
