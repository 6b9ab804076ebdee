//! The closed list of texts that say what a host and its agent are.

use std::fmt;

use crate::Tier;

/// What the catalogue says of one fact.
#[derive(Clone, Copy, Debug)]
pub struct FactDescription {
    /// The name in reports and in the API, within `host`.
    pub name: &'static str,
    /// How often it is read.
    pub tier: Tier,
    /// One sentence for people.
    pub meaning: &'static str,
    /// Where the agent reads it.
    pub source: &'static str,
}

/// Writes the enum and its table from one list, so that neither can lack what the other has.
macro_rules! facts {
    ($($variant:ident $name:literal $tier:ident $meaning:literal, $source:literal;)*) => {
        /// A fact of the catalogue. Its text obeys the rules of a [`Label`](crate::Label).
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Fact {
            $(#[doc = $meaning] $variant,)*
        }

        impl Fact {
            /// Every fact, in the catalogue's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The fact of that name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// What the catalogue says of it.
            #[must_use]
            pub const fn describe(self) -> FactDescription {
                match self {
                    $(Self::$variant => FactDescription {
                        name: $name, tier: Tier::$tier, meaning: $meaning, source: $source,
                    },)*
                }
            }
        }
    };
}

facts! {
    AgentVersion "agent_version" Daily "The version of the agent.", "the agent";
    Architecture "architecture" Daily "The processor architecture, such as `x86_64`.", "uname";
    CpuModel "cpu_model" Daily "The model of the CPU.", "/proc/cpuinfo";
    FailedUnits "failed_units" Glacial "The systemd units that failed, with commas between them.", "systemd";
    Hostname "hostname" Daily "The host's own name.", "uname";
    Kernel "kernel" Daily "The release of the kernel.", "uname";
    OperatingSystem "operating_system" Daily "The distribution's name and version.", "/etc/os-release";
    SandboxCapabilities "sandbox_capabilities" Daily "How many capabilities the agent has, and how many it could gain: `none`, or their numbers.", "/proc/self/status";
    SandboxFileSystem "sandbox_file_system" Daily "Whether the agent sees `/` `read-only` or `writable`.", "/proc/self/mountinfo";
    SandboxLandlock "sandbox_landlock" Daily "What Landlock bounds the agent in, of `files, ports, signals` as many as the kernel can; `unused`, or `unavailable`.", "the kernel's answer, /sys/kernel/security/lsm";
    SandboxMemory "sandbox_memory" Daily "How much memory the agent may take, or `unlimited`.", "cgroup v2 memory.max";
    SandboxNewPrivileges "sandbox_new_privileges" Daily "Whether the agent could gain privileges by running a program: `impossible` or `possible`.", "/proc/self/status";
    SandboxProcesses "sandbox_processes" Daily "Whether the processes of others are `hidden` from the agent or `visible`.", "/proc/self/mountinfo";
    SandboxSystemCalls "sandbox_system_calls" Daily "Whether the agent's system calls are `filtered`, `strict` or `unfiltered`.", "/proc/self/status";
    SandboxUser "sandbox_user" Daily "Whether the agent runs as `root` or as `another` user.", "/proc/self/status";
    SystemState "system_state" Glacial "What systemd says of the whole host, such as `running` or `degraded`.", "systemd";
    TimeZone "time_zone" Daily "The host's time zone, such as `Europe/Berlin`.", "/etc/localtime";
    Virtualisation "virtualisation" Daily "What the host runs in, such as `kvm`; `none` for hardware.", "/sys/class/dmi, /proc/cpuinfo";
}

impl Fact {
    /// The name in reports and in the API, within `host`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.describe().name
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
