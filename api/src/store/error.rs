//! What can go wrong in the store.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::sealing::SealError;

/// A storage operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Who changes something has lost the right to while it waited to be written.
    #[error("the right was lost meanwhile")]
    RightLost,
    /// The writer's queue is full; the caller should come again.
    #[error("too much is waiting to be written")]
    Busy,
    /// Something of that name exists.
    #[error("it exists already")]
    Conflict,
    /// The program is stopping.
    #[error("the store is closed")]
    Closed,
    /// The database refused, for example because the disk is full.
    #[error("the database refused: {0}")]
    Database(String),
    /// There is no such thing in this scope.
    #[error("there is no such thing")]
    NotFound,
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not a sound database.
    #[error(
        "the database {} is damaged ({reason}); put back a backup, or move the file away to start anew",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the check said.
        reason: String,
    },
    /// Another program holds it.
    #[error("the database {} is locked by another program; stop that program", .0.display())]
    Locked(PathBuf),
    /// Migration failed.
    #[error("the database {} cannot be brought to this version: {reason}", path.display())]
    Migration {
        /// Which file.
        path: PathBuf,
        /// What failed.
        reason: String,
    },
    /// A newer program has been at it.
    #[error(
        "the database {} was written by a newer server-scout (it knows migration {version}); run that version or put back a backup",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The first migration that is unknown here.
        version: String,
    },
    /// `serve` has not brought it to this version yet.
    #[error(
        "the database {} is of an older version; start this version's server-scout serve first, it brings it up to date",
        .0.display()
    )]
    Older(PathBuf),
    /// Anything else.
    #[error("cannot open the database {}: {reason}", path.display())]
    Other {
        /// Which file.
        path: PathBuf,
        /// What the library said.
        reason: String,
    },
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            // What a row refers to is gone, for example a server that was deleted meanwhile.
            DieselError::NotFound
            | DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                Self::NotFound
            }
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            other => Self::Database(other.to_string()),
        }
    }
}
