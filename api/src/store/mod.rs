//! The store: SQLite through Diesel, one writer, several readers, every query scoped to a tenant.
//!
//! The schema is private to this module, so no SQL can be written outside of it.

pub mod account_mails;
pub mod agent_keys;
pub mod alert_notices;
pub mod alert_rules;
pub mod alert_states;
pub mod audit;
pub mod channel_links;
pub mod channels;
pub mod confirmation_mails;
mod connection;
pub mod credentials;
pub mod deliveries;
pub mod delivery_bounds;
pub mod devices;
pub mod due_deliveries;
pub mod empty_series;
pub mod enrolments;
mod error;
pub mod expiry;
pub mod export;
mod export_alerts;
mod export_channels;
mod export_series;
pub mod folding;
mod free_pages;
pub mod groups;
mod heads;
pub mod heartbeats;
pub mod history;
pub mod incidents;
mod intake;
pub mod invitations;
pub mod links;
pub mod live;
mod log;
mod log_row;
pub mod login_steps;
pub mod maintenance;
pub mod member_groups;
pub mod members;
pub mod merging;
pub mod organisation_end;
pub mod organisation_mails;
pub mod organisations;
pub mod passkeys;
pub mod people;
pub mod placements;
pub mod probe;
pub mod removal;
pub mod reports;
pub mod retention;
mod roll_ups;
mod schema;
mod scope;
pub mod sealed;
pub mod second_factors;
mod segments;
pub mod series;
pub mod servers;
pub mod sessions;
mod stretches;
pub mod tags;
#[cfg(test)]
mod tenants;
pub mod tokens;
pub mod walk;
#[cfg(test)]
mod whole;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use tokio::sync::Semaphore;

pub use self::connection::backup_of;
pub use self::error::{OpenError, StoreError};
pub use self::heads::{Heads, Position};
pub use self::intake::Intake;
pub use self::scope::Scope;
pub use self::writer::{Urgency, WriteContext, Writer};
use crate::internals::Internals;

/// Between portions of long work.
const PAUSE: Duration = Duration::from_millis(20);
/// Readers that work at a time.
const READERS: u32 = 4;

/// The open database. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    readers: Pool<ConnectionManager<SqliteConnection>>,
    /// Long reads leave readers free for those that everything waits for.
    long_reads: Arc<Semaphore>,
    /// What goes through many servers or a long range takes turns, portion by portion.
    portions: Arc<Semaphore>,
    writer: Writer,
    heads: Arc<Heads>,
    path: PathBuf,
    internals: Arc<Internals>,
    /// For the one tiny query of every report; never waits for a thread.
    generation: Arc<Mutex<SqliteConnection>>,
}

impl Store {
    /// Opens the database for `serve`: makes or migrates it, checks it, starts the writer.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut connection = connection::open_for_serving(path)?;
        connection::migrate(&mut connection, path)?;
        Self::assemble(path, connection)
    }

    /// Opens the database for a command beside a running dashboard; never migrates.
    pub fn open_existing(path: &Path) -> Result<Self, OpenError> {
        let mut connection = connection::open_existing(path)?;
        connection::require_current(&mut connection, path)?;
        Self::assemble(path, connection)
    }

    /// An empty database in memory, for what only needs to know its shape.
    pub fn in_memory() -> Result<Self, OpenError> {
        let name = format!(
            "file:server-scout-{}?mode=memory&cache=shared",
            crate::id::Id::<()>::random()
        );
        let path = Path::new(&name);
        let mut connection = connection::open_in_memory(&name)?;
        connection::migrate(&mut connection, path)?;
        let heads = load_heads(&mut connection, path)?;
        let internals = Arc::default();
        Ok(Self {
            readers: connection::readers_of(name.clone(), 1, path)?,
            long_reads: Arc::new(Semaphore::new(1)),
            portions: Arc::new(Semaphore::new(1)),
            writer: Writer::start(connection, Arc::clone(&heads), path, Arc::clone(&internals))?,
            heads,
            path: path.to_owned(),
            internals,
            generation: Arc::new(Mutex::new(connection::open_in_memory(&name)?)),
        })
    }

    fn assemble(path: &Path, mut connection: SqliteConnection) -> Result<Self, OpenError> {
        let heads = load_heads(&mut connection, path)?;
        let internals = Arc::default();
        Ok(Self {
            readers: connection::readers(path, READERS)?,
            long_reads: Arc::new(Semaphore::new(READERS as usize / 2)),
            portions: Arc::new(Semaphore::new(1)),
            writer: Writer::start(connection, Arc::clone(&heads), path, Arc::clone(&internals))?,
            heads,
            path: path.to_owned(),
            internals,
            generation: Arc::new(Mutex::new(connection::reader(path)?)),
        })
    }

    /// Reads on a thread of its own.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.readers.clone();
        let read = move || {
            let mut connection = readers.get().map_err(|_| StoreError::Busy)?;
            query(&mut connection)
        };
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Reads what may take long, such as a chart's range: only half of the readers do so at a time.
    pub async fn read_long<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.long_reads).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Closed)?;
        self.read(move |connection| {
            let _turn = turn;
            query(connection)
        })
        .await
    }

    /// Reads a portion of what takes very long: one at a time, in the order in which they are asked for,
    /// so that charts and folding always have the other half of the long reads.
    pub async fn read_portion<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.portions).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Closed)?;
        self.read_long(move |connection| {
            let _turn = turn;
            query(connection)
        })
        .await
    }

    /// Writes in a transaction of its own within the next commit, and returns after that commit.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let job = |context: &mut WriteContext<'_>| change(context.connection);
        self.writer.submit(Urgency::Now, job, |_| ()).await
    }

    /// Gives pages that hold nothing any more back to the file system, portion by portion.
    pub async fn give_back_pages(&self) -> Result<(), StoreError> {
        while self.write(free_pages::give_back_some).await? {
            tokio::time::sleep(PAUSE).await;
        }
        let path = self.path.clone();
        let emptied = tokio::task::spawn_blocking(move || free_pages::empty_log(&path));
        emptied.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Gives free pages back where they are many; a few are soon used again.
    pub async fn give_back_many_pages(&self) -> Result<(), StoreError> {
        if self.read(free_pages::are_many).await? {
            self.give_back_pages().await?;
        }
        Ok(())
    }

    /// Where in the log the reports are that are not folded yet.
    #[must_use]
    pub fn heads(&self) -> Arc<Heads> {
        Arc::clone(&self.heads)
    }

    /// What is counted for the operator.
    #[must_use]
    pub fn internals(&self) -> &Internals {
        &self.internals
    }

    /// Size of the database with its log of writes; 0 when it cannot be seen.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(&self.path) + size(Path::new(&log))
    }

    /// The writer, for those who need more of it.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Writes what waits and ends the writer, once every other handle is gone.
    pub fn finish(self) {
        self.writer.finish();
    }

    /// The number that grows with every change of who may do what. Microseconds, so not worth a
    /// thread.
    pub fn generation(&self) -> Result<i64, StoreError> {
        let mut connection = self
            .generation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        credentials::generation(&mut connection)
    }
}

fn load_heads(connection: &mut SqliteConnection, path: &Path) -> Result<Arc<Heads>, OpenError> {
    let heads = Heads::load(connection).map_err(|error| OpenError::Other {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Arc::new(heads))
}
