//! Where the master key comes from: a file of the operator's, or one that is made beside the database.
//! And how it is rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::SqliteConnection;

use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::sealing::{MasterKey, Place, SealError, Sealer};
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
    /// A file of a rotation.
    #[error("cannot {action} the master key {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// The file of the master key: the configured one, else the one in the data directory.
#[must_use]
pub fn file(config: &Config, data_dir: &DataDir) -> PathBuf {
    let configured = config.master_key_file.clone();
    configured.unwrap_or_else(|| data_dir.file(IN_DATA_DIR))
}

/// For commands: the sealer of a dashboard that has run before.
pub async fn open(
    config: &Config,
    data_dir: &DataDir,
    store: &Store,
) -> Result<Sealer, MasterKeyError> {
    let path = file(config, data_dir);
    settle(&path, store).await?;
    let sealer = Sealer::open_file(&path)?;
    // Better to find out now than when somebody logs in.
    for (place, sealed) in store.read(sealed::keys).await? {
        let _ = sealer.open(&place, &sealed)?;
    }
    Ok(sealer)
}

/// Says why the data directory is the weaker place for the key, when it is there.
pub fn warn_of_its_place(config: &Config) {
    if config.master_key_file.is_none() {
        tracing::warn!(
            "the master key lies beside the database it protects ({}); for more than a trial, keep it elsewhere and set SERVERSCOUT_MASTER_KEY_FILE",
            config.data_dir.join(IN_DATA_DIR).display()
        );
    }
}

/// For `serve`: the sealer. Without a configured file a key is made in the data directory at the first
/// start.
pub async fn open_or_make(
    config: &Config,
    data_dir: &DataDir,
    store: &Store,
) -> Result<Sealer, MasterKeyError> {
    if config.master_key_file.is_none() {
        let path = file(config, data_dir);
        if !path.exists() && !previous(&path).exists() {
            make(data_dir, &path, store).await?;
        }
    }
    open(config, data_dir, store).await
}

/// Makes the key. Never in the place of one that was lost: what it sealed would stay closed for ever.
async fn make(data_dir: &DataDir, path: &Path, store: &Store) -> Result<(), MasterKeyError> {
    if !store.read(sealed::keys).await?.is_empty() {
        return Err(MasterKeyError::Lost(path.to_owned()));
    }
    let key = Secret::generate(Purpose::MasterKey);
    data_dir.write(IN_DATA_DIR, line(&key).as_bytes())?;
    Ok(())
}

/// For whoever keeps the key apart from the data: writes a fresh one to `path`, 0600. False when a
/// master key is there already; an error when something else is.
pub fn make_at(path: &Path) -> Result<bool, MasterKeyError> {
    if path.exists() {
        return Ok(MasterKey::read(path).map(|_| false)?);
    }
    write_new(path, &Secret::generate(Purpose::MasterKey)).map_err(failed("write", path))?;
    sync_directory(path).map_err(failed("write", path))?;
    Ok(true)
}

/// A new master key that is about to take the place of the present one.
///
/// The file changes within the transaction that seals everything anew, so that whoever seals
/// meanwhile, within a transaction as well, finds the key that fits. The key before is kept beside it until
/// that transaction is durable; [`settle`] finds out which of both counts after a crash.
pub struct Rotation {
    present: PathBuf,
    target: PathBuf,
    before: MasterKey,
    secret: Secret,
}

impl Rotation {
    /// Prepares a rotation. With `new_file` the key is written there, for an operator who keeps it
    /// elsewhere; else it takes the place of the present one.
    pub fn prepare(present: PathBuf, new_file: Option<PathBuf>) -> Result<Self, MasterKeyError> {
        Ok(Self {
            before: MasterKey::read(&present)?,
            target: new_file.unwrap_or_else(|| present.clone()),
            present,
            secret: Secret::generate(Purpose::MasterKey),
        })
    }

    /// Seals everything anew and writes the key. Within one transaction.
    pub fn carry_out(&self, connection: &mut SqliteConnection) -> Result<usize, StoreError> {
        let after = MasterKey::of(&self.secret);
        let again = |place: &Place, sealed: &[u8]| {
            let changed = || SealError::Changed(place.to_string());
            let content = self.before.open(place, sealed).ok_or_else(changed)?;
            Ok(after.seal(place, &content))
        };
        let count = sealed::seal_again(connection, again)?;
        self.write().map_err(|error| SealError::File {
            path: self.target.clone(),
            reason: error.to_string(),
        })?;
        Ok(count)
    }

    fn write(&self) -> Result<(), MasterKeyError> {
        if self.target == self.present {
            let kept = previous(&self.present);
            fs::copy(&self.present, &kept).map_err(failed("keep", &kept))?;
            sync(&kept).map_err(failed("keep", &kept))?;
            let fresh = self.present.with_extension("new");
            let _ = fs::remove_file(&fresh);
            write_new(&fresh, &self.secret).map_err(failed("write", &fresh))?;
            fs::rename(&fresh, &self.present).map_err(failed("replace", &self.present))?;
            return sync_directory(&self.present).map_err(failed("replace", &self.present));
        }
        write_new(&self.target, &self.secret).map_err(failed("write", &self.target))
    }
}

/// After a rotation, also one that was cut off: of the key and the one before it, keeps the one that
/// opens what is sealed.
pub async fn settle(present: &Path, store: &Store) -> Result<(), MasterKeyError> {
    let kept = previous(present);
    if !kept.exists() {
        return Ok(());
    }
    let sealed = store.read(sealed::keys).await?;
    let opens = |path: &Path| {
        MasterKey::read(path).is_ok_and(|key| {
            sealed
                .iter()
                .all(|(place, sealed)| key.open(place, sealed).is_some())
        })
    };
    if opens(present) {
        return fs::remove_file(&kept).map_err(failed("remove", &kept));
    }
    if opens(&kept) {
        return fs::rename(&kept, present).map_err(failed("put back", present));
    }
    Ok(())
}

fn previous(present: &Path) -> PathBuf {
    present.with_extension("previous")
}

fn write_new(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(line(secret).as_bytes())?;
    file.sync_all()
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn line(secret: &Secret) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(format!("{}\n", secret.expose()))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MasterKeyError {
    let path = path.to_owned();
    move |source| MasterKeyError::File {
        action,
        path,
        source,
    }
}

/// Its name in the data directory.
pub const IN_DATA_DIR: &str = "master.key";
