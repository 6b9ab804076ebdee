//! The catalogue: the closed list of metrics that a report may hold.

use std::fmt;

use crate::Tier;
use crate::limits::MAX_VALUE;

/// What a value counts or measures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Degrees Celsius.
    Celsius,
    /// A number of things.
    Count,
    /// Percent, 0 to 100.
    Percent,
    /// Turns a minute.
    Rpm,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// The unit's word in the API: `percent`, `bytes`, `seconds`, `count`, `celsius`, `rpm`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Celsius => "celsius",
            Self::Count => "count",
            Self::Percent => "percent",
            Self::Rpm => "rpm",
            Self::Seconds => "seconds",
        }
    }

    /// The unit's word for a change per second.
    #[must_use]
    pub const fn per_second(self) -> &'static str {
        match self {
            Self::Bytes => "bytes_per_second",
            Self::Celsius => "celsius_per_second",
            Self::Count => "per_second",
            Self::Percent => "percent_per_second",
            Self::Rpm => "rpm_per_second",
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
    /// A software RAID, such as `md0`.
    Array,
    /// A container, by the name of its unit or the first twelve digits of its id.
    Container,
    /// A logical CPU, by its number.
    Core,
    /// A block device, such as `sda`.
    Device,
    /// A fan, by its chip and its name there.
    Fan,
    /// A network interface, such as `eth0`.
    Interface,
    /// A mount point, such as `/home`.
    Mount,
    /// A storage pool, such as `tank`.
    Pool,
    /// A temperature, by its chip and its name there.
    Sensor,
    /// A systemd unit that was chosen in the agent's configuration.
    Service,
    /// One of a few states with fixed names.
    State,
}

impl LabelName {
    /// The label's word in the API: `device`, `interface`, `mount` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Container => "container",
            Self::Core => "core",
            Self::Device => "device",
            Self::Fan => "fan",
            Self::Interface => "interface",
            Self::Mount => "mount",
            Self::Pool => "pool",
            Self::Sensor => "sensor",
            Self::Service => "service",
            Self::State => "state",
        }
    }
}

/// What the catalogue says of one metric.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name in reports and in the API.
    pub name: &'static str,
    /// How often it is read.
    pub tier: Tier,
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
    ($($variant:ident $name:literal $tier:ident $unit:ident $kind:ident $label:expr, $meaning:literal, $source:literal;)*) => {
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
                        name: $name, tier: Tier::$tier, unit: Unit::$unit, kind: Kind::$kind, label: $label,
                        meaning: $meaning, source: $source,
                    },)*
                }
            }
        }
    };
}

