//! One report as it stands in a segment: a marker, its length, when it was made, a checksum over
//! all of these, and its JSON.
//!
//! Reading trusts nothing. What does not add up is passed over, and the search goes on at the next
//! marker; the marker's first byte occurs in no UTF-8 text, so reports are never taken apart.

use flate2::Crc;

/// A record that is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// Where it starts in the bytes that were read.
    pub start: usize,
    /// Where the next one starts.
    pub end: usize,
    /// When the report was made, in milliseconds since 1970 by the host's clock.
    pub made: i64,
    /// The report.
    pub json: &'a [u8],
}

/// Adds a record to `into`. None, and nothing added, when the report is longer than
/// [`MAX_REPORT_BYTES`] or empty.
pub fn write(into: &mut Vec<u8>, made: i64, json: &[u8]) -> Option<()> {
    let length = u32::try_from(json.len()).ok()?;
    if json.is_empty() || json.len() > MAX_REPORT_BYTES {
        return None;
    }
    let (length, made) = (length.to_le_bytes(), made.to_le_bytes());
    into.extend_from_slice(&MARKER);
    into.extend_from_slice(&length);
    into.extend_from_slice(&made);
    into.extend_from_slice(&checksum(length, made, json).to_le_bytes());
    into.extend_from_slice(json);
    Some(())
}

/// The whole records among `bytes`, in order. It gives up after [`MAX_ATTEMPTS`] places that look
/// like a record and are none, so that made-up files cost no time.
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    attempts: usize,
}

impl<'a> Records<'a> {
    /// Looks for records in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            attempts: MAX_ATTEMPTS,
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        while self.attempts > 0 {
            if let Some(record) = read(self.bytes, self.at) {
                self.at = record.end;
                return Some(record);
            }
            self.attempts -= 1;
            let searched = self.at + 1;
            let rest = self.bytes.get(searched..)?;
            self.at = searched + rest.windows(MARKER.len()).position(|four| four == MARKER)?;
        }
        None
    }
}

fn read(bytes: &[u8], start: usize) -> Option<Record<'_>> {
    let rest = bytes.get(start..)?.strip_prefix(&MARKER)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (made, rest) = rest.split_first_chunk::<8>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if size == 0 || size > MAX_REPORT_BYTES {
        return None;
    }
    let json = rest.get(..size)?;
    (checksum(*length, *made, json) == u32::from_le_bytes(*crc)).then_some(Record {
        start,
        end: start + OVERHEAD + size,
        made: i64::from_le_bytes(*made),
        json,
    })
}

fn checksum(length: [u8; 4], made: [u8; 8], json: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&length);
    crc.update(&made);
    crc.update(json);
    crc.sum()
}

/// Bytes of a record beside its report.
pub const OVERHEAD: usize = MARKER.len() + 4 + 8 + 4;
/// The longest report that is kept on disk; the longest that the agent makes is far below.
pub const MAX_REPORT_BYTES: usize = 512 * 1024;
/// A segment holds about this many reports.
pub const MAX_ATTEMPTS: usize = 256;

const MARKER: [u8; 4] = [0xff, b'S', b'S', b'1'];
