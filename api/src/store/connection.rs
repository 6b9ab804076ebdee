//! Opening the database: settings of every connection, migrations, backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::error::{OpenError, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A database larger than this is not read whole at every start.
const CHECK_UP_TO_BYTES: u64 = 256 * 1024 * 1024;

pub(super) fn open_for_serving(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut connection = establish(path, "rwc")?;
    // Before the first table: free pages can be given back to the disk later. It takes a lock, which a
    // sender or a command that runs already may hold.
    run(
        &mut connection,
        path,
        "PRAGMA busy_timeout = 5000; PRAGMA auto_vacuum = INCREMENTAL",
    )?;
    run(&mut connection, path, WRITER_SETTINGS)?;
    let small = std::fs::metadata(path).is_ok_and(|m| m.len() <= CHECK_UP_TO_BYTES);
    if small {
        check(&mut connection, path)?;
    }
    Ok(connection)
}

pub(super) fn open_existing(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut connection = establish(path, "rw")?;
    run(&mut connection, path, WRITER_SETTINGS)?;
    Ok(connection)
}

pub(super) fn reader(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut connection = establish(path, "rw")?;
    run(&mut connection, path, READER_SETTINGS)?;
    Ok(connection)
}

pub(super) fn open_in_memory(name: &str) -> Result<SqliteConnection, OpenError> {
    let path = Path::new(name);
    SqliteConnection::establish(name).map_err(|error| judge(path, &error.to_string()))
}

pub(super) fn readers(path: &Path, size: u32) -> Result<Readers, OpenError> {
    readers_of(uri(path, "rw"), size, path)
}

pub(super) type Readers = Pool<ConnectionManager<SqliteConnection>>;

pub(super) fn readers_of(uri: String, size: u32, path: &Path) -> Result<Readers, OpenError> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(5))
        .connection_customizer(Box::new(ReaderSettings))
        .build(ConnectionManager::new(uri))
        .map_err(|error| other(path, &error.to_string()))
}

#[derive(Debug)]
struct ReaderSettings;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ReaderSettings {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(READER_SETTINGS)
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

/// Brings the database to this program's schema; a copy of an older one is kept beside it.
pub(super) fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let (applied, pending) = versions(connection, path)?;
    if pending.is_empty() {
        return Ok(());
    }
    if let Some(version) = applied.last() {
        let copy = path.with_extension(format!("before-{version}.db"));
        let _ = std::fs::remove_file(&copy);
        backup(connection, &copy).map_err(|error| migration(path, &error.to_string()))?;
        tracing::info!(copy = %copy.display(), "kept a copy of the database before migrating it");
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map(|_| ())
        .map_err(|error| migration(path, &error.to_string()))
}

/// Refuses a database that this program's schema does not fit.
pub(super) fn require_current(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), OpenError> {
    let (_, pending) = versions(connection, path)?;
    if pending.is_empty() {
        Ok(())
    } else {
        Err(OpenError::Older(path.to_owned()))
    }
}

/// Writes a consistent copy of the database at `path` to a file that must not exist yet.
pub fn backup_of(path: &Path, target: &Path) -> Result<(), OpenError> {
    let mut connection = open_existing(path)?;
    backup(&mut connection, target).map_err(|error| other(path, &error.to_string()))
}

fn backup(connection: &mut SqliteConnection, target: &Path) -> Result<(), StoreError> {
    let target = target.to_string_lossy().into_owned();
    sql_query("VACUUM INTO ?")
        .bind::<diesel::sql_types::Text, _>(target)
        .execute(connection)?;
    Ok(())
}

/// The migrations that the database has, and those of this program that it lacks.
fn versions(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(Vec<String>, Vec<String>), OpenError> {
    use diesel::migration::MigrationSource;
    let mut applied: Vec<String> = connection
        .applied_migrations()
        .map_err(|error| migration(path, &error.to_string()))?
        .iter()
        .map(ToString::to_string)
        .collect();
    applied.sort();
    let mut known: Vec<String> = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&MIGRATIONS)
        .map_err(|error| migration(path, &error.to_string()))?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    known.sort();
    if let Some(version) = applied.iter().find(|version| !known.contains(version)) {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            version: version.clone(),
        });
    }
    known.retain(|version| !applied.contains(version));
    Ok((applied, known))
}

fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Finding {
        #[diesel(sql_type = diesel::sql_types::Text)]
        quick_check: String,
    }
    let findings: Vec<Finding> = sql_query("PRAGMA quick_check(1)")
        .load(connection)
        .map_err(|error| judge(path, &error.to_string()))?;
    match findings.first() {
        Some(finding) if finding.quick_check != "ok" => Err(OpenError::Damaged {
            path: path.to_owned(),
            reason: finding
                .quick_check
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

fn establish(path: &Path, mode: &str) -> Result<SqliteConnection, OpenError> {
    SqliteConnection::establish(&uri(path, mode)).map_err(|error| judge(path, &error.to_string()))
}

fn run(connection: &mut SqliteConnection, path: &Path, sql: &str) -> Result<(), OpenError> {
    connection
        .batch_execute(sql)
        .map_err(|error| judge(path, &error.to_string()))
}

/// Turns the library's words into what a person can act on.
fn judge(path: &Path, words: &str) -> OpenError {
    let path = path.to_owned();
    let reason = words.to_owned();
    if words.contains("not a database") || words.contains("malformed") {
        OpenError::Damaged { path, reason }
    } else if words.contains("locked") || words.contains("busy") {
        OpenError::Locked(path)
    } else {
        OpenError::Other { path, reason }
    }
}

fn other(path: &Path, reason: &str) -> OpenError {
    OpenError::Other {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn migration(path: &Path, reason: &str) -> OpenError {
    OpenError::Migration {
        path: PathBuf::from(path),
        reason: reason.to_owned(),
    }
}

/// SQLite's URI form; the characters that mean something in it are encoded.
fn uri(path: &Path, mode: &str) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut encoded = String::new();
    for c in absolute.to_string_lossy().chars() {
        match c {
            '%' => encoded.push_str("%25"),
            '?' => encoded.push_str("%3f"),
            '#' => encoded.push_str("%23"),
            other => encoded.push(other),
        }
    }
    format!("file:{encoded}?mode={mode}")
}

/// FULL: an acknowledged commit survives power loss, which in WAL mode NORMAL does not promise.
const WRITER_SETTINGS: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA secure_delete = ON;
    PRAGMA mmap_size = 0;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -8192;
";

const READER_SETTINGS: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA query_only = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -2048;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_were_open_stay_open_and_get_names() -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = SqliteConnection::establish(":memory:")?;
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
        for _ in 0..2 {
            let _ = connection.run_next_migration(MIGRATIONS).map_err(failed)?;
        }
        connection.batch_execute(
            "INSERT INTO organisation VALUES (1, 'Acme', 0);
             INSERT INTO person VALUES (2, 'ada@example.org', '', 0);
             INSERT INTO session VALUES (zeroblob(32), 1, 2, 5, 6, '192.0.2.1');",
        )?;
        let _ = connection.run_next_migration(MIGRATIONS).map_err(failed)?;

        let whose = crate::store::sessions::Whose {
            person: "0000000000000002".parse()?,
            organisation: None,
        };
        let start = server_scout_wire::Timestamp::from_millis(0);
        let found = crate::store::sessions::list(&mut connection, whose, start, start)?;
        let [session] = found.as_slice() else {
            return Err(format!("{found:?}").into());
        };
        assert_eq!(session.created_at.as_millis(), 5);
        assert_eq!(session.seen_at.as_millis(), 6);
        assert_eq!(
            (session.address.as_str(), session.user_agent.as_str()),
            ("192.0.2.1", "")
        );
        assert!(session.id.as_i64() > 0);
        let generation = crate::store::credentials::generation(&mut connection)?;
        crate::store::sessions::end_named(&mut connection, whose, session.id)?;
        // The new table has the trigger of the old one.
        let after = crate::store::credentials::generation(&mut connection)?;
        assert_eq!(after, generation + 1);
        Ok(())
    }

    /// `.cargo/config.toml` says so; a build that does not read it would be larger and less safe.
    #[test]
    fn sqlite_is_built_without_what_no_query_uses() -> Result<(), Box<dyn std::error::Error>> {
        #[derive(QueryableByName)]
        struct Built {
            #[diesel(sql_type = diesel::sql_types::Text)]
            compile_options: String,
        }
        let mut connection = SqliteConnection::establish(":memory:")?;
        let built: Vec<Built> = sql_query("PRAGMA compile_options").load(&mut connection)?;
        let has = |word: &str| built.iter().any(|with| with.compile_options.contains(word));
        assert!(has("THREADSAFE=1"), "the options can be asked");
        for unused in ["FTS", "LOAD_EXTENSION", "RTREE", "SOUNDEX"] {
            assert!(!has(unused), "{unused}");
        }
        Ok(())
    }
}
