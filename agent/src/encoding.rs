//! A request body as it travels: compressed where that makes it shorter.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Compresses bodies with gzip, and keeps its tables between two of them: to give back a third of
/// a megabyte every few seconds and ask for it again costs more than the compression.
pub struct Encoder(Compress);

impl Encoder {
    /// An encoder.
    #[must_use]
    pub fn new() -> Self {
        Self(Compress::new(Compression::default(), false))
    }

    /// `body` as a gzip file; none when that is not worth it.
    pub fn gzip(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < WORTH_COMPRESSING {
            return None;
        }
        let mut out = Vec::with_capacity(body.len());
        out.extend_from_slice(&HEADER);
        self.0.reset();
        // The room ends where compression no longer pays; a body that needs more stays as it is.
        let status = self
            .0
            .compress_vec(body, &mut out, FlushCompress::Finish)
            .ok()?;
        let mut crc = Crc::new();
        crc.update(body);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        (status == Status::StreamEnd && out.len() + ANNOUNCEMENT < body.len()).then_some(out)
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// RFC 1952: deflate, no flags, no time, no name, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
const WORTH_COMPRESSING: usize = 256;
/// What announcing the compression costs.
const ANNOUNCEMENT: usize = "content-encoding: gzip\r\n".len();
