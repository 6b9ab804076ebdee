//! Memory and swap.

use server_scout_wire::{Metric, Report};

use super::CollectError;
use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Reads `/proc/meminfo`.
pub struct Memory(ProcFile);

impl Memory {
    /// Opens the file.
    pub fn new(root: &Root) -> Result<Self, CollectError> {
        let file = root.open("proc/meminfo");
        file.map(Self).map_err(|why| CollectError::new(PATH, why))
    }

    /// Adds what memory is used for; with `medium` also how much there is.
    pub fn collect(
        &mut self,
        medium: bool,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) -> Result<(), CollectError> {
        let text = self.0.read(buffer);
        let figures = parse(text.map_err(|why| CollectError::new(PATH, why))?);
        let figures = figures.ok_or_else(|| CollectError::senseless(PATH))?;
        let usage = 100.0 * figures.used() as f64 / figures.total as f64;
        report.push(Metric::MemoryUsage, None, usage);
        let fast = [
            (Metric::MemoryUsedBytes, Some(figures.used())),
            (Metric::MemoryAvailableBytes, Some(figures.available)),
            (Metric::MemoryFreeBytes, Some(figures.free)),
            (Metric::MemoryCachedBytes, figures.cached),
            (Metric::MemoryBuffersBytes, figures.buffers),
            (Metric::MemorySlabBytes, figures.slab),
            (Metric::MemorySharedBytes, figures.shared),
            (Metric::MemoryDirtyBytes, figures.dirty),
            (Metric::SwapUsedBytes, figures.swap_used()),
        ];
        let slower = [
            (Metric::MemoryTotalBytes, Some(figures.total)),
            (Metric::SwapTotalBytes, figures.swap_total),
        ];
        for (metric, bytes) in fast
            .into_iter()
            .chain(slower.into_iter().filter(|_| medium))
        {
            if let Some(bytes) = bytes {
                report.push(metric, None, bytes as f64);
            }
        }
        Ok(())
    }
}

/// What `/proc/meminfo` says, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// What the kernel manages; never 0.
    pub total: u64,
    /// What holds nothing.
    pub free: u64,
    /// What programs could take without swapping, at most [`Figures::total`].
    pub available: u64,
    /// What holds blocks of devices.
    pub buffers: Option<u64>,
    /// What holds contents of files.
    pub cached: Option<u64>,
    /// What waits to be written.
    pub dirty: Option<u64>,
    /// What is in tmpfs and shared memory.
    pub shared: Option<u64>,
    /// What the kernel's own tables take.
    pub slab: Option<u64>,
    /// Swap space that is free.
    pub swap_free: Option<u64>,
    /// Swap space.
    pub swap_total: Option<u64>,
}

impl Figures {
    /// What is neither free nor available to programs.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.total.saturating_sub(self.available)
    }

    /// Swap space in use.
    #[must_use]
    pub fn swap_used(&self) -> Option<u64> {
        Some(self.swap_total?.saturating_sub(self.swap_free?))
    }
}

/// Reads `/proc/meminfo`; none without a total that makes sense. Lines that are none are skipped.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Figures> {
    let (mut figures, mut available) = (Figures::default(), None);
    for line in lines(text) {
        let mut fields = fields(line);
        let (Some(name), Some(value)) = (fields.next(), fields.next().and_then(number)) else {
            continue;
        };
        let bytes = value.saturating_mul(1024);
        match name {
            b"MemTotal:" => figures.total = bytes,
            b"MemFree:" => figures.free = bytes,
            b"MemAvailable:" => available = Some(bytes),
            b"Buffers:" => figures.buffers = Some(bytes),
            b"Cached:" => figures.cached = Some(bytes),
            b"Dirty:" => figures.dirty = Some(bytes),
            b"Shmem:" => figures.shared = Some(bytes),
            b"Slab:" => figures.slab = Some(bytes),
            b"SwapFree:" => figures.swap_free = Some(bytes),
            b"SwapTotal:" => figures.swap_total = Some(bytes),
            _ => {}
        }
    }
    // Kernels before 3.14 leave it to others to reckon what is available.
    let reckoned = figures
        .free
        .saturating_add(figures.buffers.unwrap_or_default())
        .saturating_add(figures.cached.unwrap_or_default())
        .saturating_sub(figures.shared.unwrap_or_default());
    // On a host that balloons, what is available can pass what there is for a moment.
    figures.available = available.unwrap_or(reckoned).min(figures.total);
    (figures.total > 0).then_some(figures)
}

const PATH: &str = "/proc/meminfo";
