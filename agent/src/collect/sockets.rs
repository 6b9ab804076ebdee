//! Sockets and TCP, from what the kernel counts anyway.
//!
//! Which state each connection is in is another matter: for that the kernel walks all its tables,
//! which takes milliseconds on a host with much memory, so `tcp` does it seldom.

use std::io;

use server_scout_wire::{Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};

/// Reads `/proc/net/sockstat`, `sockstat6` and `snmp`.
pub struct Sockets {
    counts: ProcFile,
    // A kernel without IPv6 has none.
    counts6: Option<ProcFile>,
    protocols: ProcFile,
}

impl Sockets {
    /// Opens the files.
    pub fn new(root: &Root) -> io::Result<Self> {
        Ok(Self {
            counts: root.open("proc/net/sockstat")?,
            counts6: root.open("proc/net/sockstat6").ok(),
            protocols: root.open("proc/net/snmp")?,
        })
    }

    /// Adds the counts.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let mut counts = parse_counts(self.counts.read(buffer)?);
        if let Some(file) = &self.counts6 {
            counts.add(&parse_counts(file.read(buffer)?));
        }
        let tcp = parse_tcp(self.protocols.read(buffer)?);
        for (metric, value) in [
            (Metric::SocketsUsed, counts.used),
            (Metric::TcpSockets, counts.tcp),
            (Metric::TcpTimeWait, counts.time_wait),
            (Metric::TcpOrphans, counts.orphans),
            (Metric::UdpSockets, counts.udp),
            (Metric::TcpEstablished, tcp.established),
            (Metric::TcpRetransmitsTotal, tcp.retransmits),
        ] {
            if let Some(value) = value {
                report.push(metric, None, value as f64);
            }
        }
        Ok(())
    }
}

/// What `/proc/net/sockstat` or `sockstat6` counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Sockets of every kind.
    pub used: Option<u64>,
    /// TCP sockets.
    pub tcp: Option<u64>,
    /// TCP sockets that no process holds.
    pub orphans: Option<u64>,
    /// TCP connections that are waited out.
    pub time_wait: Option<u64>,
    /// UDP sockets.
    pub udp: Option<u64>,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.tcp = sum(self.tcp, other.tcp);
        self.udp = sum(self.udp, other.udp);
    }
}

/// Reads `/proc/net/sockstat` or `sockstat6`: lines of a kind, names and numbers in turn.
#[must_use]
pub fn parse_counts(text: &[u8]) -> Counts {
    let value = |kind: &[u8], name: &[u8]| {
        let line = lines(text).find(|line| fields(line).next() == Some(kind))?;
        let mut rest = fields(line).skip_while(|field| *field != name);
        number(rest.nth(1)?)
    };
    Counts {
        used: value(b"sockets:", b"used"),
        tcp: value(b"TCP:", b"inuse").or_else(|| value(b"TCP6:", b"inuse")),
        orphans: value(b"TCP:", b"orphan"),
        time_wait: value(b"TCP:", b"tw"),
        udp: value(b"UDP:", b"inuse").or_else(|| value(b"UDP6:", b"inuse")),
    }
}

/// What `/proc/net/snmp` says of TCP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tcp {
    /// Connections that are open.
    pub established: Option<u64>,
    /// Segments that were sent again.
    pub retransmits: Option<u64>,
}

/// Reads `/proc/net/snmp`: for each protocol a line of names and a line of values.
#[must_use]
pub fn parse_tcp(text: &[u8]) -> Tcp {
    let mut rows = lines(text).filter(|line| fields(line).next() == Some(b"Tcp:"));
    let (Some(names), Some(values)) = (rows.next(), rows.next()) else {
        return Tcp::default();
    };
    let value = |name: &[u8]| {
        let place = fields(names).position(|field| field == name)?;
        number(fields(values).nth(place)?)
    };
    Tcp {
        established: value(b"CurrEstab"),
        retransmits: value(b"RetransSegs"),
    }
}
