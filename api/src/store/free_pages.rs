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

/// Whether a quarter of the file, and more than 128 MiB, is free pages.
pub(super) fn are_many(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Pages {
        #[diesel(sql_type = BigInt)]
        page_count: i64,
    }
    let free: Count = sql_query("PRAGMA freelist_count").get_result(connection)?;
    let all: Pages = sql_query("PRAGMA page_count").get_result(connection)?;
    Ok(free.freelist_count > MANY && free.freelist_count > all.page_count / 4)
}

/// Deletes what is only moved: pages that become free keep what they held until they are used again, which
/// saves to write them twice. When a server or an organisation is removed, free pages are given back.
pub(super) fn without_overwriting<T>(
    connection: &mut SqliteConnection,
    delete: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.batch_execute("PRAGMA secure_delete = FAST")?;
    let deleted = delete(connection);
    connection.batch_execute("PRAGMA secure_delete = ON")?;
    deleted
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

/// Of 4 KiB. A half of a large fleet's log is free whenever it has been emptied, and soon used again.
const MANY: i64 = 32_768;
