//! One report from the kernel's own files.
//!
//! Files in `/proc` are opened once and read again from the start into one buffer. What sysinfo
//! measures well comes from it: memory, load, uptime and the inventory. The rest it lacks (the
//! states of the CPU, free blocks) or measures dearly (a netlink dump for the counters of
//! interfaces), so small parsers here read it. They are pure functions over bytes and never panic.

pub mod cpu;
pub mod disks;
pub mod host;
pub mod kernel;
pub mod memory;
pub mod mounts;
mod names;
pub mod network;
mod proc_file;
pub mod text;

use std::io;

use server_scout_wire::limits::{MAX_LABELS, MAX_SAMPLES};
use server_scout_wire::{Identity, Metric, Report, Tags, Timestamp};

use self::cpu::Cpu;
use self::disks::Disks;
use self::kernel::Kernel;
use self::memory::Memory;
use self::mounts::Mounts;
use self::network::Network;

/// Which of the slower tiers are due beside the fast one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// What changes slowly: mounts, swap, longer averages, uptime, processes.
    pub medium: bool,
    /// What the host is.
    pub inventory: bool,
}

impl Due {
    /// Every tier.
    pub const ALL: Self = Self {
        medium: true,
        inventory: true,
    };
}

/// Reads this host.
pub struct Collector {
    buffer: Vec<u8>,
    cpu: Cpu,
    memory: Memory,
    kernel: Kernel,
    network: Source<Network>,
    disks: Source<Disks>,
    mounts: Source<Mounts>,
    tags: Tags,
}

impl Collector {
    /// Opens the kernel's files and takes the first reading of the CPU's counters, from which the
    /// first report's percentages are reckoned. Inventories carry `tags`.
    pub fn new(tags: Tags) -> Result<Self, CollectError> {
        let mut buffer = Vec::new();
        Ok(Self {
            cpu: Cpu::new(&mut buffer)?,
            memory: Memory::new()?,
            kernel: Kernel::new(),
            network: Source::new("/proc/net/dev", Network::new()),
            disks: Source::new("/proc/diskstats", Disks::new()),
            mounts: Source::new("/proc/self/mountinfo", Mounts::new()),
            tags,
            buffer,
        })
    }

    /// Makes one report. What every report must have is an error when it cannot be read; anything
    /// else is left out then, and logged once.
    pub fn collect(&mut self, identity: Identity, due: Due) -> Result<Report, CollectError> {
        let buffer = &mut self.buffer;
        let mut report = Report::new(Timestamp::now(), identity);
        let into = &mut report;

        self.cpu.collect(buffer, into)?;
        self.memory.collect(due.medium, into)?;
        into.push(Metric::DiskUsage, None, mounts::root_usage()?);
        self.kernel.collect(due.medium, into);
        self.network
            .collect(|network| network.collect(buffer, into));
        self.disks.collect(|disks| disks.collect(buffer, into));
        if due.medium {
            self.mounts.collect(|mounts| mounts.collect(buffer, into));
        }
        if due.inventory {
            if self.kernel.refresh_inventory().is_err() {
                tracing::debug!("/proc could not be listed");
            }
            into.set_host(host::inventory(&self.tags));
        }
        Ok(report)
    }
}

/// What every report must have cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {why}")]
pub struct CollectError {
    what: &'static str,
    why: io::Error,
}

impl CollectError {
    fn new(what: &'static str, why: impl Into<io::Error>) -> Self {
        Self {
            what,
            why: why.into(),
        }
    }

    /// `what` can be read and makes no sense.
    fn senseless(what: &'static str) -> Self {
        Self::new(what, io::Error::from(io::ErrorKind::InvalidData))
    }
}

/// Something that a host may lack. Losing and regaining it is logged, not each reading.
struct Source<T> {
    name: &'static str,
    reader: Option<T>,
    failing: bool,
}

impl<T> Source<T> {
    fn new(name: &'static str, reader: io::Result<T>) -> Self {
        let reader = reader
            .inspect_err(
                |why| tracing::warn!(%why, "{name} cannot be read; its metrics are left out"),
            )
            .ok();
        Self {
            name,
            reader,
            failing: false,
        }
    }

    fn collect(&mut self, collect: impl FnOnce(&mut T) -> io::Result<()>) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        match collect(reader) {
            Ok(()) if self.failing => tracing::info!("{} can be read again", self.name),
            Ok(()) => {}
            Err(why) if !self.failing => {
                tracing::warn!(%why, "{} cannot be read; its metrics are left out", self.name);
                self.failing = true;
                return;
            }
            Err(_) => return,
        }
        self.failing = false;
    }
}

/// The most interfaces, devices and mounts in a report. The kernel's order decides who is in.
pub const MAX_NAMES: usize = 64;

// A full report keeps the wire's bounds by construction: every metric, each label in every one.
const _: () = assert!(MAX_NAMES <= MAX_LABELS);
const _: () = assert!(Metric::ALL.len() * MAX_NAMES <= MAX_SAMPLES);
