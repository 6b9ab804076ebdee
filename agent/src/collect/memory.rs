//! Memory and swap.

use server_scout_wire::{Metric, Report};
use sysinfo::{MemoryRefreshKind, System};

use super::CollectError;

/// Reads the memory's figures through sysinfo.
pub struct Memory(System);

impl Memory {
    /// Nothing is read yet.
    pub fn new() -> Result<Self, CollectError> {
        System::new().map(Self).map_err(|why| {
            CollectError::new(
                "the memory's figures",
                std::io::Error::other(why.to_string()),
            )
        })
    }

    /// Adds the memory in use; with `medium` also what it consists of, and swap.
    pub fn collect(&mut self, medium: bool, report: &mut Report) -> Result<(), CollectError> {
        let Self(system) = self;
        system.refresh_memory_specifics(if medium {
            MemoryRefreshKind::everything()
        } else {
            MemoryRefreshKind::nothing().with_ram()
        });
        let total = system.total_memory();
        if total == 0 {
            return Err(CollectError::senseless("/proc/meminfo"));
        }
        // On a host that balloons, what is available can pass what there is for a moment.
        let available = system.available_memory().min(total);
        let used = total - available;
        report.push(
            Metric::MemoryUsage,
            None,
            100.0 * used as f64 / total as f64,
        );
        report.push(Metric::MemoryUsedBytes, None, used as f64);
        if medium {
            report.push(Metric::MemoryTotalBytes, None, total as f64);
            report.push(Metric::MemoryAvailableBytes, None, available as f64);
            report.push(Metric::MemoryFreeBytes, None, system.free_memory() as f64);
            report.push(Metric::SwapTotalBytes, None, system.total_swap() as f64);
            report.push(Metric::SwapUsedBytes, None, system.used_swap() as f64);
        }
        Ok(())
    }
}
