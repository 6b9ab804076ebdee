//! Whether software RAID and ZFS pools are whole.

use std::fs;
use std::io;

use server_scout_wire::{Label, Metric, Report};

use super::proc_file::ProcFile;
use super::root::{Root, text};
use super::text::{fields, lines, number};
use super::{MAX_ARRAYS, MAX_POOLS};

/// Reads `/proc/mdstat`.
pub struct Arrays(ProcFile);

impl Arrays {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        root.open("proc/mdstat").map(Self)
    }

    /// Adds how many disks each array has of those it should have.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        for array in parse(self.0.read(buffer)?).into_iter().take(MAX_ARRAYS) {
            let label = Label::escaped(&String::from_utf8_lossy(array.name)).0;
            report.push(Metric::RaidDisks, Some(label.clone()), array.disks as f64);
            report.push(Metric::RaidDisksActive, Some(label), array.active as f64);
        }
        Ok(())
    }
}

/// One software RAID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Array<'a> {
    /// Its name in the kernel.
    pub name: &'a [u8],
    /// Disks that it should have.
    pub disks: u64,
    /// Disks that it has and that work.
    pub active: u64,
}

/// The arrays of `/proc/mdstat`: a line with the name and the members, then lines that begin with
/// white space, one of which may hold `[3/2]`. Without it the level can do without no disk: members
/// that are not faulty are active, none if the array is not running.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Array<'_>> {
    let mut arrays: Vec<Array<'_>> = Vec::new();
    let mut of_array = false;
    for line in lines(text) {
        if !line.first().is_some_and(u8::is_ascii_whitespace) {
            let array = head(line);
            of_array = array.is_some();
            arrays.extend(array);
        } else if of_array
            && let Some((disks, active)) = fields(line).find_map(counts)
            && let Some(array) = arrays.last_mut()
        {
            (array.disks, array.active) = (disks, active.min(disks));
        }
    }
    arrays
}

/// `md0 : active raid1 sdb1[1] sda1[0](F)`
fn head(line: &[u8]) -> Option<Array<'_>> {
    let mut fields = fields(line);
    let name = fields.next()?;
    if !name.starts_with(b"md") || fields.next()? != b":" {
        return None;
    }
    let running = fields.next()? == b"active";
    let members = fields.filter(|field| field.contains(&b'['));
    let (mut disks, mut active) = (0, 0);
    for member in members {
        // A spare is none of those that the array should have.
        if member.ends_with(b"(S)") && running {
            continue;
        }
        disks += 1;
        active += u64::from(running && !member.ends_with(b"(F)"));
    }
    Some(Array {
        name,
        disks,
        active,
    })
}

/// `[3/2]`: of three disks two work.
fn counts(field: &[u8]) -> Option<(u64, u64)> {
    let inner = field.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let slash = inner.iter().position(|byte| *byte == b'/')?;
    Some((
        number(inner.get(..slash)?)?,
        number(inner.get(slash + 1..)?)?,
    ))
}

/// Adds whether each ZFS pool is whole.
pub fn collect_pools(root: &Root, report: &mut Report) {
    let Ok(entries) = fs::read_dir(root.path("proc/spl/kstat/zfs")) else {
        return;
    };
    let pools = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let state = text(&entry.path().join("state"))?;
        let name = entry.file_name();
        Some((Label::escaped(&name.to_string_lossy()).0, state))
    });
    let mut pools: Vec<(Label, String)> = pools.collect();
    pools.sort();
    for (label, state) in pools.into_iter().take(MAX_POOLS) {
        let online = f64::from(u8::from(state == "ONLINE"));
        report.push(Metric::PoolOnline, Some(label), online);
    }
}
