//! A file of the kernel that stays open.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::text::lines;

pub(super) struct ProcFile(File);

impl ProcFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
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

    /// The first bytes of a file that is never longer: one system call.
    pub(super) fn read_start<'b>(&self, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        if buffer.len() < READ_BYTES {
            buffer.resize(READ_BYTES, 0);
        }
        let room = buffer.get_mut(..START_BYTES).unwrap_or_default();
        let length = self.0.read_at(room, 0)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Hands over each line of a file of any length, a piece of the file in memory at a time. The
    /// kernel goes on where a piece ended, so the buffer stays small however many lines there are.
    pub(super) fn each_line(
        &self,
        buffer: &mut Vec<u8>,
        mut visit: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        if buffer.len() < PIECE_BYTES {
            buffer.resize(PIECE_BYTES, 0);
        }
        let (mut offset, mut kept) = (0_u64, 0_usize);
        loop {
            let room = buffer.get_mut(kept..).unwrap_or_default();
            let read = self.0.read_at(room, offset)?;
            offset += read as u64;
            let filled = buffer.get(..kept + read).unwrap_or_default();
            let whole = match filled.iter().rposition(|byte| *byte == b'\n') {
                _ if read == 0 => filled.len(),
                Some(end) => end + 1,
                // A line that does not fit is none that is wanted.
                None => filled.len(),
            };
            for line in lines(filled.get(..whole).unwrap_or_default()) {
                visit(line);
            }
            if read == 0 {
                return Ok(());
            }
            let end = kept + read;
            buffer.copy_within(whole..end, 0);
            kept = end - whole;
        }
    }
}

const READ_BYTES: usize = 4096;
const PIECE_BYTES: usize = 16 * 1024;
const START_BYTES: usize = 512;
/// Room for thousands of mounts; more is not a host that one report can describe.
const MAX_BYTES: usize = 1024 * 1024;
