//! How long an organisation keeps what, and how much that is.

use diesel::prelude::*;

use super::schema::{organisation, retention, segment};
use super::{Scope, StoreError};
use crate::id::{Id, Organisation};

/// How long samples and roll-ups are kept, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The samples themselves.
    pub raw: i64,
    /// Roll-ups of a minute.
    pub minute: i64,
    /// Roll-ups of fifteen minutes.
    pub quarter_hour: i64,
    /// Roll-ups of an hour.
    pub hour: i64,
}

/// What an organisation has said; none when it has said nothing.
pub fn of(connection: &mut SqliteConnection, scope: Scope) -> Result<Option<Kept>, StoreError> {
    let row: Option<(i64, i64, i64, i64)> = retention::table
        .find(scope.organisation().as_i64())
        .select((
            retention::raw,
            retention::minute,
            retention::quarter_hour,
            retention::hour,
        ))
        .first(connection)
        .optional()?;
    Ok(row.map(kept))
}

/// What every organisation has said, for those that go through all: none where it has said nothing.
pub fn of_all(connection: &mut SqliteConnection) -> Result<Vec<(Scope, Option<Kept>)>, StoreError> {
    type Row = (Id<Organisation>, Option<(i64, i64, i64, i64)>);
    let rows: Vec<Row> = organisation::table
        .left_join(
            retention::table.on(retention::organisation_id
                .nullable()
                .eq(organisation::id.nullable())),
        )
        .select((
            organisation::id,
            (
                retention::raw,
                retention::minute,
                retention::quarter_hour,
                retention::hour,
            )
                .nullable(),
        ))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(id, row)| (Scope::of(id), row.map(kept)))
        .collect())
}

/// Notes what an organisation says.
pub fn set(connection: &mut SqliteConnection, scope: Scope, kept: &Kept) -> Result<(), StoreError> {
    let values = (
        retention::raw.eq(kept.raw),
        retention::minute.eq(kept.minute),
        retention::quarter_hour.eq(kept.quarter_hour),
        retention::hour.eq(kept.hour),
    );
    diesel::insert_into(retention::table)
        .values((
            retention::organisation_id.eq(scope.organisation().as_i64()),
            values,
        ))
        .on_conflict(retention::organisation_id)
        .do_update()
        .set(values)
        .execute(connection)?;
    Ok(())
}

fn kept((raw, minute, quarter_hour, hour): (i64, i64, i64, i64)) -> Kept {
    Kept {
        raw,
        minute,
        quarter_hour,
        hour,
    }
}

/// What the samples of some half-days take, in bytes.
pub fn bytes_of_samples(
    connection: &mut SqliteConnection,
    scope: Scope,
    periods: std::ops::RangeInclusive<i64>,
) -> Result<i64, StoreError> {
    let bytes: Vec<i64> = segment::table
        .filter(segment::organisation_id.eq(scope.organisation()))
        .filter(segment::period.between(*periods.start(), *periods.end()))
        .select(segment::bytes)
        .load(connection)?;
    Ok(bytes.into_iter().sum())
}