catalogue! {
    CpuUsage "cpu_usage" Fast Percent Gauge None, "CPU time not idle since the last reading, all cores together.", "/proc/stat";
    MemoryUsage "memory_usage" Fast Percent Gauge None, "Memory in use: what is neither free nor available to programs.", "/proc/meminfo";
    DiskUsage "disk_usage" Fast Percent Gauge None, "Space in use on the root file system.", "statvfs(/)";
    CpuUser "cpu_user" Fast Percent Gauge None, "CPU time in user programs of normal priority.", "/proc/stat";
    CpuNice "cpu_nice" Fast Percent Gauge None, "CPU time in user programs of low priority.", "/proc/stat";
    CpuSystem "cpu_system" Fast Percent Gauge None, "CPU time in the kernel.", "/proc/stat";
    CpuIowait "cpu_iowait" Fast Percent Gauge None, "CPU time idle while a disk was awaited.", "/proc/stat";
    CpuIrq "cpu_irq" Fast Percent Gauge None, "CPU time in hardware interrupts.", "/proc/stat";
    CpuSoftirq "cpu_softirq" Fast Percent Gauge None, "CPU time in software interrupts.", "/proc/stat";
    CpuSteal "cpu_steal" Fast Percent Gauge None, "CPU time that the hypervisor gave to others.", "/proc/stat";
    CpuCoreUsage "cpu_core_usage" Fast Percent Gauge Some(LabelName::Core), "CPU time not idle since the last reading, of one core.", "/proc/stat";
    Load1 "load1" Fast Count Gauge None, "Load average over one minute.", "/proc/loadavg";
    Load5 "load5" Fast Count Gauge None, "Load average over five minutes.", "/proc/loadavg";
    Load15 "load15" Fast Count Gauge None, "Load average over fifteen minutes.", "/proc/loadavg";
    MemoryUsedBytes "memory_used_bytes" Fast Bytes Gauge None, "Memory neither free nor available to programs.", "/proc/meminfo";
    MemoryAvailableBytes "memory_available_bytes" Fast Bytes Gauge None, "Memory that programs could take without swapping.", "/proc/meminfo";
    MemoryFreeBytes "memory_free_bytes" Fast Bytes Gauge None, "Memory that holds nothing, not even a cache.", "/proc/meminfo";
    MemoryCachedBytes "memory_cached_bytes" Fast Bytes Gauge None, "Memory that holds contents of files.", "/proc/meminfo";
    MemoryBuffersBytes "memory_buffers_bytes" Fast Bytes Gauge None, "Memory that holds blocks of devices.", "/proc/meminfo";
    MemorySlabBytes "memory_slab_bytes" Fast Bytes Gauge None, "Memory in the kernel's own tables.", "/proc/meminfo";
    MemorySharedBytes "memory_shared_bytes" Fast Bytes Gauge None, "Memory in tmpfs and shared memory.", "/proc/meminfo";
    MemoryDirtyBytes "memory_dirty_bytes" Fast Bytes Gauge None, "Memory that waits to be written to a disk.", "/proc/meminfo";
    SwapUsedBytes "swap_used_bytes" Fast Bytes Gauge None, "Swap space in use.", "/proc/meminfo";
    PressureCpuSome "pressure_cpu_some" Fast Percent Gauge None, "Time in which some task waited for a CPU.", "/proc/pressure/cpu";
    PressureMemorySome "pressure_memory_some" Fast Percent Gauge None, "Time in which some task waited for memory.", "/proc/pressure/memory";
    PressureMemoryFull "pressure_memory_full" Fast Percent Gauge None, "Time in which every task that was not idle waited for memory.", "/proc/pressure/memory";
    PressureIoSome "pressure_io_some" Fast Percent Gauge None, "Time in which some task waited for a disk.", "/proc/pressure/io";
    PressureIoFull "pressure_io_full" Fast Percent Gauge None, "Time in which every task that was not idle waited for a disk.", "/proc/pressure/io";
    Processes "processes" Fast Count Gauge None, "Processes that exist.", "/proc";
    ProcessesRunning "processes_running" Fast Count Gauge None, "Threads that run or wait for a CPU.", "/proc/stat";
    ProcessesBlocked "processes_blocked" Fast Count Gauge None, "Threads that wait for a disk.", "/proc/stat";
    ContextSwitchesTotal "context_switches_total" Fast Count Counter None, "Changes from one thread to another.", "/proc/stat";
    UptimeSeconds "uptime_seconds" Medium Seconds Gauge None, "Time since the host started.", "/proc/uptime";
    MemoryTotalBytes "memory_total_bytes" Medium Bytes Gauge None, "Memory that the kernel manages.", "/proc/meminfo";
    SwapTotalBytes "swap_total_bytes" Medium Bytes Gauge None, "Swap space.", "/proc/meminfo";
    NetworkReceivedBytesTotal "network_received_bytes_total" Medium Bytes Counter Some(LabelName::Interface), "Bytes received on the interface.", "/proc/net/dev";
    NetworkSentBytesTotal "network_sent_bytes_total" Medium Bytes Counter Some(LabelName::Interface), "Bytes sent on the interface.", "/proc/net/dev";
    NetworkReceivedPacketsTotal "network_received_packets_total" Medium Count Counter Some(LabelName::Interface), "Packets received on the interface.", "/proc/net/dev";
    NetworkSentPacketsTotal "network_sent_packets_total" Medium Count Counter Some(LabelName::Interface), "Packets sent on the interface.", "/proc/net/dev";
    NetworkReceiveErrorsTotal "network_receive_errors_total" Medium Count Counter Some(LabelName::Interface), "Packets that arrived damaged.", "/proc/net/dev";
    NetworkSendErrorsTotal "network_send_errors_total" Medium Count Counter Some(LabelName::Interface), "Packets that could not be sent.", "/proc/net/dev";
    NetworkReceiveDropsTotal "network_receive_drops_total" Medium Count Counter Some(LabelName::Interface), "Packets that arrived and were dropped.", "/proc/net/dev";
    NetworkSendDropsTotal "network_send_drops_total" Medium Count Counter Some(LabelName::Interface), "Packets that were dropped instead of sent.", "/proc/net/dev";
    DiskReadBytesTotal "disk_read_bytes_total" Medium Bytes Counter Some(LabelName::Device), "Bytes read from the device since the host started.", "/proc/diskstats";
    DiskWrittenBytesTotal "disk_written_bytes_total" Medium Bytes Counter Some(LabelName::Device), "Bytes written to the device since the host started.", "/proc/diskstats";
    DiskReadsTotal "disk_reads_total" Medium Count Counter Some(LabelName::Device), "Reads that the device completed.", "/proc/diskstats";
    DiskWritesTotal "disk_writes_total" Medium Count Counter Some(LabelName::Device), "Writes that the device completed.", "/proc/diskstats";
    DiskBusySecondsTotal "disk_busy_seconds_total" Medium Seconds Counter Some(LabelName::Device), "Time in which the device had something to do.", "/proc/diskstats";
    DiskQueueSecondsTotal "disk_queue_seconds_total" Medium Seconds Counter Some(LabelName::Device), "Time that all requests spent at the device; its rate is the mean length of the queue.", "/proc/diskstats";
    SocketsUsed "sockets_used" Medium Count Gauge None, "Sockets of every kind.", "/proc/net/sockstat";
    TcpSockets "tcp_sockets" Medium Count Gauge None, "TCP sockets in use, IPv4 and IPv6.", "/proc/net/sockstat, sockstat6";
    TcpEstablished "tcp_established" Medium Count Gauge None, "TCP connections that are open, or closed by the other side alone.", "/proc/net/snmp";
    TcpTimeWait "tcp_time_wait" Medium Count Gauge None, "TCP connections that are closed and waited out.", "/proc/net/sockstat";
    TcpOrphans "tcp_orphans" Medium Count Gauge None, "TCP connections that no process holds any more.", "/proc/net/sockstat";
    TcpRetransmitsTotal "tcp_retransmits_total" Medium Count Counter None, "TCP segments that were sent again.", "/proc/net/snmp";
    UdpSockets "udp_sockets" Medium Count Gauge None, "UDP sockets in use, IPv4 and IPv6.", "/proc/net/sockstat, sockstat6";
    FileDescriptors "file_descriptors" Medium Count Gauge None, "Open files of the whole host.", "/proc/sys/fs/file-nr";
    FileDescriptorsMax "file_descriptors_max" Medium Count Gauge None, "Open files that the whole host may have.", "/proc/sys/fs/file-nr";
    EntropyBits "entropy_bits" Medium Count Gauge None, "Bits of entropy for random numbers.", "/proc/sys/kernel/random/entropy_avail";
    OomKillsTotal "oom_kills_total" Medium Count Counter None, "Processes that were killed because memory ran out.", "/proc/vmstat";
    TemperatureCelsius "temperature_celsius" Medium Celsius Gauge Some(LabelName::Sensor), "Temperature.", "/sys/class/hwmon, else /sys/class/thermal";
    FanRpm "fan_rpm" Medium Rpm Gauge Some(LabelName::Fan), "Speed of the fan.", "/sys/class/hwmon";
    MountTotalBytes "mount_total_bytes" Slow Bytes Gauge Some(LabelName::Mount), "Size of the file system.", "statvfs";
    MountUsedBytes "mount_used_bytes" Slow Bytes Gauge Some(LabelName::Mount), "Space in use on the file system.", "statvfs";
    MountAvailableBytes "mount_available_bytes" Slow Bytes Gauge Some(LabelName::Mount), "Space that an ordinary user can still fill.", "statvfs";
    MountInodes "mount_inodes" Slow Count Gauge Some(LabelName::Mount), "Files and directories that the file system can hold.", "statvfs";
    MountInodesUsed "mount_inodes_used" Slow Count Gauge Some(LabelName::Mount), "Files and directories on the file system.", "statvfs";
    MountReadOnly "mount_read_only" Slow Count Gauge Some(LabelName::Mount), "1 when the file system itself cannot be written, else 0.", "/proc/self/mountinfo";
    RaidDisks "raid_disks" Slow Count Gauge Some(LabelName::Array), "Disks that the software RAID should have.", "/proc/mdstat";
    RaidDisksActive "raid_disks_active" Slow Count Gauge Some(LabelName::Array), "Disks that the software RAID has.", "/proc/mdstat";
    PoolOnline "pool_online" Slow Count Gauge Some(LabelName::Pool), "1 when the ZFS pool is whole, 0 when it is degraded or worse.", "/proc/spl/kstat/zfs/POOL/state";
    ContainerCpuSecondsTotal "container_cpu_seconds_total" Slow Seconds Counter Some(LabelName::Container), "CPU time of the container.", "cgroup v2 cpu.stat";
    ContainerMemoryBytes "container_memory_bytes" Slow Bytes Gauge Some(LabelName::Container), "Memory of the container, what it cached of files included.", "cgroup v2 memory.current";
    ContainerReadBytesTotal "container_read_bytes_total" Slow Bytes Counter Some(LabelName::Container), "Bytes that the container read from devices.", "cgroup v2 io.stat";
    ContainerWrittenBytesTotal "container_written_bytes_total" Slow Bytes Counter Some(LabelName::Container), "Bytes that the container wrote to devices.", "cgroup v2 io.stat";
    TcpConnections "tcp_connections" Slow Count Gauge Some(LabelName::State), "TCP sockets in each state.", "/proc/net/tcp, tcp6";
    Units "units" Glacial Count Gauge Some(LabelName::State), "systemd units that failed or are changing, by state.", "systemd";
    ServiceActive "service_active" Glacial Count Gauge Some(LabelName::Service), "1 when the chosen unit is active, else 0.", "systemd";
    ClockSynchronised "clock_synchronised" Glacial Count Gauge None, "1 when the kernel's clock is synchronised, whatever keeps it, else 0.", "systemd-timedated, /run/systemd/timesync";
    RebootRequired "reboot_required" Glacial Count Gauge None, "1 when something newer is installed than what runs, else 0.", "/run/reboot-required, /boot, /lib/modules, /run/current-system";
    UpdatesPending "updates_pending" Glacial Count Gauge None, "Package updates that wait, as the distribution last found.", "/var/lib/update-notifier/updates-available";
    UpdatesSecurity "updates_security" Glacial Count Gauge None, "Of these, the ones that mend a weakness.", "/var/lib/update-notifier/updates-available";
    AgentConfined "agent_confined" Daily Count Gauge None, "1 when the agent is not root, has no capability, can gain none and has its system calls filtered, else 0.", "/proc/self/status";
}

