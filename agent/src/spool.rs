//! What waits until the dashboard has acknowledged it.
//!
//! The queue is bounded in bytes. When it is full the oldest report goes, and is counted: the
//! newest say how the host does now.

use std::collections::VecDeque;

use server_scout_wire::limits::{MAX_BATCH, MAX_DECODED_BYTES};

/// Reports as JSON, oldest first.
pub struct Spool {
    reports: VecDeque<Entry>,
    bytes: usize,
    max_bytes: usize,
    next_position: u64,
    counts: Counts,
}

impl Spool {
    /// An empty spool that holds at most `max_bytes` of reports.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            reports: VecDeque::new(),
            bytes: 0,
            max_bytes,
            next_position: 0,
            counts: Counts::default(),
        }
    }

    /// Adds a report, and drops the oldest ones when there is no room. A report larger than the
    /// whole spool is dropped itself.
    pub fn push(&mut self, json: Vec<u8>) {
        if json.len() > self.max_bytes {
            self.counts.dropped += 1;
            return;
        }
        while self.bytes + json.len() > self.max_bytes && self.pop().is_some() {
            self.counts.dropped += 1;
        }
        self.bytes += json.len();
        let position = self.next_position;
        self.next_position += 1;
        self.reports.push_back(Entry {
            position,
            json: json.into_boxed_slice(),
        });
    }

    /// The oldest reports, at most `max_reports` of them and not more bytes than a batch may have;
    /// none when the spool is empty. They stay in the spool.
    #[must_use]
    pub fn oldest(&self, max_reports: usize) -> Option<Batch> {
        let mut bytes = 0;
        let mut taken = self
            .reports
            .iter()
            .take(max_reports.clamp(1, MAX_REPORTS))
            .take_while(|entry| {
                bytes += entry.json.len() + 1;
                // A single report is always a batch, however large.
                bytes <= MAX_BATCH_BYTES || bytes == entry.json.len() + 1
            })
            .peekable();
        let first = taken.peek()?.position;
        let mut batch = Batch {
            first,
            end: first,
            body: Vec::with_capacity(4096),
        };
        for entry in taken {
            batch.body.push(if batch.is_empty() { b'[' } else { b',' });
            batch.body.extend_from_slice(&entry.json);
            batch.end = entry.position + 1;
        }
        if batch.len() == 1 {
            batch.body.remove(0);
        } else {
            batch.body.push(b']');
        }
        Some(batch)
    }

    /// Removes what the dashboard has made durable or judged for good.
    pub fn acknowledge(&mut self, batch: &Batch) {
        self.remove(batch);
    }

    /// Removes what the dashboard will never accept, and counts it.
    pub fn set_aside(&mut self, batch: &Batch) {
        self.counts.set_aside += self.remove(batch);
    }

    /// Counts reports of an acknowledged batch that the dashboard refused one by one.
    pub fn count_refused(&mut self, reports: u64) {
        self.counts.set_aside += reports;
    }

    /// What was lost since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many reports wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reports.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty()
    }

    /// The bytes of what waits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove(&mut self, batch: &Batch) -> u64 {
        let mut removed = 0;
        // Some of the batch can be gone already: pushes go on while it is on its way.
        while self
            .reports
            .front()
            .is_some_and(|entry| entry.position < batch.end)
        {
            self.pop();
            removed += 1;
        }
        removed
    }

    fn pop(&mut self) -> Option<Entry> {
        let entry = self.reports.pop_front()?;
        self.bytes -= entry.json.len();
        if self.reports.is_empty() {
            // After an outage the room is given back.
            self.reports.shrink_to(16);
        }
        Some(entry)
    }
}

/// Reports on their way: a JSON object for one, a JSON array for more.
pub struct Batch {
    first: u64,
    end: u64,
    body: Vec<u8>,
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
        usize::try_from(self.end - self.first).unwrap_or(usize::MAX)
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == self.first
    }
}

/// Reports that no one will see.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Given up because the spool was full.
    pub dropped: u64,
    /// Refused by the dashboard for good.
    pub set_aside: u64,
}

struct Entry {
    position: u64,
    json: Box<[u8]>,
}

/// Reports in one batch. Less than the wire allows: a batch is copied to be sent, and the agent is small.
pub const MAX_REPORTS: usize = 200;

const MAX_BATCH_BYTES: usize = 256 * 1024;

const _: () = assert!(MAX_REPORTS <= MAX_BATCH && MAX_BATCH_BYTES <= MAX_DECODED_BYTES);
