//! The catalogue: the closed list of metrics that a report may hold.

use std::fmt;

use crate::limits::MAX_VALUE;

/// What a value counts or measures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
    /// Percent, 0 to 100.
    Percent,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// The unit's word in the API: `percent`, `bytes`, `seconds`, `count`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Percent => "percent",
            Self::Seconds => "seconds",
        }
    }

    /// The unit's word for a change per second.
    #[must_use]
    pub const fn per_second(self) -> &'static str {
        match self {
            Self::Bytes => "bytes_per_second",
            Self::Count => "per_second",
            Self::Percent => "percent_per_second",
            Self::Seconds => "seconds_per_second",
        }
    }
}

/// How a metric's values follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Only grows, until it starts again from zero; people look at its rate.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// What tells the values of one metric apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LabelName {
    /// A block device, such as `sda`.
    Device,
    /// A network interface, such as `eth0`.
    Interface,
    /// A mount point, such as `/home`.
    Mount,
}

impl LabelName {
    /// The label's word in the API: `device`, `interface`, `mount`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Interface => "interface",
            Self::Mount => "mount",
        }
    }
}

/// What the catalogue says of one metric.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name in reports and in the API.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// Whether it is a gauge or a counter.
    pub kind: Kind,
    /// What tells its values apart; none when a host has a single one.
    pub label: Option<LabelName>,
    /// One sentence for people.
    pub meaning: &'static str,
    /// Where the agent reads it.
    pub source: &'static str,
}

/// Writes the enum and its table from one list, so that neither can lack what the other has.
macro_rules! catalogue {
    ($($variant:ident $name:literal $unit:ident $kind:ident $label:expr, $meaning:literal, $source:literal;)*) => {
        /// A metric of the catalogue.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Metric {
            $(#[doc = $meaning] $variant,)*
        }

        impl Metric {
            /// Every metric, in the catalogue's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The metric of that name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// What the catalogue says of it.
            #[must_use]
            pub const fn describe(self) -> Description {
                match self {
                    $(Self::$variant => Description {
                        name: $name, unit: Unit::$unit, kind: Kind::$kind, label: $label,
                        meaning: $meaning, source: $source,
                    },)*
                }
            }
        }
    };
}

catalogue! {
    CpuUsage "cpu_usage" Percent Gauge None, "CPU time not idle since the last reading, all cores together.", "/proc/stat";
    MemoryUsage "memory_usage" Percent Gauge None, "Memory in use: what is neither free nor available to programs.", "/proc/meminfo";
    DiskUsage "disk_usage" Percent Gauge None, "Space in use on the root file system.", "statvfs(/)";
    CpuUser "cpu_user" Percent Gauge None, "CPU time in user programs of normal priority.", "/proc/stat";
    CpuNice "cpu_nice" Percent Gauge None, "CPU time in user programs of low priority.", "/proc/stat";
    CpuSystem "cpu_system" Percent Gauge None, "CPU time in the kernel.", "/proc/stat";
    CpuIowait "cpu_iowait" Percent Gauge None, "CPU time idle while a disk was awaited.", "/proc/stat";
    CpuIrq "cpu_irq" Percent Gauge None, "CPU time in hardware interrupts.", "/proc/stat";
    CpuSoftirq "cpu_softirq" Percent Gauge None, "CPU time in software interrupts.", "/proc/stat";
    CpuSteal "cpu_steal" Percent Gauge None, "CPU time that the hypervisor gave to others.", "/proc/stat";
    Load1 "load1" Count Gauge None, "Load average over one minute.", "/proc/loadavg";
    Load5 "load5" Count Gauge None, "Load average over five minutes.", "/proc/loadavg";
    Load15 "load15" Count Gauge None, "Load average over fifteen minutes.", "/proc/loadavg";
    MemoryTotalBytes "memory_total_bytes" Bytes Gauge None, "Memory that the kernel manages.", "/proc/meminfo";
    MemoryUsedBytes "memory_used_bytes" Bytes Gauge None, "Memory neither free nor available to programs.", "/proc/meminfo";
    MemoryAvailableBytes "memory_available_bytes" Bytes Gauge None, "Memory that programs could take without swapping.", "/proc/meminfo";
    MemoryFreeBytes "memory_free_bytes" Bytes Gauge None, "Memory that holds nothing, not even a cache.", "/proc/meminfo";
    SwapTotalBytes "swap_total_bytes" Bytes Gauge None, "Swap space.", "/proc/meminfo";
    SwapUsedBytes "swap_used_bytes" Bytes Gauge None, "Swap space in use.", "/proc/meminfo";
    UptimeSeconds "uptime_seconds" Seconds Gauge None, "Time since the host started.", "/proc/uptime";
    Processes "processes" Count Gauge None, "Processes that exist.", "/proc";
    MountTotalBytes "mount_total_bytes" Bytes Gauge Some(LabelName::Mount), "Size of the file system.", "statvfs";
    MountUsedBytes "mount_used_bytes" Bytes Gauge Some(LabelName::Mount), "Space in use on the file system.", "statvfs";
    MountAvailableBytes "mount_available_bytes" Bytes Gauge Some(LabelName::Mount), "Space that an ordinary user can still fill.", "statvfs";
    DiskReadBytesTotal "disk_read_bytes_total" Bytes Counter Some(LabelName::Device), "Bytes read from the device since the host started.", "/proc/diskstats";
    DiskWrittenBytesTotal "disk_written_bytes_total" Bytes Counter Some(LabelName::Device), "Bytes written to the device since the host started.", "/proc/diskstats";
    NetworkReceivedBytesTotal "network_received_bytes_total" Bytes Counter Some(LabelName::Interface), "Bytes received on the interface.", "/proc/net/dev";
    NetworkSentBytesTotal "network_sent_bytes_total" Bytes Counter Some(LabelName::Interface), "Bytes sent on the interface.", "/proc/net/dev";
}

impl Metric {
    /// The members that every report has, beside `timestamp`.
    pub const REQUIRED: [Self; 3] = [Self::CpuUsage, Self::MemoryUsage, Self::DiskUsage];

    /// The name in reports and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.describe().name
    }

    /// The largest value that makes sense: 100 for percentages, else 2^53. The smallest is 0.
    #[must_use]
    pub const fn max(self) -> f64 {
        match self.describe().unit {
            Unit::Percent => 100.0,
            Unit::Bytes | Unit::Count | Unit::Seconds => MAX_VALUE,
        }
    }

    /// The unit of what a chart shows: of a counter, its rate.
    #[must_use]
    pub const fn shown_unit(self) -> &'static str {
        let description = self.describe();
        match description.kind {
            Kind::Counter => description.unit.per_second(),
            Kind::Gauge => description.unit.as_str(),
        }
    }

    /// `value` rounded to what it can mean: hundredths for percentages and loads, else whole numbers.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::Load1 | Self::Load5 | Self::Load15 => (value * 100.0).round() / 100.0,
            _ if self.describe().unit == Unit::Percent => (value * 100.0).round() / 100.0,
            _ => value.round(),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
