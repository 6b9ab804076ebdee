//! What the host runs on and in, and in which time zone.

use std::fs;

use super::root::{Root, text};

/// The model of the first CPU.
#[must_use]
pub fn cpu_model(root: &Root) -> Option<String> {
    let cpu = text(&root.path("proc/cpuinfo"))?;
    // Processors other than Intel's and AMD's have other words for it, or none.
    let (_, model) = cpu.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let name = name.trim();
        CPU_MODELS.contains(&name).then_some((name, value.trim()))
    })?;
    Some(model.to_owned())
}

/// The time zone, such as `Europe/Berlin`; `UTC` where none was chosen.
#[must_use]
pub fn time_zone(root: &Root) -> Option<String> {
    let Ok(target) = fs::read_link(root.path("etc/localtime")) else {
        // A copy instead of a link has no name; Debian keeps it beside.
        let copied = root.path("etc/localtime").exists();
        let named = text(&root.path("etc/timezone")).filter(|name| !name.is_empty());
        return named.or_else(|| (!copied).then(|| "UTC".to_owned()));
    };
    let target = target.to_str()?;
    let (_, zone) = target.split_once("zoneinfo/")?;
    Some(zone.to_owned())
}

/// What the host runs in: a container manager's name, else a hypervisor's, else `none`.
#[must_use]
pub fn virtualisation(root: &Root) -> Option<String> {
    container(root).or_else(|| machine(root))
}

/// Whether a container manager says that the host is one of its containers.
#[must_use]
pub fn is_in_container(root: &Root) -> bool {
    container(root).is_some()
}

fn container(root: &Root) -> Option<String> {
    // systemd writes it when it is started in a container.
    if let Some(manager) = text(&root.path("run/systemd/container")) {
        return Some(manager).filter(|manager| !manager.is_empty());
    }
    CONTAINER_MARKS
        .into_iter()
        .find(|(mark, _)| root.path(mark).exists())
        .map(|(_, manager)| manager.to_owned())
}

fn machine(root: &Root) -> Option<String> {
    let firmware = |name| text(&root.path("sys/class/dmi/id").join(name)).unwrap_or_default();
    let said = format!("{} {}", firmware("sys_vendor"), firmware("product_name"));
    if let Some((_, name)) = FIRMWARE.into_iter().find(|(mark, _)| said.contains(mark)) {
        return Some(name.to_owned());
    }
    if let Some(kind) = text(&root.path("sys/hypervisor/type")) {
        return Some(kind).filter(|kind| !kind.is_empty());
    }
    let cpu = text(&root.path("proc/cpuinfo"))?;
    let flags = cpu.lines().find(|line| line.starts_with("flags"))?;
    let in_machine = flags
        .split_ascii_whitespace()
        .any(|flag| flag == "hypervisor");
    Some(
        if in_machine {
            "virtual machine"
        } else {
            "none"
        }
        .to_owned(),
    )
}

const CPU_MODELS: [&str; 4] = ["model name", "Model Name", "cpu model", "uarch"];

const CONTAINER_MARKS: [(&str, &str); 2] =
    [(".dockerenv", "docker"), ("run/.containerenv", "podman")];

/// What firmware says of itself, and whose it is. The first that fits counts.
const FIRMWARE: [(&str, &str); 13] = [
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("Microsoft Corporation Virtual Machine", "hyper-v"),
    ("VMware", "vmware"),
    ("VirtualBox", "virtualbox"),
    ("innotek GmbH", "virtualbox"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Xen", "xen"),
    ("KVM", "kvm"),
    ("QEMU", "kvm"),
    ("OpenStack", "kvm"),
    ("Bochs", "kvm"),
];
