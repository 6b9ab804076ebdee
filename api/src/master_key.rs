//! Where the master key comes from: a file of the operator's, or one that is made beside the database.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::sealing::{SealError, Sealer};
use crate::secret::{Purpose, Secret};
use crate::store::{Store, StoreError, sealed};

/// Why there is no master key to work with.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// It is gone, and secrets are sealed under it.
    #[error(
        "the master key {} is missing, but the database holds secrets sealed under it; restore that file",
        .0.display()
    )]
    Lost(PathBuf),
    /// It cannot be read, or is another one.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// The file of the master key: the configured one, else the one in the data directory.
#[must_use]
pub fn file(config: &Config, data_dir: &DataDir) -> PathBuf {
    let configured = config.master_key_file.clone();
    configured.unwrap_or_else(|| data_dir.file(IN_DATA_DIR))
}

/// For commands: the sealer of a dashboard that has run before.
pub fn open(config: &Config, data_dir: &DataDir) -> Result<Sealer, MasterKeyError> {
    Ok(Sealer::open_file(&file(config, data_dir))?)
}

/// For `serve`: the sealer. Without a configured file a key is made in the data directory at the first
/// start, and a warning says why that is the weaker place.
pub async fn open_or_make(
    config: &Config,
    data_dir: &DataDir,
    store: &Store,
) -> Result<Sealer, MasterKeyError> {
    let path = file(config, data_dir);
    if config.master_key_file.is_none() {
        if !path.exists() {
            make(data_dir, &path, store).await?;
        }
        tracing::warn!(
            "the master key lies beside the database it protects ({}); for more than a trial, keep it elsewhere and set SERVERSCOUT_MASTER_KEY_FILE",
            path.display()
        );
    }
    let sealer = Sealer::open_file(&path)?;
    // Better to find out now than when somebody logs in.
    for (place, sealed) in store.read(sealed::keys).await? {
        let _ = sealer.open(&place, &sealed)?;
    }
    Ok(sealer)
}

/// Makes the key. Never in the place of one that was lost: what it sealed would stay closed for ever.
async fn make(data_dir: &DataDir, path: &Path, store: &Store) -> Result<(), MasterKeyError> {
    let used = !store.read(sealed::keys).await?.is_empty();
    if used {
        return Err(MasterKeyError::Lost(path.to_owned()));
    }
    let key = Secret::generate(Purpose::MasterKey);
    data_dir.write(IN_DATA_DIR, format!("{}\n", key.expose()).as_bytes())?;
    Ok(())
}

/// Its name in the data directory.
pub const IN_DATA_DIR: &str = "master.key";
