//! What the host is.

use server_scout_wire::{Fact, Host, Label, Tags};
use sysinfo::System;

use super::root::Root;
use super::surroundings;

/// The inventory of a host with so many logical CPUs, with the tags of the configuration. What
/// cannot be found out is left out.
#[must_use]
pub fn inventory(root: &Root, cores: usize, tags: &Tags) -> Host {
    let cores = u32::try_from(cores).ok();
    let mut host = Host {
        cores: cores.filter(|cores| (1..=65_536).contains(cores)),
        tags: tags.clone(),
        ..Host::default()
    };
    for (fact, text) in [
        (
            Fact::AgentVersion,
            Some(env!("CARGO_PKG_VERSION").to_owned()),
        ),
        (Fact::Architecture, Some(System::cpu_arch())),
        (Fact::CpuModel, surroundings::cpu_model(root)),
        (Fact::Hostname, System::host_name().ok()),
        (Fact::Kernel, System::kernel_version().ok()),
        (Fact::OperatingSystem, operating_system()),
        (Fact::TimeZone, surroundings::time_zone(root)),
        (Fact::Virtualisation, surroundings::virtualisation(root)),
    ] {
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        if !text.is_empty() {
            host.set(fact, Label::escaped(text).0);
        }
    }
    host
}

fn operating_system() -> Option<String> {
    let name = System::name().ok()?;
    // A rolling distribution has no version.
    Some(match System::os_version() {
        Ok(version) => format!("{name} {version}"),
        Err(_) => name,
    })
}
