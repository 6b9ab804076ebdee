//! What the host and its agent are, and what people have to look after: the slowest tiers.

use server_scout_wire::{Fact, Host, Report, Tier};

use super::options::{Group, Options};
use super::root::Root;
use super::{Due, clock, host, sandbox, units, upkeep};

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
            let before = std::mem::replace(
                &mut self.host,
                host::inventory(root, cores, &self.options.tags),
            );
            // What the glacial tier found stands until it is due again.
            for (fact, text) in before.facts() {
                if fact.describe().tier == Tier::Glacial {
                    self.host.set(fact, text.clone());
                }
            }
            if !withheld.has(Group::Sandbox) {
                let landlock = self.options.landlock;
                sandbox::collect(root, landlock, buffer, report, &mut self.host);
            }
        }
        if !due.has(Tier::Daily) && !due.has(Tier::Glacial) {
            return;
        }
        if due.has(Tier::Glacial) {
            clock::collect(root, report);
            if !withheld.has(Group::Updates) {
                upkeep::collect_updates(root, report);
            }
            if !withheld.has(Group::Services) {
                self.host.forget(Fact::FailedUnits);
                self.host.forget(Fact::SystemState);
                units::collect(root, &self.options.services, report, &mut self.host);
            }
        }
        report.set_host(self.host.clone());
    }
}
