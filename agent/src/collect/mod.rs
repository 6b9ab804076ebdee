//! One report from the kernel's own files.
//!
//! Files in `/proc` are opened once and read again from the start into one buffer. Small parsers read
//! what is asked for every few seconds and what sysinfo lacks; what the host is comes from sysinfo.
//! The parsers are pure functions over bytes and never panic. What a host lacks is left out.

mod bus;
pub mod clock;
pub mod containers;
pub mod cpu;
pub mod disks;
mod due;
pub mod host;
mod inventory;
pub mod kernel;
pub mod memory;
pub mod mounts;
mod names;
pub mod network;
pub mod options;
pub mod pressure;
mod proc_file;
pub mod resources;
pub mod root;
pub mod sandbox;
pub mod sensors;
pub mod sockets;
mod source;
pub mod storage;
pub mod surroundings;
pub mod tcp;
pub mod text;
pub mod units;
pub mod upkeep;

use std::io;
use std::time::Instant;

use server_scout_wire::limits::{MAX_LABELS, MAX_SAMPLES};
use server_scout_wire::{Identity, LabelName, Metric, Report, Tier, Timestamp};

use self::cpu::Cpu;
use self::disks::Disks;
pub use self::due::Due;
use self::inventory::Inventory;
use self::kernel::Kernel;
use self::memory::Memory;
use self::mounts::Mounts;
use self::network::Network;
pub use self::options::Options;
use self::pressure::Pressure;
use self::resources::{Entropy, OomKills, OpenFiles};
pub use self::root::Root;
use self::sensors::Sensors;
use self::sockets::Sockets;
use self::source::Source;
use self::storage::Arrays;
use self::tcp::Tcp;

/// Reads a host.
pub struct Collector {
    root: Root,
    buffer: Vec<u8>,
    fast: Fast,
    medium: Medium,
    slow: Slow,
    inventory: Inventory,
}

/// What is read with every report; some of it says more when the medium tier is due.
struct Fast {
    cpu: Cpu,
    memory: Memory,
    kernel: Source<Kernel>,
    pressures: [Source<Pressure>; 3],
}

struct Medium {
    network: Source<Network>,
    disks: Source<Disks>,
    sockets: Source<Sockets>,
    open_files: Source<OpenFiles>,
    entropy: Source<Entropy>,
    oom_kills: Source<OomKills>,
    sensors: Sensors,
}

struct Slow {
    mounts: Source<Mounts>,
    arrays: Source<Arrays>,
    tcp: Source<Tcp>,
}

impl Collector {
    /// Opens the kernel's files and takes the first reading of what is reckoned between two.
    pub fn new(root: Root, options: Options) -> Result<Self, CollectError> {
        let mut buffer = Vec::new();
        Ok(Self {
            fast: Fast::new(&root, &mut buffer)?,
            medium: Medium::new(&root),
            slow: Slow::new(&root),
            inventory: Inventory::new(options),
            buffer,
            root,
        })
    }

    /// Makes one report. What every report must have is an error when it cannot be read; anything
    /// else is left out then, and logged once.
    pub fn collect(&mut self, identity: Identity, due: Due) -> Result<Report, CollectError> {
        let mut report = Report::new(Timestamp::now(), identity);
        let (buffer, into) = (&mut self.buffer, &mut report);
        self.fast.collect(&self.root, due, buffer, into)?;
        if due.has(Tier::Slow) {
            self.medium.sensors.look();
        }
        if due.has(Tier::Medium) {
            self.medium.collect(buffer, into);
        }
        if due.has(Tier::Slow) {
            self.slow.collect(&self.root, buffer, into);
        }
        let cores = self.fast.cpu.cores();
        self.inventory.collect(&self.root, due, cores, buffer, into);
        Ok(report)
    }
}

impl Fast {
    fn new(root: &Root, buffer: &mut Vec<u8>) -> Result<Self, CollectError> {
        let now = Instant::now();
        Ok(Self {
            cpu: Cpu::new(root, buffer)?,
            memory: Memory::new(root)?,
            kernel: Source::new("/proc/loadavg", Kernel::new(root)),
            pressures: [
                Source::new("/proc/pressure/cpu", Pressure::cpu(root, now, buffer)),
                Source::new("/proc/pressure/memory", Pressure::memory(root, now, buffer)),
                Source::new("/proc/pressure/io", Pressure::io(root, now, buffer)),
            ],
        })
    }

