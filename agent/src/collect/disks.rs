//! Bytes read from and written to whole block devices.

use std::io;
use std::path::Path;

use server_scout_wire::{Metric, Report};

use super::MAX_NAMES;
use super::names::Names;
use super::proc_file::ProcFile;
use super::text::{fields, lines, number};

/// Reads `/proc/diskstats`.
pub struct Disks {
    file: ProcFile,
    names: Names,
}

impl Disks {
    /// Opens the file.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            file: ProcFile::open("/proc/diskstats")?,
            names: Names::new(),
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
            let Some(label) = self.names.label(device.name, is_whole_device) else {
                continue;
            };
            report.push(
                Metric::DiskReadBytesTotal,
                Some(label.clone()),
                device.read as f64,
            );
            report.push(
                Metric::DiskWrittenBytesTotal,
                Some(label),
                device.written as f64,
            );
            count += 1;
            if count == MAX_NAMES {
                break;
            }
        }
        Ok(())
    }
}

/// One device's counters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Device<'a> {
    /// Its name in the kernel.
    pub name: &'a [u8],
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

/// The devices of `/proc/diskstats`, in the kernel's order. Lines that are none are skipped.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Device<'_>> {
    lines(text).filter_map(|line| {
        let mut fields = fields(line).skip(2);
        let name = fields.next()?;
        let read = number(fields.nth(2)?)?.checked_mul(SECTOR_BYTES)?;
        let written = number(fields.nth(3)?)?.checked_mul(SECTOR_BYTES)?;
        Some(Device {
            name,
            read,
            written,
        })
    })
}

/// Whether a device is a real one and whole: no partition, and nothing that lives in memory or in
/// a file.
fn is_whole_device(name: &[u8]) -> bool {
    !is_virtual(name) && !is_partition(name)
}

/// Whether the name says that the device lives in memory, in a file, or is removable.
#[must_use]
pub fn is_virtual(name: &[u8]) -> bool {
    VIRTUAL_PREFIXES.iter().any(|prefix| {
        name.strip_prefix(*prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_digit))
    })
}

fn is_partition(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return true;
    };
    // In /sys a slash in a device's name is written as an exclamation mark.
    Path::new("/sys/class/block")
        .join(name.replace('/', "!"))
        .join("partition")
        .exists()
}

/// The unit of `/proc/diskstats`, whatever the device's own sectors are.
const SECTOR_BYTES: u64 = 512;
const VIRTUAL_PREFIXES: [&[u8]; 5] = [b"fd", b"loop", b"ram", b"sr", b"zram"];
