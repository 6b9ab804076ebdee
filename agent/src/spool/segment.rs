//! A segment: a file that begins with how far it was acknowledged and goes on with records.
//!
//! The beginning is eight bytes, a place in the file and its complement. When the two do not fit
//! each other everything in the segment is sent again, which the dashboard notices by `boot` and
//! `seq`.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::record::{MAX_REPORT_BYTES, OVERHEAD, Records};

/// What is known of a segment without reading it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Its place in the order of segments.
    pub(super) number: u64,
    /// Where the first report that is not acknowledged starts.
    pub(super) begin: u64,
    /// Where the last whole report ends.
    pub(super) end: u64,
    /// How many are not acknowledged.
    pub(super) reports: u64,
    /// When the youngest was made.
    pub(super) newest: i64,
}

impl Segment {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            begin: HEADER_BYTES,
            end: HEADER_BYTES,
            reports: 0,
            newest: i64::MIN,
        }
    }

    /// Reads the segment's file through; also how many places in it are damaged.
    pub(super) fn load(number: u64, file: &File) -> io::Result<(Self, u64)> {
        let mut damaged = 0;
        let length = file.metadata()?.len();
        if length > MAX_SEGMENT_BYTES {
            // No agent wrote that.
            damaged += 1;
            file.set_len(MAX_SEGMENT_BYTES)?;
        }
        let mut bytes = Vec::new();
        file.take(MAX_SEGMENT_BYTES).read_to_end(&mut bytes)?;

        let mut segment = Self::new(number);
        segment.begin = acknowledged(&bytes).unwrap_or(HEADER_BYTES);
        let begin = usize::try_from(segment.begin).unwrap_or(usize::MAX);
        let rest = bytes.get(begin..).unwrap_or_default();
        let mut expected = 0;
        for record in Records::new(rest) {
            damaged += u64::from(record.start != expected);
            expected = record.end;
            segment.reports += 1;
            segment.newest = segment.newest.max(record.made);
        }
        damaged += u64::from(expected != rest.len());
        segment.end = segment.begin + expected as u64;
        Ok((segment, damaged))
    }
}

/// Opens a segment that exists, and nothing that only has its name.
pub(super) fn open(directory: &Path, number: u64) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.cast_signed())
        .open(path(directory, number))?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(file)
}

/// Makes the file of a new segment, for its owner alone.
pub(super) fn create(directory: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path(directory, number))
}

/// Notes in the file that what stands before `begin` is acknowledged.
pub(super) fn note_acknowledged(file: &File, begin: u64) -> io::Result<()> {
    let begin = u32::try_from(begin).map_err(io::Error::other)?;
    let [a, b, c, d] = begin.to_le_bytes();
    file.write_all_at(&[a, b, c, d, !a, !b, !c, !d], 0)
}

/// Reads up to `length` bytes from `start` on; less when the file ends before.
pub(super) fn read(file: &File, start: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The file of a segment.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(number))
}

/// The number of the segment with this file name.
pub(super) fn number(file_name: &OsStr) -> Option<u64> {
    let text = file_name.to_str()?;
    let digits = text.strip_prefix("seg-")?.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    (name(number) == text).then_some(number)
}

fn name(number: u64) -> String {
    format!("seg-{number:020}.log")
}

fn acknowledged(bytes: &[u8]) -> Option<u64> {
    let (place, rest) = bytes.split_first_chunk::<4>()?;
    let (complement, _) = rest.split_first_chunk::<4>()?;
    let place = u32::from_le_bytes(*place);
    let fits = place == !u32::from_le_bytes(*complement)
        && u64::from(place) >= HEADER_BYTES
        && u64::from(place) <= bytes.len() as u64;
    fits.then_some(u64::from(place))
}

/// Where the first record stands.
pub(super) const HEADER_BYTES: u64 = 8;
/// A segment is ended at this size, unless one report alone is longer.
pub(super) const SEGMENT_BYTES: u64 = 256 * 1024;

const MAX_SEGMENT_BYTES: u64 = SEGMENT_BYTES + (MAX_REPORT_BYTES + OVERHEAD) as u64;
