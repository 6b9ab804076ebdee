//! Pages of the database that hold nothing any more.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;

use super::{StoreError, connection};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    freelist_count: i64,
}

/// Gives some free pages back. Whether there are more.
pub(super) fn give_back_some(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    // Stepping through all of it is what gives the pages back, which a single `execute` would not.
    connection.batch_execute("PRAGMA incremental_vacuum(1000)")?;
    let counted: Count = sql_query("PRAGMA freelist_count").get_result(connection)?;
    Ok(counted.freelist_count > 0)
}

/// Empties the write-ahead log, which may hold what pages held before. Readers can be in the way;
/// then what they leave is overwritten later.
pub(super) fn empty_log(path: &Path) -> Result<(), StoreError> {
    let opened = connection::open_existing(path);
    let mut connection = opened.map_err(|error| StoreError::Database(error.to_string()))?;
    Ok(connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?)
}
