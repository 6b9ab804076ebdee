//! What the host and its agent are, and what people have to look after: the slowest tiers.

use server_scout_wire::{Host, Report, Tier};

use super::options::{Group, Options};
use super::root::Root;
use super::{Due, host, sandbox, upkeep};

/// Reads the glacial and the daily tier, and remembers what the daily one said.
pub(super) struct Inventory {
    options: Options,
    host: Host,
}

impl Inventory {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            host: Host::default(),
        }
    }

    /// Adds what is due. What the host is comes whole, whichever of the tiers is.
    pub(super) fn collect(
        &mut self,
        root: &Root,
        due: Due,
        cores: usize,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) {
        let withheld = &self.options.withheld;
        if due.has(Tier::Daily) {
            self.host = host::inventory(root, cores);
            if !withheld.has(Group::Sandbox) {
                sandbox::collect(root, buffer, report, &mut self.host);
            }
        }
        if !due.has(Tier::Daily) && !due.has(Tier::Glacial) {
            return;
        }
        if due.has(Tier::Glacial) {
            upkeep::collect_clock(root, report);
            if !withheld.has(Group::Updates) {
                upkeep::collect_updates(root, report);
            }
        }
        report.set_host(self.host.clone());
    }
}
