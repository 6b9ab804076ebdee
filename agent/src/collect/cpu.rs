//! What the CPUs did since the last reading.

use server_scout_wire::{Metric, Report};

use super::CollectError;
use super::proc_file::ProcFile;
use super::text::{fields, lines, number};

/// Reads `/proc/stat` and remembers the last reading.
pub struct Cpu {
    file: ProcFile,
    last: Times,
    shares: Option<Shares>,
}

impl Cpu {
    /// Opens the file and takes a first reading.
    pub fn new(buffer: &mut Vec<u8>) -> Result<Self, CollectError> {
        let file = ProcFile::open(PATH).map_err(|why| CollectError::new(PATH, why))?;
        let last = read(&file, buffer)?;
        Ok(Self {
            file,
            last,
            shares: None,
        })
    }

    /// Adds the shares since the last reading.
    pub fn collect(
        &mut self,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) -> Result<(), CollectError> {
        let now = read(&self.file, buffer)?;
        // Two readings within one tick of the kernel's clock say nothing: the last shares stand.
        if let Some(shares) = Shares::between(&self.last, &now) {
            self.last = now;
            self.shares = Some(shares);
        }
        let shares = self.shares.unwrap_or_default();
        report.push(Metric::CpuUsage, None, shares.busy);
        for (metric, value) in STATES.into_iter().zip(shares.states) {
            if let Some(metric) = metric {
                report.push(metric, None, value);
            }
        }
        Ok(())
    }
}

/// Ticks in each state since the host started, in the kernel's order: user, nice, system, idle,
/// iowait, irq, softirq, steal. Time in guests is part of user and nice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Times(pub [u64; 8]);

/// Reads the first line of `/proc/stat`, which sums up all CPUs. Old kernels lack the last states.
#[must_use]
pub fn parse(stat: &[u8]) -> Option<Times> {
    let mut fields = fields(lines(stat).next()?);
    if fields.next()? != b"cpu" {
        return None;
    }
    let mut times = Times::default();
    let mut read = 0;
    for (time, field) in times.0.iter_mut().zip(fields) {
        *time = number(field)?;
        read += 1;
    }
    (read >= 4).then_some(times)
}

/// Percent of all CPU time between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// Neither idle nor waiting for a disk.
    pub busy: f64,
    /// Each state, in the order of [`Times`].
    pub states: [f64; 8],
}

impl Shares {
    /// The shares between two readings; none when no time has passed.
    #[must_use]
    pub fn between(before: &Times, after: &Times) -> Option<Self> {
        let mut spent = [0_u64; 8];
        for ((spent, before), after) in spent.iter_mut().zip(before.0).zip(after.0) {
            // Some kernels let the iowait counter step back.
            *spent = after.saturating_sub(before);
        }
        let total = spent
            .iter()
            .fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
        if total == 0 {
            return None;
        }
        let states = spent.map(|ticks| 100.0 * ticks as f64 / total as f64);
        let [.., idle, iowait, _, _, _] = states;
        Some(Self {
            busy: (100.0 - idle - iowait).max(0.0),
            states,
        })
    }
}

fn read(file: &ProcFile, buffer: &mut Vec<u8>) -> Result<Times, CollectError> {
    let text = file
        .read_start(buffer)
        .map_err(|why| CollectError::new(PATH, why))?;
    parse(text).ok_or_else(|| CollectError::senseless(PATH))
}

const PATH: &str = "/proc/stat";

/// The metric of each state; idle is what the others leave.
const STATES: [Option<Metric>; 8] = [
    Some(Metric::CpuUser),
    Some(Metric::CpuNice),
    Some(Metric::CpuSystem),
    None,
    Some(Metric::CpuIowait),
    Some(Metric::CpuIrq),
    Some(Metric::CpuSoftirq),
    Some(Metric::CpuSteal),
];
