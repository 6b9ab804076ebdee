//! The part of the spool that outlives the agent: a directory of segments.
//!
//! Reports are appended to the newest segment and sent from the oldest, which is deleted when all
//! of it is acknowledged. Nothing but the acknowledged place is ever written over.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::batch::{Batch, Body, Origin};
use super::record::{self, MAX_REPORT_BYTES, OVERHEAD, Records};
use super::segment::{self, SEGMENT_BYTES, Segment};

/// The bounds of what is kept on disk, and how it gets there.
#[derive(Clone, Copy)]
pub struct Options {
    /// Bytes of all segments together; at least four segments' worth is used.
    pub max_bytes: u64,
    /// Bytes of one segment, at most 256 KiB.
    pub segment_bytes: u64,
    /// How old a report may become, by the host's clock.
    pub max_age: Duration,
    /// Writes bytes at a place of a file; a test can let it fail.
    pub write: fn(&File, &[u8], u64) -> io::Result<()>,
}

impl Default for Options {
    /// 64 MiB, 48 hours: a day of reports at five seconds, even if each has 3.8 kB.
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            segment_bytes: SEGMENT_BYTES,
            max_age: Duration::from_hours(48),
            write: |file, bytes, place| file.write_all_at(bytes, place),
        }
    }
}

/// Why nothing can be kept on disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another agent uses the directory.
    #[error("{} is used by another agent", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory cannot be made, read or written.
    #[error("{}: {why}", directory.display())]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

/// Segments, oldest first. While it lives no other agent can open the same directory.
pub struct Disk {
    directory: PathBuf,
    options: Options,
    segments: VecDeque<Segment>,
    next_number: u64,
    /// The file of the newest segment, while it takes more.
    writer: Option<File>,
    /// The file of the oldest segment, and which that is.
    reader: Option<(u64, File)>,
    unsynced: Unsynced,
    overdue: u32,
    dropped: u64,
    damaged: u64,
    _lock: File,
}

