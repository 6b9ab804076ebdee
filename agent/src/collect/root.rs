//! Where the host's files are.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::proc_file::ProcFile;

/// The directory that holds `proc`, `sys` and the rest: `/`, or a tree of a test.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

impl Root {
    /// The host itself.
    #[must_use]
    pub fn host() -> Self {
        Self::at("/")
    }

    /// A tree with a host's files.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The place of `path`, which is relative.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Opens a file that is read again and again.
    pub(super) fn open(&self, path: &str) -> io::Result<ProcFile> {
        ProcFile::open(&self.path(path))
    }
}

/// The first 4 kB of a small file, without the white space around them.
pub(super) fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(SMALL_BYTES).read_to_string(&mut text).ok()?;
    text.truncate(text.trim_end().len());
    Some(text)
}

const SMALL_BYTES: u64 = 4096;
