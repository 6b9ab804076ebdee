//! What people have to look after: updates, a reboot. Nothing is asked or run: the distribution wrote it
//! down already, or it is not known.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use server_scout_wire::{Metric, Report};

use super::root::{Root, text};

/// Adds pending updates and whether a reboot is due.
pub fn collect_updates(root: &Root, report: &mut Report) {
    let written = text(&root.path("var/lib/update-notifier/updates-available"));
    if let Some(updates) = written.as_deref().and_then(parse_updates) {
        report.push(Metric::UpdatesPending, None, updates.pending as f64);
        report.push(Metric::UpdatesSecurity, None, updates.security as f64);
    }
    if let Some(required) = reboot_required(root) {
        let required = f64::from(u8::from(required));
        report.push(Metric::RebootRequired, None, required);
    }
}

/// Updates that wait.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Updates {
    /// All of them.
    pub pending: u64,
    /// Of these, the ones that mend a weakness.
    pub security: u64,
}

/// Reads what the distribution wrote for people who log in: `12 updates can be applied immediately.`
/// and `3 of these updates are standard security updates.` None when no line begins with a number.
#[must_use]
pub fn parse_updates(text: &str) -> Option<Updates> {
    let mut counts = text.lines().filter_map(|line| {
        let number: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
        Some((number, line))
    });
    let (pending, _) = counts.next()?;
    // Offers to those who subscribe to more may follow; they are no updates that wait here.
    let security = counts.find(|(_, line)| line.contains("security"));
    let security = security.map_or(0, |(number, _)| number);
    Some(Updates {
        pending,
        security: if security <= pending { security } else { 0 },
    })
}

/// Whether the host runs something older than what is installed; none when nothing tells.
fn reboot_required(root: &Root) -> Option<bool> {
    if root.path("run/reboot-required").exists() {
        return Some(true);
    }
    if let Some(required) = generation_changed(root) {
        return Some(required);
    }
    let running = text(&root.path("proc/sys/kernel/osrelease"))?;
    let installed = installed_kernels(root);
    // Elsewhere, for example in a container, the kernel is not the host's to install.
    let known = installed.contains(&running);
    known.then(|| installed.iter().any(|kernel| is_newer(kernel, &running)))
}

/// NixOS keeps links to what was started and to what is installed.
fn generation_changed(root: &Root) -> Option<bool> {
    let kernel = |system: &str| fs::read_link(root.path("run").join(system).join("kernel")).ok();
    Some(kernel("booted-system")? != kernel("current-system")?)
}

/// Releases of the kernels in `/boot` and `/lib/modules`, of which the sandbox may hide one.
fn installed_kernels(root: &Root) -> Vec<String> {
    let names = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.take(MAX_KERNELS).collect::<Vec<_>>()
    };
    let mut kernels = names(&root.path("lib/modules"));
    let images = names(&root.path("boot"));
    kernels.extend(images.iter().filter_map(|image| {
        let release = image
            .strip_prefix("vmlinuz-")
            .or_else(|| image.strip_prefix("vmlinux-"))?;
        Some(release.to_owned())
    }));
    kernels
}

/// Whether `kernel` is a later release than `running` of the same flavour: the same letters, and
/// greater numbers.
#[must_use]
pub fn is_newer(kernel: &str, running: &str) -> bool {
    let letters =
        |release: &str| -> String { release.chars().filter(char::is_ascii_alphabetic).collect() };
    letters(kernel) == letters(running) && compare(kernel, running) == Ordering::Greater
}

fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |release: &str| -> Vec<u64> {
        let runs = release.split(|c: char| !c.is_ascii_digit());
        runs.filter_map(|run| run.parse().ok()).collect()
    };
    numbers(a).cmp(&numbers(b))
}

/// Entries of one directory that are looked at.
const MAX_KERNELS: usize = 64;
