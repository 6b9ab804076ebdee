//! Reports on their way.

/// A request body: a JSON object for one report, a JSON array for more. It remembers where its
/// reports wait, so that they can be removed when they are acknowledged.
pub struct Batch {
    pub(super) origin: Origin,
    reports: u64,
    body: Vec<u8>,
}

/// Where the reports of a batch wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// In memory, up to the position `end`.
    Memory { end: u64 },
    /// In a segment, between these places.
    Disk { segment: u64, start: u64, end: u64 },
}

impl Batch {
    /// The request body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How many reports it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.reports).unwrap_or(usize::MAX)
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reports == 0
    }

    /// Whether its reports wait on disk, behind those that were made last.
    #[must_use]
    pub fn is_backlog(&self) -> bool {
        matches!(self.origin, Origin::Disk { .. })
    }
}

/// A body that grows report by report, within a bound.
pub(super) struct Body {
    bytes: Vec<u8>,
    reports: u64,
    max_bytes: usize,
}

impl Body {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self::with_capacity(max_bytes, 0)
    }

    /// With room for `capacity` bytes, so that it need not grow by doubling.
    pub(super) fn with_capacity(max_bytes: usize, capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            reports: 0,
            max_bytes,
        }
    }

    /// False, and nothing added, when the report does not fit. The first always does.
    pub(super) fn add(&mut self, json: &[u8]) -> bool {
        if self.reports > 0 && self.bytes.len() + json.len() + 2 > self.max_bytes {
            return false;
        }
        self.bytes.push(if self.reports == 0 { b'[' } else { b',' });
        self.bytes.extend_from_slice(json);
        self.reports += 1;
        true
    }

    /// None when nothing was added.
    pub(super) fn finish(mut self, origin: Origin) -> Option<Batch> {
        match self.reports {
            0 => return None,
            1 => drop(self.bytes.remove(0)),
            _ => self.bytes.push(b']'),
        }
        Some(Batch {
            origin,
            reports: self.reports,
            body: self.bytes,
        })
    }
}
