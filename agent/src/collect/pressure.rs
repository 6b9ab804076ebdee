//! How long tasks waited for what was not there: pressure stall information.

use std::io;
use std::time::Instant;

use server_scout_wire::{Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Reads one file of `/proc/pressure` and remembers the last reading.
pub struct Pressure {
    file: ProcFile,
    some: Metric,
    full: Option<Metric>,
    last: Option<(Instant, Stalls)>,
}

impl Pressure {
    /// Opens `/proc/pressure/cpu`. Of the whole host, some task always has the CPU that others wait
    /// for, so there is no `full`.
    pub fn cpu(root: &Root, now: Instant, buffer: &mut Vec<u8>) -> io::Result<Self> {
        let path = "proc/pressure/cpu";
        Self::new(root, path, (Metric::PressureCpuSome, None), now, buffer)
    }

    /// Opens `/proc/pressure/memory`.
    pub fn memory(root: &Root, now: Instant, buffer: &mut Vec<u8>) -> io::Result<Self> {
        let metrics = (Metric::PressureMemorySome, Some(Metric::PressureMemoryFull));
        Self::new(root, "proc/pressure/memory", metrics, now, buffer)
    }

    /// Opens `/proc/pressure/io`.
    pub fn io(root: &Root, now: Instant, buffer: &mut Vec<u8>) -> io::Result<Self> {
        let metrics = (Metric::PressureIoSome, Some(Metric::PressureIoFull));
        Self::new(root, "proc/pressure/io", metrics, now, buffer)
    }

    fn new(
        root: &Root,
        path: &str,
        (some, full): (Metric, Option<Metric>),
        now: Instant,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Self> {
        let mut pressure = Self {
            file: root.open(path)?,
            some,
            full,
            last: None,
        };
        match pressure.read(buffer) {
            Ok(stalls) => pressure.last = Some((now, stalls)),
            // The kernel can have it and be told at its start not to use it.
            Err(why) if why.kind() == io::ErrorKind::Unsupported => {
                return Err(io::ErrorKind::NotFound.into());
            }
            Err(why) => return Err(why),
        }
        Ok(pressure)
    }

    /// Adds the share of the time since the last reading.
    pub fn collect(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) -> io::Result<()> {
        let stalls = self.read(buffer)?;
        let last = self.last.replace((now, stalls));
        let Some((before, last)) = last else {
            return Ok(());
        };
        let micros = now.duration_since(before).as_micros() as f64;
        let share = |before: u64, after: u64| {
            let waited = after.saturating_sub(before) as f64;
            // A first report comes at once; a share of no time is none.
            if micros > 0.0 {
                (100.0 * waited / micros).min(100.0)
            } else {
                0.0
            }
        };
        report.push(self.some, None, share(last.some, stalls.some));
        if let (Some(metric), Some(before), Some(after)) = (self.full, last.full, stalls.full) {
            report.push(metric, None, share(before, after));
        }
        Ok(())
    }

    fn read(&self, buffer: &mut Vec<u8>) -> io::Result<Stalls> {
        let text = self.file.read_start(buffer)?;
        parse(text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Microseconds of waiting since the host started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stalls {
    /// At least one task waited.
    pub some: u64,
    /// All tasks that were not idle waited. Kernels before 5.13 do not say so of the CPU.
    pub full: Option<u64>,
}

/// Reads a file of `/proc/pressure`.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Stalls> {
    let total = |name: &[u8]| {
        let line = lines(text).find(|line| fields(line).next() == Some(name))?;
        number(fields(line).find_map(|field| field.strip_prefix(b"total="))?)
    };
    Some(Stalls {
        some: total(b"some")?,
        full: total(b"full"),
    })
}