impl Metric {
    /// The members that every report has, beside `timestamp`.
    pub const REQUIRED: [Self; 3] = [Self::CpuUsage, Self::MemoryUsage, Self::DiskUsage];

    /// The name in reports and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.describe().name
    }

    /// The largest value that makes sense: 100 for percentages, 1000 degrees, else 2^53.
    #[must_use]
    pub const fn max(self) -> f64 {
        match self.describe().unit {
            Unit::Percent => 100.0,
            Unit::Celsius => 1000.0,
            Unit::Bytes | Unit::Count | Unit::Rpm | Unit::Seconds => MAX_VALUE,
        }
    }

    /// The smallest value that makes sense: 0, or absolute zero.
    #[must_use]
    pub const fn min(self) -> f64 {
        match self.describe().unit {
            Unit::Celsius => -273.15,
            _ => 0.0,
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

    /// `value` rounded to what it can mean: hundredths for percentages of the whole host, for loads
    /// and for seconds that are counted; tenths for one core (its clock ticks a hundred times a
    /// second) and for degrees; 100 kB of memory (every CPU counts for itself before the kernel sums
    /// up); whole numbers of everything else.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        let description = self.describe();
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        match (self, description.unit, description.kind) {
            (Self::CpuCoreUsage, ..) | (_, Unit::Celsius, _) => tenths(value),
            (Self::Load1 | Self::Load5 | Self::Load15, ..)
            | (_, Unit::Percent, _)
            | (_, Unit::Seconds, Kind::Counter) => (value * 100.0).round() / 100.0,
            (_, Unit::Bytes, Kind::Gauge) if self.is_memory() => (value / 1e5).round() * 1e5,
            _ => value.round(),
        }
    }

    /// Whether it says how much memory is put to some use.
    const fn is_memory(self) -> bool {
        matches!(
            self,
            Self::ContainerMemoryBytes
                | Self::MemoryAvailableBytes
                | Self::MemoryBuffersBytes
                | Self::MemoryCachedBytes
                | Self::MemoryDirtyBytes
                | Self::MemoryFreeBytes
                | Self::MemorySharedBytes
                | Self::MemorySlabBytes
                | Self::MemoryUsedBytes
                | Self::SwapUsedBytes
        )
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
