//! What whole block devices read and write, and how busy they are.

use std::io;
use std::path::{Path, PathBuf};

use server_scout_wire::{Metric, Report};

use super::MAX_NAMES;
use super::names::Names;
use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Reads `/proc/diskstats`.
pub struct Disks {
    file: ProcFile,
    names: Names,
    devices: PathBuf,
}

impl Disks {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        Ok(Self {
            file: root.open("proc/diskstats")?,
            names: Names::new(),
            devices: root.path("sys/class/block"),
        })
    }

    /// Adds the counters of the first 64 whole devices that have been used.
    pub fn collect(&mut self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let mut count = 0;
        for device in parse(self.file.read(buffer)?) {
            // Drives without a medium and unconnected network devices stay at nothing.
            if device.read == 0 && device.written == 0 {
                continue;
            }
            let is_whole = |name: &[u8]| is_whole_device(name, &self.devices);
            let Some(label) = self.names.label(device.name, is_whole) else {
                continue;
            };
            for (metric, value) in METRICS.into_iter().zip(device.counters()) {
                report.push(metric, Some(label.clone()), value);
            }
            count += 1;
            if count == MAX_NAMES {
                break;
            }
        }
        Ok(())
    }
}

/// One device's counters since the host started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Device<'a> {
    /// Its name in the kernel.
    pub name: &'a [u8],
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Reads completed.
    pub reads: u64,
    /// Writes completed.
    pub writes: u64,
    /// Milliseconds with something to do.
    pub busy_millis: u64,
    /// Milliseconds of all requests together.
    pub queue_millis: u64,
}

impl Device<'_> {
    /// In the order of [`METRICS`].
    fn counters(&self) -> [f64; 6] {
        [
            self.read as f64,
            self.written as f64,
            self.reads as f64,
            self.writes as f64,
            self.busy_millis as f64 / 1000.0,
            self.queue_millis as f64 / 1000.0,
        ]
    }
}

/// The devices of `/proc/diskstats`, in the kernel's order. Lines that are none are skipped.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Device<'_>> {
    lines(text).filter_map(|line| {
        let mut fields = fields(line).skip(2);
        let name = fields.next()?;
        let mut counters = [0; 11];
        for counter in &mut counters {
            *counter = number(fields.next()?)?;
        }
        let [
            reads,
            _,
            sectors_read,
            _,
            writes,
            _,
            sectors_written,
            _,
            _,
            busy_millis,
            queue_millis,
        ] = counters;
        Some(Device {
            name,
            read: sectors_read.checked_mul(SECTOR_BYTES)?,
            written: sectors_written.checked_mul(SECTOR_BYTES)?,
            reads,
            writes,
            busy_millis,
            queue_millis,
        })
    })
}

/// Whether a device is a real one and whole: no partition, and nothing that lives in memory or in
/// a file.
fn is_whole_device(name: &[u8], devices: &Path) -> bool {
    !is_virtual(name) && !is_partition(name, devices)
}

/// Whether the name says that the device lives in memory, in a file, or is removable.
#[must_use]
pub fn is_virtual(name: &[u8]) -> bool {
    VIRTUAL_PREFIXES.iter().any(|prefix| {
        name.strip_prefix(*prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_digit))
    })
}

fn is_partition(name: &[u8], devices: &Path) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return true;
    };
    // In /sys a slash in a device's name is written as an exclamation mark.
    devices
        .join(name.replace('/', "!"))
        .join("partition")
        .exists()
}

/// The unit of `/proc/diskstats`, whatever the device's own sectors are.
const SECTOR_BYTES: u64 = 512;
const VIRTUAL_PREFIXES: [&[u8]; 5] = [b"fd", b"loop", b"ram", b"sr", b"zram"];

const METRICS: [Metric; 6] = [
    Metric::DiskReadBytesTotal,
    Metric::DiskWrittenBytesTotal,
    Metric::DiskReadsTotal,
    Metric::DiskWritesTotal,
    Metric::DiskBusySecondsTotal,
    Metric::DiskQueueSecondsTotal,
];
