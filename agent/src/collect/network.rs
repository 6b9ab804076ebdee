//! What passes the host's interfaces.

use std::io;

use server_scout_wire::{Metric, Report};

use super::MAX_NAMES;
use super::names::Names;
use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Reads `/proc/net/dev`.
pub struct Network {
    file: ProcFile,
    names: Names,
}

impl Network {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        Ok(Self {
            file: root.open("proc/net/dev")?,
            names: Names::new(),
        })
    }

    /// Adds the counters of the first 64 interfaces that are the host's own.
    pub fn collect(&mut self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let mut count = 0;
        for interface in parse(self.file.read(buffer)?) {
            let Some(label) = self.names.label(interface.name, is_host_interface) else {
                continue;
            };
            for (metric, value) in METRICS.into_iter().zip(interface.counters()) {
                report.push(metric, Some(label.clone()), value as f64);
            }
            count += 1;
            if count == MAX_NAMES {
                break;
            }
        }
        Ok(())
    }
}

/// One interface's counters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interface<'a> {
    /// Its name, any bytes but white space, `/` and `:`.
    pub name: &'a [u8],
    /// What arrived.
    pub received: Traffic,
    /// What was sent.
    pub sent: Traffic,
}

/// What passed in one direction since the interface was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were damaged.
    pub errors: u64,
    /// Packets that were dropped.
    pub drops: u64,
}

impl Interface<'_> {
    /// In the order of [`METRICS`].
    fn counters(&self) -> [u64; 8] {
        let Self { received, sent, .. } = self;
        [
            received.bytes,
            sent.bytes,
            received.packets,
            sent.packets,
            received.errors,
            sent.errors,
            received.drops,
            sent.drops,
        ]
    }
}

/// The interfaces of `/proc/net/dev`, in the kernel's order. Lines that are none are skipped.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Interface<'_>> {
    lines(text).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, counters) = line.split_at_checked(colon)?;
        let mut counters = fields(counters.get(1..)?);
        let received = traffic(&mut counters)?;
        // Four more counters of what arrived stand before the first of what was sent.
        let sent = traffic(&mut counters.skip(4))?;
        let name = name.trim_ascii();
        (!name.is_empty()).then_some(Interface {
            name,
            received,
            sent,
        })
    })
}

fn traffic<'a>(counters: &mut impl Iterator<Item = &'a [u8]>) -> Option<Traffic> {
    Some(Traffic {
        bytes: number(counters.next()?)?,
        packets: number(counters.next()?)?,
        errors: number(counters.next()?)?,
        drops: number(counters.next()?)?,
    })
}

/// Whether an interface is the host's own. The loopback carries no traffic of the host's with
/// others, and the ends of containers' and virtual machines' cables come and go by the hundred.
#[must_use]
pub fn is_host_interface(name: &[u8]) -> bool {
    let is_guests = GUEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    name != b"lo" && (!is_guests || name.starts_with(LXC_BRIDGE))
}

/// The bridge that LXC makes is the host's, though its name begins as those of its cables.
const LXC_BRIDGE: &[u8] = b"lxcbr";
const GUEST_PREFIXES: [&[u8]; 7] = [b"cali", b"dummy", b"ifb", b"lxc", b"tunl", b"veth", b"vnet"];

const METRICS: [Metric; 8] = [
    Metric::NetworkReceivedBytesTotal,
    Metric::NetworkSentBytesTotal,
    Metric::NetworkReceivedPacketsTotal,
    Metric::NetworkSentPacketsTotal,
    Metric::NetworkReceiveErrorsTotal,
    Metric::NetworkSendErrorsTotal,
    Metric::NetworkReceiveDropsTotal,
    Metric::NetworkSendDropsTotal,
];
