//! How the agent itself is confined, as the kernel sees it and not as somebody meant it.

use server_scout_wire::{Fact, Host, Label, Metric, Report};

use super::mounts;
use super::proc_file::ProcFile;
use super::root::{Root, text};
use super::text::{fields, lines, number};
use crate::confine::Landlock;

/// What `/proc/self/status` says of privileges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Privileges {
    /// The effective user; 0 is root.
    pub user: u64,
    /// Capabilities that are in force, permitted, or could be gained, one bit each.
    pub capabilities: Capabilities,
    /// Whether running a program can give no privileges.
    pub no_new_privileges: bool,
    /// How system calls are restricted: 0 not at all, 1 to four of them, 2 by a filter.
    pub seccomp: u64,
}

/// Sets of capabilities, one bit each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// In force.
    pub effective: u64,
    /// Could be put in force.
    pub permitted: u64,
    /// Could be gained by running a program.
    pub bounding: u64,
}

impl Privileges {
    /// Whether nothing that is expected of the unit's sandbox is missing. What could be gained does
    /// not count where nothing can be gained.
    #[must_use]
    pub fn are_confined(&self) -> bool {
        let none = self.capabilities.effective == 0 && self.capabilities.permitted == 0;
        self.user != 0 && none && self.no_new_privileges && self.seccomp == 2
    }
}

/// Reads `/proc/self/status`. A kernel that does not know something does not restrict it.
#[must_use]
pub fn parse(status: &[u8]) -> Option<Privileges> {
    let field = |name: &[u8]| lines(status).find_map(|line| line.strip_prefix(name));
    let first = |name: &[u8]| fields(field(name)?).next();
    let capabilities = |name: &[u8]| {
        let digits = std::str::from_utf8(first(name)?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    Some(Privileges {
        user: number(fields(field(b"Uid:")?).nth(1)?)?,
        capabilities: Capabilities {
            effective: capabilities(b"CapEff:")?,
            permitted: capabilities(b"CapPrm:")?,
            bounding: capabilities(b"CapBnd:")?,
        },
        no_new_privileges: first(b"NoNewPrivs:").and_then(number) == Some(1),
        seccomp: first(b"Seccomp:").and_then(number).unwrap_or(0),
    })
}

/// Adds whether the agent is confined, and how to `host`. The kernel shows nowhere what Landlock holds, so
/// that is what the kernel answered when it was asked for it.
pub fn collect(
    root: &Root,
    landlock: Option<Landlock>,
    buffer: &mut Vec<u8>,
    report: &mut Report,
    host: &mut Host,
) {
    let read = |path: &str, buffer: &mut Vec<u8>| {
        let file = root.open(path).ok()?;
        Some(ProcFile::read(&file, buffer).ok()?.to_vec())
    };
    let privileges = read("proc/self/status", buffer).and_then(|status| parse(&status));
    if let Some(privileges) = privileges {
        let confined = u8::from(privileges.are_confined());
        report.push(Metric::AgentConfined, None, f64::from(confined));
        say_privileges(&privileges, host);
    }
    if let Some(table) = read("proc/self/mountinfo", buffer) {
        say_mounts(&table, host);
    }
    if let Some(landlock) = landlock.or_else(|| offered(root)) {
        host.set(Fact::SandboxLandlock, Label::escaped(landlock.as_str()).0);
    }
    if let Some(limit) = memory_limit(root) {
        host.set(Fact::SandboxMemory, Label::escaped(&limit).0);
    }
}

/// What holds of a process that did not ask for Landlock.
fn offered(root: &Root) -> Option<Landlock> {
    let modules = text(&root.path("sys/kernel/security/lsm"))?;
    let offered = modules.split(',').any(|module| module.trim() == "landlock");
    Some(if offered {
        Landlock::Unused
    } else {
        Landlock::Unavailable
    })
}

fn say_privileges(privileges: &Privileges, host: &mut Host) {
    let Capabilities {
        effective,
        permitted,
        bounding,
    } = privileges.capabilities;
    let has = (effective | permitted).count_ones();
    let could = if privileges.no_new_privileges {
        0
    } else {
        bounding.count_ones()
    };
    let capabilities = match (has, could) {
        (0, 0) => "none".to_owned(),
        (has, could) => format!("has {has}, could gain {could}"),
    };
    let say = |holds, yes, no| if holds { yes } else { no };
    for (fact, text) in [
        (Fact::SandboxCapabilities, capabilities.as_str()),
        (
            Fact::SandboxNewPrivileges,
            say(privileges.no_new_privileges, "impossible", "possible"),
        ),
        (
            Fact::SandboxSystemCalls,
            match privileges.seccomp {
                0 => "unfiltered",
                1 => "strict",
                _ => "filtered",
            },
        ),
        (
            Fact::SandboxUser,
            say(privileges.user == 0, "root", "another"),
        ),
    ] {
        host.set(fact, Label::escaped(text).0);
    }
}

/// What the agent's own mount table shows of the sandbox.
fn say_mounts(table: &[u8], host: &mut Host) {
    let mut root_is_read_only = None;
    let mut processes_are_hidden = None;
    for line in lines(table) {
        let Some(mount) = mounts::parse(line).next() else {
            continue;
        };
        // Of several at one place the last is the one that counts.
        if mount.point == b"/" {
            root_is_read_only = Some(mount.read_only || mount.mounted_read_only);
        } else if mount.point == b"/proc" {
            let hides = |option: &&[u8]| HIDING.contains(option);
            let options = line.split(|byte| matches!(byte, b',' | b' '));
            processes_are_hidden = Some(options.filter(hides).count() > 0);
        }
    }
    let say = |holds, yes, no| if holds { yes } else { no };
    if let Some(read_only) = root_is_read_only {
        let text = say(read_only, "read-only", "writable");
        host.set(Fact::SandboxFileSystem, Label::escaped(text).0);
    }
    if let Some(hidden) = processes_are_hidden {
        let text = say(hidden, "hidden", "visible");
        host.set(Fact::SandboxProcesses, Label::escaped(text).0);
    }
}

/// What the control group of the agent allows; none without control groups of version 2.
fn memory_limit(root: &Root) -> Option<String> {
    let groups = text(&root.path("proc/self/cgroup"))?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = text(&root.path("sys/fs/cgroup").join(group).join("memory.max"))?;
    match number(limit.as_bytes()) {
        Some(bytes) => Some(format!("{} MiB", bytes / (1024 * 1024))),
        None => (limit == "max").then(|| "unlimited".to_owned()),
    }
}

/// The options of `/proc` that hide the processes of others.
const HIDING: [&[u8]; 6] = [
    b"hidepid=2",
    b"hidepid=4",
    b"hidepid=invisible",
    b"hidepid=ptraceable",
    b"hidepid=1",
    b"hidepid=noaccess",
];
