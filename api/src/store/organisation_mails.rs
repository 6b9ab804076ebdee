//! How many mails go to the channels of an organisation: the mail server is the operator's, and whoever
//! gets them need not have asked.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::organisation_mail;
use crate::id::{Id, Organisation};

/// Counts one more, before it is sent, or says how long to wait: `most` go in an hour.
pub fn take(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
    most: i64,
    now: Timestamp,
) -> Result<Option<Duration>, StoreError> {
    let ours = organisation_mail::table.find(organisation);
    let counted: Option<(i64, i64)> = ours
        .select((organisation_mail::since, organisation_mail::sent))
        .first(connection)
        .optional()?;
    let (since, sent) = match counted {
        // A time to come is of a clock that was wrong.
        Some((since, sent)) if this_hour(since, now) => (since, sent),
        _ => (now.as_millis(), 0),
    };
    if sent >= most {
        let over = Timestamp::from_millis(since).after(HOUR);
        return Ok(Some(over.since(now)));
    }
    diesel::replace_into(organisation_mail::table)
        .values((
            organisation_mail::organisation_id.eq(organisation),
            organisation_mail::since.eq(since),
            organisation_mail::sent.eq(sent + 1),
        ))
        .execute(connection)?;
    Ok(None)
}

fn this_hour(since: i64, now: Timestamp) -> bool {
    (now.before(HOUR).as_millis() + 1..=now.as_millis()).contains(&since)
}

const HOUR: Duration = Duration::from_hours(1);