impl Disk {
    /// Opens the spool in `state_dir`, and makes it where there is none. Every segment is read
    /// through once. What cannot be read is counted as damaged and is no error.
    pub fn open(state_dir: &Path, options: Options) -> Result<Self, DiskError> {
        let directory = state_dir.join("spool");
        let unusable = |why| DiskError::Unusable {
            directory: directory.clone(),
            why,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(unusable)?;
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).map_err(unusable)?;
        let lock = open_lock(&directory).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DiskError::InUse { directory }),
            Err(TryLockError::Error(why)) => return Err(unusable(why)),
        }
        let numbers = numbers(&directory).map_err(unusable)?;
        let segment_bytes = options.segment_bytes.clamp(64, SEGMENT_BYTES);
        let mut disk = Self {
            options: Options {
                segment_bytes,
                max_bytes: options.max_bytes.max(4 * segment_bytes),
                ..options
            },
            segments: VecDeque::new(),
            next_number: numbers.last().map_or(0, |last| last.saturating_add(1)),
            writer: None,
            reader: None,
            unsynced: Unsynced::new(),
            overdue: 0,
            dropped: 0,
            damaged: 0,
            directory,
            _lock: lock,
        };
        disk.load(&numbers);
        Ok(disk)
    }

    /// Appends a report that was made at `made`, milliseconds since 1970. The oldest segments go
    /// when there is no room. A report too long to be kept is counted and gone.
    pub fn append(&mut self, made: i64, json: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(OVERHEAD + json.len());
        let longest = self.options.max_bytes.min(MAX_REPORT_BYTES as u64);
        if json.len() as u64 > longest || record::write(&mut bytes, made, json).is_none() {
            self.dropped += 1;
            return Ok(());
        }
        let length = bytes.len() as u64;
        while self.bytes() + length > self.options.max_bytes && self.drop_oldest() {}
        let is_full = |segment: &Segment| segment.end + length > self.options.segment_bytes;
        if self.segments.back().is_none_or(is_full) {
            self.writer = None;
        }
        if self.writer.is_none() {
            self.writer = Some(segment::create(&self.directory, self.next_number)?);
            self.segments.push_back(Segment::new(self.next_number));
            self.next_number = self.next_number.saturating_add(1);
            self.unsynced.name = true;
        }
        let (Some(file), Some(segment)) = (&self.writer, self.segments.back_mut()) else {
            return Ok(());
        };
        if let Err(why) = (self.options.write)(file, &bytes, segment.end) {
            // Half of it may be there. Where it cannot be cut off, the next starts elsewhere.
            if file.set_len(segment.end).is_err() {
                self.writer = None;
            }
            return Err(why);
        }
        segment.end += length;
        segment.reports += 1;
        segment.newest = segment.newest.max(made);
        self.unsynced.note(segment.number);
        Ok(())
    }

    /// The oldest reports, at most `max_reports` of one segment. They stay.
    pub fn oldest(&mut self, max_reports: usize) -> Option<Batch> {
        loop {
            let segment = *self.segments.front()?;
            match self.read(&segment, max_reports) {
                Ok(Some(batch)) => return Some(batch),
                Ok(None) => self.finish_front(),
                Err(why) => {
                    tracing::warn!(%why, "a part of the spool cannot be read and is passed over");
                    self.damaged += segment.reports;
                    self.forget_front();
                }
            }
        }
    }

    /// Removes what a batch of [`Disk::oldest`] holds; how many reports that were. None of them
    /// when they are gone already.
    pub(super) fn remove(&mut self, batch: &Batch) -> u64 {
        let Origin::Disk {
            segment: number,
            start,
            end,
        } = batch.origin
        else {
            return 0;
        };
        let Some(segment) = self.segments.front_mut() else {
            return 0;
        };
        if segment.number != number || segment.begin != start {
            return 0;
        }
        let reports = segment.reports.min(batch.len() as u64);
        segment.begin = end;
        segment.reports -= reports;
        if segment.begin >= segment.end {
            self.finish_front();
        } else if let Some((_, file)) = &self.reader
            && let Err(why) = segment::note_acknowledged(file, end)
        {
            tracing::debug!(%why, "an acknowledgement could not be noted; a restart sends it again");
        }
        reports
    }

    /// Drops the oldest segment when all of it is too old at `now`, milliseconds since 1970, and
    /// was so in [`OVERDUE_CHECKS`] checks in a row: a clock that jumps ahead and is put right
    /// loses nothing.
    pub fn expire(&mut self, now: i64) {
        let max_age = i64::try_from(self.options.max_age.as_millis()).unwrap_or(i64::MAX);
        loop {
            let is_overdue = self
                .segments
                .front()
                .is_some_and(|front| front.newest.saturating_add(max_age) < now);
            if !is_overdue {
                self.overdue = 0;
                return;
            }
            if self.overdue < OVERDUE_CHECKS {
                self.overdue += 1;
                return;
            }
            self.drop_oldest();
        }
    }

    /// What was written since it was last given out here, when that is [`SYNC_PERIOD`] ago: files
    /// whose data should be brought to the disk, which can take a while.
    pub fn take_unsynced(&mut self) -> Vec<File> {
        if self.unsynced.is_due() {
            self.open_unsynced()
        } else {
            Vec::new()
        }
    }

    /// Brings to the disk what was written.
    pub fn sync(&mut self) -> io::Result<()> {
        self.open_unsynced().iter().try_for_each(File::sync_data)
    }

    /// How many reports wait.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.segments.iter().map(|segment| segment.reports).sum()
    }

    /// Whether there is no segment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.end).sum()
    }

    /// Reports that were given up because of their age, or because there was no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Places that were damaged, each at least one report, and reports that could not be read.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The bounds.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn load(&mut self, numbers: &[u64]) {
        let surplus = numbers.len().saturating_sub(MAX_SEGMENTS);
        let (old, kept) = numbers.split_at_checked(surplus).unwrap_or_default();
        for number in old {
            self.dropped += 1;
            self.delete(*number);
        }
        let mut last = None;
        for number in kept {
            let loaded = segment::open(&self.directory, *number)
                .and_then(|file| Ok((Segment::load(*number, &file)?, file)));
            match loaded {
                Ok(((segment, damaged), file)) => {
                    self.damaged += damaged;
                    if segment.reports == 0 {
                        self.delete(*number);
                    } else {
                        self.segments.push_back(segment);
                        last = Some(file);
                    }
                }
                Err(why) => {
                    tracing::debug!(%why, number, "a segment cannot be read");
                    self.damaged += 1;
                }
            }
        }
        // The newest segment goes on, so that many restarts do not make many files. A torn record
        // at its end is cut off, and what is said to be acknowledged lies within what is left.
        if let (Some(file), Some(segment)) = (last, self.segments.back()) {
            let is_ready = file
                .set_len(segment.end)
                .and_then(|()| segment::note_acknowledged(&file, segment.begin));
            self.writer = is_ready.is_ok().then_some(file);
        }
        while self.bytes() > self.options.max_bytes && self.drop_oldest() {}
    }

    fn read(&mut self, segment: &Segment, max_reports: usize) -> io::Result<Option<Batch>> {
        let file = match &mut self.reader {
            Some((number, file)) if *number == segment.number => file,
            reader => {
                let file = segment::open(&self.directory, segment.number)?;
                &mut reader.insert((segment.number, file)).1
            }
        };
        let rest = usize::try_from(segment.end - segment.begin).unwrap_or(usize::MAX);
        // What is read at once is small, unless one report is longer or places are damaged.
        for length in [rest.min(WINDOW_BYTES), rest] {
            let bytes = segment::read(file, segment.begin, length)?;
            let mut body = Body::with_capacity(WINDOW_BYTES, bytes.len());
            let mut end = segment.begin;
            for record in Records::new(&bytes).take(max_reports.max(1)) {
                if !body.add(record.json) {
                    break;
                }
                end = segment.begin + record.end as u64;
            }
            let batch = body.finish(Origin::Disk {
                segment: segment.number,
                start: segment.begin,
                end,
            });
            if batch.is_some() {
                return Ok(batch);
            }
        }
        Ok(None)
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(segment) = self.segments.front() else {
            return false;
        };
        self.dropped += segment.reports;
        self.remove_front();
        true
    }

    /// The oldest segment has nothing more to give. What it was counted to have is damaged since.
    fn finish_front(&mut self) {
        let missing = self.segments.front().map_or(0, |front| front.reports);
        if missing > 0 {
            tracing::warn!(missing, "a part of the spool is damaged and is passed over");
            self.damaged += missing;
        }
        self.remove_front();
    }

    fn remove_front(&mut self) {
        if let Some(number) = self.forget_front() {
            self.delete(number);
        }
    }

    fn forget_front(&mut self) -> Option<u64> {
        let segment = self.segments.pop_front()?;
        self.reader = None;
        if self.segments.is_empty() {
            self.writer = None;
        }
        self.unsynced.forget(segment.number);
        Some(segment.number)
    }

    fn delete(&self, number: u64) {
        if let Err(why) = fs::remove_file(segment::path(&self.directory, number)) {
            tracing::debug!(%why, number, "a segment cannot be deleted; a restart sends it again");
        }
    }

    fn open_unsynced(&mut self) -> Vec<File> {
        let unsynced = std::mem::replace(&mut self.unsynced, Unsynced::new());
        let mut files: Vec<File> = unsynced
            .segments
            .iter()
            .filter_map(|number| segment::open(&self.directory, *number).ok())
            .collect();
        if unsynced.name {
            // A new file's name is the directory's data.
            files.extend(File::open(&self.directory));
        }
        files
    }
}

