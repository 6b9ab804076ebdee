//! What enrolment leaves in the state directory, for `run` to go by where nothing else is said: the
//! agent key, the dashboard's address, and its CA where it has one of its own.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

/// The state directory.
#[derive(Clone, Debug)]
pub struct State(PathBuf);

/// A file of the state directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// The CA to trust, PEM.
    Ca,
    /// The agent key.
    Key,
    /// The dashboard's address.
    Url,
}

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {why}", path.display())]
pub struct StateError {
    path: PathBuf,
    why: io::Error,
}

/// Files that are written and not yet in their places. Dropped, they never were.
#[derive(Debug)]
pub struct Pending<'a> {
    state: &'a State,
    written: Vec<Kept>,
}

impl Kept {
    fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca.pem",
            Self::Key => "api-key",
            Self::Url => "url",
        }
    }
}

impl State {
    /// The state directory at `path`. Nothing is looked at yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where a file of it is.
    #[must_use]
    pub fn path(&self, kept: Kept) -> PathBuf {
        self.0.join(kept.name())
    }

    /// Where a file of it is, if it is there.
    #[must_use]
    pub fn existing(&self, kept: Kept) -> Option<PathBuf> {
        Some(self.path(kept)).filter(|path| path.is_file())
    }

    /// Makes the directory, closed to others, where there is none.
    pub fn create(&self) -> Result<(), StateError> {
        if self.0.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(|why| self.error(&self.0, why))
    }

    /// Begins to write files that belong together.
    #[must_use]
    pub fn begin(&self) -> Pending<'_> {
        Pending {
            state: self,
            written: Vec::new(),
        }
    }

    fn partial(&self, kept: Kept) -> PathBuf {
        self.0.join(format!("{}.new", kept.name()))
    }

    /// Root writes for the user whose directory it is.
    fn give_to_owner(&self, file: &File) -> io::Result<()> {
        let directory = fs::metadata(&self.0)?;
        let ours = file.metadata()?;
        if ours.uid() == 0 && directory.uid() != 0 {
            fchown(file, Some(directory.uid()), Some(directory.gid()))?;
        }
        Ok(())
    }

    #[expect(
        clippy::unused_self,
        reason = "an error belongs to the directory it is about"
    )]
    fn error(&self, path: &Path, why: io::Error) -> StateError {
        StateError {
            path: path.to_owned(),
            why,
        }
    }
}

impl Pending<'_> {
    /// Writes a file beside its place, for its owner alone, and brings it to the disk.
    pub fn write(&mut self, kept: Kept, content: &[u8]) -> Result<(), StateError> {
        let partial = self.state.partial(kept);
        let write = || -> io::Result<()> {
            // What an attempt before left, or somebody put there, is not followed and not kept.
            let _ = fs::remove_file(&partial);
            let mut file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&partial)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            self.state.give_to_owner(&file)?;
            file.write_all(content)?;
            file.sync_all()
        };
        write().map_err(|why| self.state.error(&partial, why))?;
        if !self.written.contains(&kept) {
            self.written.push(kept);
        }
        Ok(())
    }

    /// Puts every file in its place, in the order they were written, each in one step.
    pub fn keep(mut self) -> Result<(), StateError> {
        for kept in std::mem::take(&mut self.written) {
            let path = self.state.path(kept);
            fs::rename(self.state.partial(kept), &path)
                .map_err(|why| self.state.error(&path, why))?;
        }
        File::open(&self.state.0)
            .and_then(|directory| directory.sync_all())
            .map_err(|why| self.state.error(&self.state.0, why))
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        for kept in &self.written {
            let _ = fs::remove_file(self.state.partial(*kept));
        }
    }
}

/// The state directory of the unit, for `enrol` where none is given.
pub const UNIT_STATE_DIR: &str = "/var/lib/server-scout-agent";
