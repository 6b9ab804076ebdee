//! Containers, by the control groups that their managers make. No manager is asked.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use server_scout_wire::{Label, Metric, Report};

use super::MAX_CONTAINERS;
use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Adds CPU, memory and disk of the first [`MAX_CONTAINERS`] containers. A host without control groups of version 2
/// has none.
pub fn collect(root: &Root, buffer: &mut Vec<u8>, report: &mut Report) {
    let mount = root.path("sys/fs/cgroup");
    if !mount.join("cgroup.controllers").exists() {
        return;
    }
    let mut walk = Walk {
        groups: 0,
        containers: 0,
    };
    walk.enter(&mount, 0, &mut |name, group| {
        let label = Label::escaped(name).0;
        for (metric, value) in Usage::of(group, buffer).values() {
            if let Some(value) = value {
                report.push(metric, Some(label.clone()), value);
            }
        }
    });
}

/// A way through the groups, bounded in depth and number.
struct Walk {
    groups: usize,
    containers: usize,
}

impl Walk {
    fn enter(&mut self, group: &Path, depth: usize, visit: &mut impl FnMut(&str, &Path)) {
        let Ok(entries) = fs::read_dir(group) else {
            return;
        };
        let is_group = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let groups = entries.filter_map(Result::ok).filter(is_group);
        let mut names: Vec<_> = groups.map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let Some(text) = name.to_str() else { continue };
            if self.groups >= MAX_GROUPS || self.containers >= MAX_CONTAINERS {
                return;
            }
            self.groups += 1;
            if let Some(container) = container(text, group.file_name()) {
                self.containers += 1;
                visit(container, &group.join(&name));
            } else if depth < MAX_DEPTH && holds_groups(text) {
                self.enter(&group.join(&name), depth + 1, visit);
            }
        }
    }
}

/// What to call the container of a group, if it is one: the first twelve digits of its id, or the
/// name that its unit has.
#[must_use]
pub fn container<'a>(group: &'a str, parent: Option<&OsStr>) -> Option<&'a str> {
    if let Some(scope) = group.strip_suffix(".scope") {
        let of_manager = MANAGERS
            .iter()
            .find_map(|manager| scope.strip_prefix(manager));
        return match of_manager {
            Some(id) => short_id(id),
            None => scope.strip_prefix("machine-").and_then(name),
        };
    }
    if let Some(service) = group.strip_suffix(".service") {
        return service.strip_prefix("systemd-nspawn@").and_then(name);
    }
    if let Some(payload) = group.strip_prefix("lxc.payload.") {
        return name(payload);
    }
    // Managers that do not use systemd name the group after the id alone.
    let parent = parent?.to_str()?;
    (PLAIN_PARENTS.contains(&parent) || is_pod(parent)).then_some(())?;
    short_id(group)
}

/// Whether containers can be somewhere below a group that is none itself.
fn holds_groups(group: &str) -> bool {
    group.strip_suffix(".slice").is_some()
        || group.starts_with("user@")
        || PLAIN_PARENTS.contains(&group)
        || is_pod(group)
        || ["besteffort", "burstable"].contains(&group)
}

fn is_pod(group: &str) -> bool {
    group.strip_prefix("pod").is_some_and(|uid| uid.len() >= 32)
}

/// The first digits of an id of 12 to 64 hexadecimal digits.
fn short_id(id: &str) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_id = (12..=64).contains(&id.len()) && id.bytes().all(is_digit);
    is_id.then(|| id.get(..12))?
}

fn name(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What one group has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time in microseconds.
    pub cpu_micros: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes read from and written to devices.
    pub bytes: Option<(u64, u64)>,
}

impl Usage {
    fn of(group: &Path, buffer: &mut Vec<u8>) -> Self {
        let mut usage = Self::default();
        let mut read = |name: &str, take: &mut dyn FnMut(&[u8])| {
            if let Ok(file) = ProcFile::open(&group.join(name))
                && let Ok(text) = file.read(buffer)
            {
                take(text);
            }
        };
        read("cpu.stat", &mut |text| usage.cpu_micros = cpu_micros(text));
        read("memory.current", &mut |text| {
            usage.memory = fields(text).next().and_then(number);
        });
        read("io.stat", &mut |text| usage.bytes = Some(io_bytes(text)));
        usage
    }

    fn values(&self) -> [(Metric, Option<f64>); 4] {
        let bytes = self.bytes.unzip();
        [
            (
                Metric::ContainerCpuSecondsTotal,
                self.cpu_micros.map(|micros| micros as f64 / 1e6),
            ),
            (
                Metric::ContainerMemoryBytes,
                self.memory.map(|bytes| bytes as f64),
            ),
            (
                Metric::ContainerReadBytesTotal,
                bytes.0.map(|bytes| bytes as f64),
            ),
            (
                Metric::ContainerWrittenBytesTotal,
                bytes.1.map(|bytes| bytes as f64),
            ),
        ]
    }
}

/// Reads `cpu.stat`: the CPU time in microseconds.
#[must_use]
pub fn cpu_micros(text: &[u8]) -> Option<u64> {
    number(lines(text).find_map(|line| line.strip_prefix(b"usage_usec "))?)
}

/// Reads `io.stat`: bytes read and written on all devices together.
#[must_use]
pub fn io_bytes(text: &[u8]) -> (u64, u64) {
    let sum = |name: &[u8]| {
        let values = fields(text).filter_map(|field| number(field.strip_prefix(name)?));
        values.fold(0_u64, u64::saturating_add)
    };
    (sum(b"rbytes="), sum(b"wbytes="))
}

/// How managers begin the names of their scopes, before the id.
const MANAGERS: [&str; 6] = [
    "docker-",
    "libpod-",
    "cri-containerd-",
    "nerdctl-",
    "containerd-",
    "crio-",
];
/// Groups that managers without systemd put their containers into.
const PLAIN_PARENTS: [&str; 5] = ["docker", "kubepods", "libpod_parent", "lxc", "machine"];
/// Deep enough for the pods of a user's own manager.
const MAX_DEPTH: usize = 8;
/// Groups that are looked at.
const MAX_GROUPS: usize = 4096;