    fn collect(
        &mut self,
        root: &Root,
        due: Due,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) -> Result<(), CollectError> {
        let medium = due.has(Tier::Medium);
        self.cpu.collect(buffer, report)?;
        self.memory.collect(medium, buffer, report)?;
        report.push(Metric::DiskUsage, None, mounts::root_usage(root)?);
        self.kernel.collect(|kernel| {
            if due.has(Tier::Glacial) {
                kernel.count_other_links();
            }
            kernel.collect(medium, buffer, report)
        });
        let now = Instant::now();
        for pressure in &mut self.pressures {
            pressure.collect(|pressure| pressure.collect(now, buffer, report));
        }
        Ok(())
    }
}

impl Medium {
    fn new(root: &Root) -> Self {
        Self {
            network: Source::new("/proc/net/dev", Network::new(root)),
            disks: Source::new("/proc/diskstats", Disks::new(root)),
            sockets: Source::new("/proc/net/sockstat", Sockets::new(root)),
            open_files: Source::new("/proc/sys/fs/file-nr", OpenFiles::new(root)),
            entropy: Source::new("/proc/sys/kernel/random", Entropy::new(root)),
            oom_kills: Source::new("/proc/vmstat", OomKills::new(root)),
            sensors: Sensors::new(root),
        }
    }

    fn collect(&mut self, buffer: &mut Vec<u8>, report: &mut Report) {
        self.network
            .collect(|source| source.collect(buffer, report));
        self.disks.collect(|source| source.collect(buffer, report));
        self.sockets
            .collect(|source| source.collect(buffer, report));
        self.open_files
            .collect(|source| source.collect(buffer, report));
        self.entropy
            .collect(|source| source.collect(buffer, report));
        self.oom_kills
            .collect(|source| source.collect(buffer, report));
        self.sensors.collect(buffer, report);
    }
}

impl Slow {
    fn new(root: &Root) -> Self {
        Self {
            mounts: Source::new("/proc/self/mountinfo", Mounts::new(root)),
            arrays: Source::new("/proc/mdstat", Arrays::new(root)),
            tcp: Source::new("/proc/net/tcp", Tcp::new(root)),
        }
    }

    fn collect(&mut self, root: &Root, buffer: &mut Vec<u8>, report: &mut Report) {
        self.mounts.collect(|source| source.collect(buffer, report));
        self.arrays.collect(|source| source.collect(buffer, report));
        storage::collect_pools(root, report);
        containers::collect(root, buffer, report);
        self.tcp.collect(|source| source.collect(buffer, report));
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

/// The most interfaces, devices and mounts in a report. The kernel's order decides who is in.
pub const MAX_NAMES: usize = 64;
/// The most software RAIDs in a report.
pub const MAX_ARRAYS: usize = 16;
/// The most containers in a report.
pub const MAX_CONTAINERS: usize = 64;
/// The most cores in a report.
pub const MAX_CORES: usize = 128;
/// The most fans in a report.
pub const MAX_FANS: usize = 16;
/// The most ZFS pools in a report.
pub const MAX_POOLS: usize = 16;
/// The most temperatures in a report.
pub const MAX_SENSORS: usize = 48;
/// The most chosen services in a report.
pub const MAX_SERVICES: usize = 32;
/// The most states with a name of their own.
const MAX_STATES: usize = 12;

/// The most values that one metric has in a report.
const fn most_of(metric: Metric) -> usize {
    match metric.describe().label {
        None => 1,
        Some(LabelName::Array) => MAX_ARRAYS,
        Some(LabelName::Container) => MAX_CONTAINERS,
        Some(LabelName::Core) => MAX_CORES,
        Some(LabelName::Device | LabelName::Interface | LabelName::Mount) => MAX_NAMES,
        Some(LabelName::Fan) => MAX_FANS,
        Some(LabelName::Pool) => MAX_POOLS,
        Some(LabelName::Sensor) => MAX_SENSORS,
        Some(LabelName::Service) => MAX_SERVICES,
        Some(LabelName::State) => MAX_STATES,
    }
}

const fn most_of_all(metrics: &[Metric]) -> usize {
    match metrics {
        [] => 0,
        [first, rest @ ..] => most_of(*first) + most_of_all(rest),
    }
}

// A full report keeps the wire's bounds by construction: every metric, each label in every one.
const _: () = assert!(MAX_CORES <= MAX_LABELS && MAX_NAMES <= MAX_LABELS);
const _: () = assert!(tcp::STATES.len() <= MAX_STATES);
const _: () = assert!(most_of_all(Metric::ALL) <= MAX_SAMPLES);
