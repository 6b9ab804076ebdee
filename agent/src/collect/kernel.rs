//! Load, uptime and the number of processes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use server_scout_wire::{Metric, Report};
use sysinfo::System;

/// What the kernel says of itself as a whole.
pub struct Kernel {
    /// Directories in `/proc` that are no process, with the two that every directory counts.
    other_links: Option<u64>,
}

impl Kernel {
    /// Nothing is read yet.
    #[must_use]
    pub fn new() -> Self {
        let mut kernel = Self { other_links: None };
        if let Err(why) = kernel.refresh_inventory() {
            tracing::warn!(%why, "/proc cannot be listed; the number of processes is left out");
        }
        kernel
    }

    /// Counts anew what in `/proc` is no process; it changes only when a module is loaded.
    pub fn refresh_inventory(&mut self) -> io::Result<()> {
        let mut links = 2;
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let is_process = entry
                .file_name()
                .as_encoded_bytes()
                .iter()
                .all(u8::is_ascii_digit);
            if !is_process && entry.file_type()?.is_dir() {
                links += 1;
            }
        }
        self.other_links = Some(links);
        Ok(())
    }

    /// Adds the load; with `medium` also its longer averages, uptime and processes.
    pub fn collect(&self, medium: bool, report: &mut Report) {
        let load = System::load_average().ok();
        if let Some(load) = &load {
            report.push(Metric::Load1, None, load.one);
        }
        if !medium {
            return;
        }
        if let Some(load) = load {
            report.push(Metric::Load5, None, load.five);
            report.push(Metric::Load15, None, load.fifteen);
        }
        if let Ok(uptime) = System::uptime() {
            report.push(Metric::UptimeSeconds, None, uptime as f64);
        }
        if let Some(processes) = self.processes() {
            report.push(Metric::Processes, None, processes as f64);
        }
    }

    /// The kernel counts each process as a link of `/proc`. This is one call instead of a walk over
    /// every process, and it is true also where the sandbox hides the processes of others.
    fn processes(&self) -> Option<u64> {
        let links = fs::metadata("/proc").ok()?.nlink();
        links.checked_sub(self.other_links?)
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}
