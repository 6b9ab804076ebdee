//! Samples and roll-ups of an organisation, as its export holds them.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::export::{Record, time};
use super::schema::roll_up;
use super::walk::{Stretch, Values};
use super::{Scope, StoreError};
use crate::timeseries::roll_up::{Bucket, Resolution, unpack as buckets};

/// The samples of some series, a record each.
#[must_use]
pub fn samples(stretch: Stretch) -> Vec<Value> {
    let record = |(series, values): (i64, Values)| match values {
        Values::Samples(samples) => Some(json!({
            "kind": "samples",
            "series": series,
            "at": samples.iter().map(|(at, _)| time(*at)).collect::<Vec<_>>(),
            "values": samples.iter().map(|(_, value)| value).collect::<Vec<_>>(),
        })),
        Values::Buckets(_) => None,
    };
    stretch.into_iter().filter_map(record).collect()
}

/// Roll-ups, a row of the store each.
pub(super) fn roll_ups(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (i64, i64, i32, i64, Vec<u8>);
    let rows: Vec<Row> = roll_up::table
        .filter(roll_up::organisation_id.eq(scope.organisation().as_i64()))
        .filter(roll_up::id.gt(after))
        .order(roll_up::id)
        .limit(limit.min(AT_A_TIME))
        .select((
            roll_up::id,
            roll_up::series_id,
            roll_up::seconds,
            roll_up::span,
            roll_up::buckets,
        ))
        .load(connection)?;
    let record = |(id, series, seconds, span, bytes): Row| {
        let mut all = Resolution::ALL.into_iter();
        let resolution = all.find(|resolution| resolution.seconds() == seconds);
        let buckets = resolution.and_then(|resolution| buckets(resolution, span, &bytes).ok());
        let buckets = buckets.unwrap_or_default();
        let each =
            |of: &dyn Fn(&(i64, Bucket)) -> Value| buckets.iter().map(of).collect::<Vec<_>>();
        let record = json!({
            "kind": "roll-up",
            "series": series,
            "seconds": seconds,
            "at": each(&|(at, _)| json!(time(*at))),
            "average": each(&|(_, bucket)| json!(bucket.average())),
            "min": each(&|(_, bucket)| json!(bucket.min)),
            "max": each(&|(_, bucket)| json!(bucket.max)),
            "count": each(&|(_, bucket)| json!(bucket.count)),
        });
        (id, record)
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Rows that are read at a time; each can hold a half-day of samples.
const AT_A_TIME: i64 = 8;
