//! Load, uptime and the number of processes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use server_scout_wire::{Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, fraction};

/// What the kernel says of itself as a whole.
pub struct Kernel {
    load: ProcFile,
    uptime: ProcFile,
    proc: PathBuf,
    /// Directories in `/proc` that are no process, with the two that every directory counts.
    other_links: Option<u64>,
}

impl Kernel {
    /// Opens the files.
    pub fn new(root: &Root) -> io::Result<Self> {
        let mut kernel = Self {
            load: root.open("proc/loadavg")?,
            uptime: root.open("proc/uptime")?,
            proc: root.path("proc"),
            other_links: None,
        };
        kernel.count_other_links();
        Ok(kernel)
    }

    /// Counts anew what in `/proc` is no process; it changes only when a module is loaded.
    pub fn count_other_links(&mut self) {
        self.other_links = self
            .links()
            .inspect_err(|why| tracing::debug!(%why, "/proc could not be listed"))
            .ok();
    }

    fn links(&self) -> io::Result<u64> {
        let mut links = 2;
        for entry in fs::read_dir(&self.proc)? {
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
        Ok(links)
    }

    /// Adds load and processes; with `medium` also uptime.
    pub fn collect(
        &self,
        medium: bool,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) -> io::Result<()> {
        let load = loads(self.load.read_start(buffer)?).ok_or(io::ErrorKind::InvalidData)?;
        for (metric, load) in [Metric::Load1, Metric::Load5, Metric::Load15]
            .into_iter()
            .zip(load)
        {
            report.push(metric, None, load);
        }
        if let Some(processes) = self.processes() {
            report.push(Metric::Processes, None, processes as f64);
        }
        if medium {
            let uptime =
                uptime(self.uptime.read_start(buffer)?).ok_or(io::ErrorKind::InvalidData)?;
            report.push(Metric::UptimeSeconds, None, uptime.floor());
        }
        Ok(())
    }

    /// The kernel counts each process as a link of `/proc`. This is one call instead of a walk over
    /// every process, and it is true also where the sandbox hides the processes of others.
    fn processes(&self) -> Option<u64> {
        let links = fs::metadata(&self.proc).ok()?.nlink();
        links.checked_sub(self.other_links?)
    }
}

/// The loads over one, five and fifteen minutes.
#[must_use]
pub fn loads(text: &[u8]) -> Option<[f64; 3]> {
    let mut fields = fields(text).map(fraction);
    Some([fields.next()??, fields.next()??, fields.next()??])
}

/// Seconds since the host started.
#[must_use]
pub fn uptime(text: &[u8]) -> Option<f64> {
    fraction(fields(text).next()?)
}
