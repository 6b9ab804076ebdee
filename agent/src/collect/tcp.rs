//! In which states TCP connections are.

use std::io;

use server_scout_wire::{Label, Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::fields;

/// Reads `/proc/net/tcp` and `tcp6`.
pub struct Tcp {
    sockets: ProcFile,
    // A kernel without IPv6 has none.
    sockets6: Option<ProcFile>,
}

impl Tcp {
    /// Opens the files.
    pub fn new(root: &Root) -> io::Result<Self> {
        Ok(Self {
            sockets: root.open("proc/net/tcp")?,
            sockets6: root.open("proc/net/tcp6").ok(),
        })
    }

    /// Adds how many sockets are in each state. Of the addresses in the files nothing is kept.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let mut counts = [0_u64; STATES.len()];
        for file in [Some(&self.sockets), self.sockets6.as_ref()]
            .into_iter()
            .flatten()
        {
            file.each_line(buffer, |line| count(&mut counts, line))?;
        }
        for (state, count) in STATES.into_iter().zip(counts) {
            let label = Label::escaped(state).0;
            report.push(Metric::TcpConnections, Some(label), count as f64);
        }
        Ok(())
    }
}

/// How many sockets each line puts into which state, in the order of [`STATES`].
pub fn count(counts: &mut [u64; STATES.len()], line: &[u8]) {
    let Some(state) = state(line) else { return };
    if let Some(count) = counts.get_mut(state) {
        *count += 1;
    }
}

/// The place in [`STATES`] of the socket on a line; none for the heading and what is no line.
fn state(line: &[u8]) -> Option<usize> {
    let mut fields = fields(line);
    fields.next()?.ends_with(b":").then_some(())?;
    let state = std::str::from_utf8(fields.nth(2)?).ok()?;
    usize::from_str_radix(state, 16).ok()?.checked_sub(1)
}

/// The states in the kernel's order, from 1.
pub const STATES: [&str; 12] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "new_syn_recv",
];
