//! What the host is.

use server_scout_wire::{Host, Label, Tags};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// The inventory, with the tags of the configuration. What cannot be found out is left out.
#[must_use]
pub fn inventory(tags: &Tags) -> Host {
    // The list of CPUs is dropped at once: on a large host it is not small.
    let cpus =
        System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing())).ok();
    let cpus = cpus.as_ref().map(System::cpus).unwrap_or_default();
    Host {
        agent_version: label(Ok(env!("CARGO_PKG_VERSION").to_owned())),
        architecture: label(Ok(System::cpu_arch())),
        cores: u32::try_from(cpus.len())
            .ok()
            .filter(|cores| (1..=65_536).contains(cores)),
        cpu_model: cpus
            .first()
            .and_then(|cpu| label(Ok(cpu.brand().to_owned()))),
        hostname: label(System::host_name()),
        kernel: label(System::kernel_version()),
        operating_system: label(operating_system()),
        tags: tags.clone(),
    }
}

fn operating_system() -> Result<String, sysinfo::Error> {
    let name = System::name()?;
    // A rolling distribution has no version.
    Ok(match System::os_version() {
        Ok(version) => format!("{name} {version}"),
        Err(_) => name,
    })
}

fn label(text: Result<String, sysinfo::Error>) -> Option<Label> {
    let text = text.ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| Label::escaped(text).0)
}