/// What was written and may not be on the disk yet.
struct Unsynced {
    segments: Vec<u64>,
    name: bool,
    since: Instant,
}

impl Unsynced {
    fn new() -> Self {
        Self {
            segments: Vec::new(),
            name: false,
            since: Instant::now(),
        }
    }

    fn note(&mut self, number: u64) {
        if self.segments.last() != Some(&number) {
            self.segments.push(number);
        }
    }

    fn forget(&mut self, number: u64) {
        self.segments.retain(|unsynced| *unsynced != number);
    }

    fn is_due(&self) -> bool {
        !self.segments.is_empty() && self.since.elapsed() >= SYNC_PERIOD
    }
}

fn open_lock(directory: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.cast_signed())
        .open(directory.join("lock"))
}

fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        numbers.extend(segment::number(&entry?.file_name()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How often what is written is brought to the disk at the latest: what a power cut can take.
pub const SYNC_PERIOD: Duration = Duration::from_secs(30);
/// How many checks in a row must find a segment too old: ten minutes at five seconds.
pub const OVERDUE_CHECKS: u32 = 120;

/// What one batch reads and holds. Less than the wire allows: the agent is small.
const WINDOW_BYTES: usize = 64 * 1024;
/// Segments that are read at a start. An agent that ends as it should keeps filling one.
const MAX_SEGMENTS: usize = 4096;
