//! Whether the database can be written to.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::installation;

/// Writes the time, for the readiness probe.
pub fn write(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(installation::table)
        .set(installation::probed_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}
