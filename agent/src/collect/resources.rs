//! What the whole host shares and can run out of: open files, entropy, memory so far that the
//! kernel had to kill.

use std::io;

use server_scout_wire::limits::MAX_VALUE;
use server_scout_wire::{Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Reads `/proc/sys/fs/file-nr`.
pub struct OpenFiles(ProcFile);

impl OpenFiles {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        root.open("proc/sys/fs/file-nr").map(Self)
    }

    /// Adds how many are open and how many can be, where there is a bound that means anything.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let (open, most) =
            parse_open_files(self.0.read_start(buffer)?).ok_or(io::ErrorKind::InvalidData)?;
        report.push(Metric::FileDescriptors, None, open as f64);
        // Newer kernels say 2^63 - 1, which is no bound.
        if (most as f64) < MAX_VALUE {
            report.push(Metric::FileDescriptorsMax, None, most as f64);
        }
        Ok(())
    }
}

/// Reads `/proc/sys/fs/file-nr`: how many files are open, and how many can be.
#[must_use]
pub fn parse_open_files(text: &[u8]) -> Option<(u64, u64)> {
    let mut numbers = fields(text).map(number);
    let (allocated, free, most) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((allocated.saturating_sub(free), most))
}

/// Reads `/proc/sys/kernel/random/entropy_avail`.
pub struct Entropy(ProcFile);

impl Entropy {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        root.open("proc/sys/kernel/random/entropy_avail").map(Self)
    }

    /// Adds the bits.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let text = self.0.read_start(buffer)?;
        let bits = fields(text)
            .next()
            .and_then(number)
            .ok_or(io::ErrorKind::InvalidData)?;
        report.push(Metric::EntropyBits, None, bits as f64);
        Ok(())
    }
}

/// Reads `/proc/vmstat`.
pub struct OomKills(ProcFile);

impl OomKills {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        root.open("proc/vmstat").map(Self)
    }

    /// Adds how many processes were killed. Kernels before 4.13 do not count them.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        if let Some(kills) = parse_oom_kills(self.0.read(buffer)?) {
            report.push(Metric::OomKillsTotal, None, kills as f64);
        }
        Ok(())
    }
}

/// Reads `/proc/vmstat`: the processes that were killed because memory ran out.
#[must_use]
pub fn parse_oom_kills(text: &[u8]) -> Option<u64> {
    number(lines(text).find_map(|line| line.strip_prefix(b"oom_kill "))?)
}
