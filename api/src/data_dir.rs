//! The data directory: ours alone, whatever the umask.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

/// A data directory that was found fit: it exists, belongs to us and is closed to everybody else.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Held by the one `serve` of a data directory; let go when dropped or when the process ends.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

/// What is wrong with a data directory.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another dashboard runs on it.
    #[error(
        "another server-scout serve already uses the data directory {}; stop it or choose another SERVERSCOUT_DATA_DIR",
        .0.display()
    )]
    InUse(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is none yet, and only `serve` makes one.
    #[error(
        "no dashboard has run on the data directory {} yet; start server-scout serve first, or set SERVERSCOUT_DATA_DIR",
        .0.display()
    )]
    Missing(PathBuf),
    /// It is no directory.
    #[error("the data directory {} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Somebody else could read or change it.
    #[error(
        "the data directory {} has mode {mode:04o}, so that others can open it; run: chmod 0700 {}",
        path.display(), path.display()
    )]
    Open {
        /// Which directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error(
        "the data directory {} belongs to user {owner}, not to you; run the same command as that user: sudo -u '#{owner}' {command}",
        path.display()
    )]
    OtherOwner {
        /// Which directory.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// This command.
        command: String,
    },
}

impl DataDir {
    /// For `serve`: makes the directory when it is not there, and closes an empty one of ours. Within it is
    /// [`KEYS`] then.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                DataDirError::NotADirectory(path.to_owned())
            }
            _ => io_error("create the data directory", path, source),
        })?;
        let empty = std::fs::read_dir(path)
            .map_err(|source| io_error("read the data directory", path, source))?
            .next()
            .is_none();
        let metadata = metadata(path)?;
        // Nothing can have been planted in an empty directory that only its owner may write to.
        if empty && metadata.uid() == our_uid() && metadata.mode() & 0o022 == 0 {
            std::fs::set_permissions(path, Permissions::from_mode(0o700))
                .map_err(|source| io_error("close the data directory", path, source))?;
        }
        let data_dir = Self::check(path)?;
        let keys = data_dir.file(KEYS);
        match DirBuilder::new().mode(0o700).create(&keys) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(io_error("create", &keys, error))
            }
            Ok(()) | Err(_) => Ok(data_dir),
        }
    }

    /// For every other command: the directory of a dashboard that has run before.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        if !path.join(DATABASE).exists()
            && std::fs::read_dir(path).is_ok_and(|mut d| d.next().is_none())
        {
            return Err(DataDirError::Missing(path.to_owned()));
        }
        if !path.exists() {
            return Err(DataDirError::Missing(path.to_owned()));
        }
        let data_dir = Self::check(path)?;
        if !data_dir.database().exists() {
            return Err(DataDirError::Missing(path.to_owned()));
        }
        Ok(data_dir)
    }

    fn check(path: &Path) -> Result<Self, DataDirError> {
        let metadata = metadata(path)?;
        if !metadata.is_dir() {
            return Err(DataDirError::NotADirectory(path.to_owned()));
        }
        if metadata.uid() != our_uid() {
            return Err(DataDirError::OtherOwner {
                path: path.to_owned(),
                owner: metadata.uid(),
                command: std::env::args().collect::<Vec<_>>().join(" "),
            });
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(DataDirError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(Self(path.to_owned()))
    }

    /// Takes the lock that only one `serve` can hold.
    pub fn lock(&self) -> Result<ServeLock, DataDirError> {
        let path = self.0.join("serve.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| io_error("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(ServeLock { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(DataDirError::InUse(self.0.clone())),
            Err(std::fs::TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
        }
    }

    /// The database's file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// The file `name` in the directory.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file of ours, 0600, whole or not at all.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), DataDirError> {
        let path = self.0.join(name);
        let partial = self.0.join(format!("{name}.new"));
        let write = || -> io::Result<()> {
            let _ = std::fs::remove_file(&partial);
            let mut file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&partial)?;
            file.write_all(content)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)?;
            sync_directory_of(&path)
        };
        write().map_err(|source| io_error("write", &path, source))
    }

    /// Puts one file of ours in the place of another, in one step. Whether it was there.
    pub fn replace(&self, from: &str, to: &str) -> Result<bool, DataDirError> {
        let (source, target) = (self.0.join(from), self.0.join(to));
        let replace = || -> io::Result<()> {
            std::fs::rename(&source, &target)?;
            sync_directory_of(&target)
        };
        match replace() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error("write", &target, error)),
        }
    }

    /// Reads a file of ours; none when it is not there.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DataDirError> {
        let path = self.0.join(name);
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", &path, source)),
        }
    }
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, DataDirError> {
    std::fs::metadata(path).map_err(|source| io_error("look at the data directory", path, source))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> DataDirError {
    DataDirError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn our_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Where private keys of TLS lie: a directory of their own, so that it can be hidden from who needs none.
pub const KEYS: &str = "keys";
const DATABASE: &str = "server-scout.db";
