//! What waits until the dashboard has acknowledged it.
//!
//! The newest reports wait in memory. What was not acknowledged by the time the next report is
//! made goes to disk, if there is one, so that nothing is written while the dashboard answers.
//! Both parts are bounded; when one is full the oldest report goes, and is counted: the newest say
//! how the host does now.

mod batch;
pub mod disk;
pub mod record;
mod segment;

use std::collections::VecDeque;
use std::fs::File;

use server_scout_wire::Timestamp;
use server_scout_wire::limits::{MAX_BATCH, MAX_DECODED_BYTES};

pub use self::batch::Batch;
use self::batch::{Body, Origin};
use self::disk::Disk;

/// Reports as JSON, oldest first.
pub struct Spool {
    reports: VecDeque<Entry>,
    bytes: usize,
    max_bytes: usize,
    next_position: u64,
    /// Reports before this position are on their way and must not change their place.
    on_the_way: u64,
    disk: Option<Disk>,
    counts: Counts,
    log: Log,
}

impl Spool {
    /// An empty spool that holds at most `max_bytes` of reports, in memory alone.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            reports: VecDeque::new(),
            bytes: 0,
            max_bytes,
            next_position: 0,
            on_the_way: 0,
            disk: None,
            counts: Counts::default(),
            log: Log::default(),
        }
    }

    /// A spool over what is on `disk`. At most `max_bytes` wait in memory while it cannot be
    /// written.
    #[must_use]
    pub fn on_disk(max_bytes: usize, disk: Disk) -> Self {
        Self {
            disk: Some(disk),
            ..Self::new(max_bytes)
        }
    }

    /// Adds a report that was made now. Drops the oldest ones when there is no room; a report
    /// larger than the whole memory is dropped itself.
    pub fn push(&mut self, json: Vec<u8>) {
        self.push_at(json, Timestamp::now().as_millis());
    }

    /// Adds a report that was made at `made`, milliseconds since 1970.
    pub fn push_at(&mut self, json: Vec<u8>, made: i64) {
        if json.len() > self.max_bytes {
            self.counts.dropped += 1;
            return;
        }
        self.store_all_but(0);
        while self.bytes + json.len() > self.max_bytes && self.pop().is_some() {
            self.counts.dropped += 1;
        }
        self.bytes += json.len();
        let position = self.next_position;
        self.next_position += 1;
        self.reports.push_back(Entry {
            position,
            made,
            json: json.into_boxed_slice(),
        });
        if let Some(disk) = &mut self.disk {
            disk.expire(made);
        }
        self.log.drops(self.counts());
    }

    /// The oldest reports in memory, at most `max_reports` of them and not more bytes than a batch
    /// may have; none when there are none. They stay in the spool, and in memory until the batch
    /// is acknowledged, set aside, or [failed](Spool::failed).
    #[must_use]
    pub fn oldest(&mut self, max_reports: usize) -> Option<Batch> {
        let mut body = Body::new(MAX_BATCH_BYTES);
        let mut end = 0;
        for entry in self.reports.iter().take(max_reports.clamp(1, MAX_REPORTS)) {
            if !body.add(&entry.json) {
                break;
            }
            end = entry.position + 1;
        }
        self.on_the_way = end;
        body.finish(Origin::Memory { end })
    }

    /// The oldest reports on disk, at most `max_reports` of them; none when there are none. They
    /// stay in the spool.
    #[must_use]
    pub fn oldest_of_backlog(&mut self, max_reports: usize) -> Option<Batch> {
        self.disk.as_mut()?.oldest(max_reports.min(MAX_REPORTS))
    }

    /// Removes what the dashboard has made durable or judged for good.
    pub fn acknowledge(&mut self, batch: &Batch) {
        self.remove(batch);
    }

    /// Removes what the dashboard will never accept, and counts it.
    pub fn set_aside(&mut self, batch: &Batch) {
        self.counts.set_aside += self.remove(batch);
    }

    /// A batch was not acknowledged and will be sent again. What waits in memory goes to disk,
    /// but for the newest report, with which the next attempt is made.
    pub fn failed(&mut self) {
        self.on_the_way = 0;
        self.store_all_but(1);
    }

    /// The agent ends: what waits in memory goes to disk, and the disk is told to keep it. How
    /// many reports are left that no later start will send.
    pub fn end(&mut self) -> usize {
        self.on_the_way = 0;
        self.store_all_but(0);
        if let Some(disk) = &mut self.disk
            && let Err(why) = disk.sync()
        {
            tracing::warn!(%why, "the spool is written and may not outlive a power cut");
        }
        self.reports.len()
    }

    /// Files whose data should be brought to the disk now; see [`Disk::take_unsynced`].
    #[must_use]
    pub fn take_unsynced(&mut self) -> Vec<File> {
        self.disk
            .as_mut()
            .map_or_else(Vec::new, Disk::take_unsynced)
    }

    /// Counts reports of an acknowledged batch that the dashboard refused one by one.
    pub fn count_refused(&mut self, reports: u64) {
        self.counts.set_aside += reports;
    }

    /// What was lost since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (dropped, damaged) = self
            .disk
            .as_ref()
            .map_or((0, 0), |disk| (disk.dropped(), disk.damaged()));
        Counts {
            dropped: self.counts.dropped + dropped,
            set_aside: self.counts.set_aside,
            damaged,
        }
    }

    /// How many reports wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reports.len() + self.backlog()
    }

    /// How many of them wait on disk.
    #[must_use]
    pub fn backlog(&self) -> usize {
        let reports = self.disk.as_ref().map_or(0, Disk::reports);
        usize::try_from(reports).unwrap_or(usize::MAX)
    }

    /// Whether something is on disk, if only places that turn out to be damaged.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| !disk.is_empty())
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of what waits in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Brings what waits in memory to the disk, but for the `kept` newest. What is on its way
    /// stays where it is, and what came after it too, so that the order stays.
    fn store_all_but(&mut self, kept: usize) {
        while self.reports.len() > kept
            && let (Some(disk), Some(entry)) = (&mut self.disk, self.reports.front())
            && entry.position >= self.on_the_way
        {
            if let Err(why) = disk.append(entry.made, &entry.json) {
                self.log.cannot_store(&why);
                return;
            }
            self.log.stored();
            self.pop();
        }
    }

    fn remove(&mut self, batch: &Batch) -> u64 {
        let Origin::Memory { end } = batch.origin else {
            let removed = self.disk.as_mut().map_or(0, |disk| disk.remove(batch));
            if self.is_empty() {
                self.log.emptied();
            }
            return removed;
        };
        self.on_the_way = 0;
        let mut removed = 0;
        // Some of the batch can be gone already: pushes go on while it is on its way.
        while self
            .reports
            .front()
            .is_some_and(|entry| entry.position < end)
        {
            self.pop();
            removed += 1;
        }
        if self.is_empty() {
            self.log.emptied();
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

/// Reports that no one will see.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Given up because the spool was full, or because they had become too old.
    pub dropped: u64,
    /// Refused by the dashboard for good.
    pub set_aside: u64,
    /// Places on disk that were damaged, each at least one report.
    pub damaged: u64,
}

/// What was logged of the disk: each change once.
#[derive(Default)]
struct Log {
    dropped: u64,
    is_dropping: bool,
    cannot_store: bool,
}

impl Log {
    fn cannot_store(&mut self, why: &std::io::Error) {
        if !std::mem::replace(&mut self.cannot_store, true) {
            tracing::warn!(%why, "the spool cannot be written; what cannot be sent waits in memory");
        }
    }

    fn stored(&mut self) {
        if std::mem::take(&mut self.cannot_store) {
            tracing::info!("the spool can be written again");
        }
    }

    fn drops(&mut self, counts: Counts) {
        let more = counts.dropped > self.dropped;
        self.dropped = counts.dropped;
        if more && !std::mem::replace(&mut self.is_dropping, true) {
            tracing::warn!("the spool is full or too old; its oldest reports are dropped");
        }
    }

    fn emptied(&mut self) {
        self.is_dropping = false;
    }
}

struct Entry {
    position: u64,
    made: i64,
    json: Box<[u8]>,
}

/// Reports in one batch. Less than the wire allows: a batch is copied to be sent, and the agent is small.
pub const MAX_REPORTS: usize = 200;

const MAX_BATCH_BYTES: usize = 256 * 1024;

const _: () = assert!(MAX_REPORTS <= MAX_BATCH && MAX_BATCH_BYTES <= MAX_DECODED_BYTES);
