//! A file of the kernel that stays open.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

pub(super) struct ProcFile(File);

impl ProcFile {
    pub(super) fn open(path: &str) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// The whole file as it is now.
    pub(super) fn read<'b>(&self, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        let mut length = 0;
        loop {
            if buffer.len() - length < READ_BYTES {
                if buffer.len() >= MAX_BYTES {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                buffer.resize(buffer.len() + READ_BYTES, 0);
            }
            let room = buffer.get_mut(length..).unwrap_or_default();
            match self.0.read_at(room, length as u64)? {
                0 => break,
                read => length += read,
            }
        }
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// The first bytes of the file, enough for its first line.
    pub(super) fn read_start<'b>(&self, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        if buffer.len() < READ_BYTES {
            buffer.resize(READ_BYTES, 0);
        }
        let room = buffer.get_mut(..START_BYTES).unwrap_or_default();
        let length = self.0.read_at(room, 0)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }
}

const READ_BYTES: usize = 4096;
const START_BYTES: usize = 512;
/// Room for thousands of mounts; more is not a host that one report can describe.
const MAX_BYTES: usize = 1024 * 1024;
