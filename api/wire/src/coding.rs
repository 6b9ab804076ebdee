//! How a body is compressed on its way: `Content-Encoding` as HTTP has it (RFC 9110, section 8.4.1).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::dictionary::Dictionary;

/// A content coding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    /// The zlib format, without a preset dictionary or with a known one.
    Deflate,
    /// One gzip file.
    Gzip,
}

impl Coding {
    /// The coding of that name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Deflate, Self::Gzip]
            .into_iter()
            .find(|coding| coding.name().as_bytes() == name)
    }

    /// The name in `Content-Encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
        }
    }
}

/// Compresses bodies, and keeps its tables between two of them.
pub struct Encoder {
    coding: Coding,
    tables: Compress,
}

impl Encoder {
    /// An encoder; [`Coding::Deflate`] is with [`Dictionary::NEWEST`].
    #[must_use]
    pub fn new(coding: Coding) -> Self {
        let level = Compression::default();
        let tables = match coding {
            Coding::Deflate => Compress::new_with_window_bits(level, true, WINDOW_BITS),
            Coding::Gzip => Compress::new_gzip(level, WINDOW_BITS),
        };
        Self { coding, tables }
    }

    /// What it makes.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// `body` in the coding; none when that is not worth it.
    pub fn encode(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < WORTH_COMPRESSING {
            return None;
        }
        self.tables.reset();
        if self.coding == Coding::Deflate {
            self.tables.set_dictionary(Dictionary::NEWEST.text).ok()?;
        }
        // The room ends where compression no longer pays.
        let mut packed = Vec::with_capacity(body.len() - ANNOUNCEMENT);
        let status = self
            .tables
            .compress_vec(body, &mut packed, FlushCompress::Finish);
        (status.ok()? == Status::StreamEnd).then_some(packed)
    }
}

/// The body that `packed` holds, of at most `limit` bytes: no more than one above are decompressed.
pub fn decode(coding: Coding, packed: &[u8], limit: usize) -> Result<Vec<u8>, Undecodable> {
    let mut tables = match coding {
        Coding::Deflate => Decompress::new(true),
        Coding::Gzip => Decompress::new_gzip(LARGEST_WINDOW_BITS),
    };
    let mut body = Vec::with_capacity(packed.len().saturating_mul(4).min(limit) + 1);
    loop {
        let read = usize::try_from(tables.total_in()).unwrap_or(usize::MAX);
        let rest = packed.get(read..).unwrap_or_default();
        match tables.decompress_vec(rest, &mut body, FlushDecompress::None) {
            Err(error) => {
                let id = error.needs_dictionary().ok_or(Undecodable::Damaged)?;
                let known = Dictionary::of(id).ok_or(Undecodable::UnknownDictionary(id))?;
                tables
                    .set_dictionary(known.text)
                    .map_err(|_| Undecodable::Damaged)?;
            }
            Ok(_) if body.len() > limit => return Err(Undecodable::TooLong),
            Ok(Status::StreamEnd) if tables.total_in() == packed.len() as u64 => return Ok(body),
            Ok(Status::StreamEnd) => return Err(Undecodable::Damaged),
            // There was room, so what is missing is the end.
            Ok(_) if body.len() < body.capacity() => return Err(Undecodable::Damaged),
            Ok(_) => body.reserve_exact(body.len().min(limit - body.len()) + 1),
        }
    }
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Undecodable {
    /// It is not of that coding, or not whole, or followed by something.
    #[error("the body is not what its content encoding says, or not whole")]
    Damaged,
    /// It is longer than the limit.
    #[error("the body is too long")]
    TooLong,
    /// It needs a dictionary of that Adler-32.
    #[error("the preset dictionary {0:08x} is unknown")]
    UnknownDictionary(u32),
}

/// 8 kB: the dictionary with a report, in little memory.
const WINDOW_BITS: u8 = 13;
/// What any gzip file may need.
const LARGEST_WINDOW_BITS: u8 = 15;
const WORTH_COMPRESSING: usize = 256;
/// What announcing the compression costs.
const ANNOUNCEMENT: usize = "content-encoding: deflate\r\n".len();
