//! What the CPUs did since the last reading.

use server_scout_wire::{Label, Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};
use super::{CollectError, MAX_CORES};

/// Reads `/proc/stat` and remembers the last reading.
pub struct Cpu {
    file: ProcFile,
    last: Stat,
    // Its room is used again with the next reading.
    next: Stat,
    shares: Shares,
    cores: Vec<Core>,
}

/// One core's share, kept for readings between which no time has passed.
struct Core {
    number: u64,
    label: Label,
    busy: f64,
}

impl Cpu {
    /// Opens the file and takes a first reading.
    pub fn new(root: &Root, buffer: &mut Vec<u8>) -> Result<Self, CollectError> {
        let file = root
            .open("proc/stat")
            .map_err(|why| CollectError::new(PATH, why))?;
        let mut last = Stat::default();
        read(&file, buffer, &mut last)?;
        Ok(Self {
            file,
            last,
            next: Stat::default(),
            shares: Shares::default(),
            cores: Vec::new(),
        })
    }

    /// Adds the shares since the last reading, and what else the file counts.
    pub fn collect(
        &mut self,
        buffer: &mut Vec<u8>,
        report: &mut Report,
    ) -> Result<(), CollectError> {
        read(&self.file, buffer, &mut self.next)?;
        self.push_counts(report);
        // Two readings within one tick of the kernel's clock say nothing: the last shares stand.
        if let Some(shares) = Shares::between(&self.last.total, &self.next.total) {
            self.shares = shares;
            self.reckon_cores();
            std::mem::swap(&mut self.last, &mut self.next);
        }
        self.push_shares(report);
        Ok(())
    }

    /// How many CPUs are switched on.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.last.cores.len()
    }

    fn push_counts(&self, report: &mut Report) {
        let counts = [
            (Metric::ContextSwitchesTotal, self.next.context_switches),
            (Metric::ProcessesRunning, self.next.running),
            (Metric::ProcessesBlocked, self.next.blocked),
        ];
        for (metric, count) in counts {
            if let Some(count) = count {
                report.push(metric, None, count as f64);
            }
        }
    }

    fn push_shares(&self, report: &mut Report) {
        report.push(Metric::CpuUsage, None, self.shares.busy);
        for (metric, value) in STATES.into_iter().zip(self.shares.states) {
            if let Some(metric) = metric {
                report.push(metric, None, value);
            }
        }
        for core in &self.cores {
            report.push(Metric::CpuCoreUsage, Some(core.label.clone()), core.busy);
        }
    }

    /// Cores come and go while the host runs: each is compared with itself.
    fn reckon_cores(&mut self) {
        let next = &self.next.cores;
        self.cores
            .retain(|core| next.iter().any(|(number, _)| *number == core.number));
        for (place, (number, after)) in next.iter().take(MAX_CORES).enumerate() {
            let at_place = self.last.cores.get(place).filter(|(of, _)| of == number);
            let before = at_place.or_else(|| self.last.cores.iter().find(|(of, _)| of == number));
            let shares = before.and_then(|(_, before)| Shares::between(before, after));
            let Some(Shares { busy, .. }) = shares else {
                continue;
            };
            match self.cores.iter_mut().find(|core| core.number == *number) {
                Some(core) => core.busy = busy,
                None => self.cores.push(Core {
                    number: *number,
                    label: Label::escaped(&number.to_string()).0,
                    busy,
                }),
            }
        }
    }
}

/// What one reading of `/proc/stat` says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stat {
    /// All CPUs together.
    pub total: Times,
    /// Each CPU that is switched on, by its number.
    pub cores: Vec<(u64, Times)>,
    /// Changes from one thread to another since the host started.
    pub context_switches: Option<u64>,
    /// Threads that run or could.
    pub running: Option<u64>,
    /// Threads that wait for a disk.
    pub blocked: Option<u64>,
}

impl Stat {
    /// Reads the file over what was there before; false when it does not begin with the sum of all
    /// CPUs. What else is missing or wrong is left out.
    pub fn read(&mut self, stat: &[u8]) -> bool {
        let mut lines = lines(stat);
        let Some(total) = lines.next().and_then(parse_total) else {
            return false;
        };
        self.total = total;
        self.cores.clear();
        (self.context_switches, self.running, self.blocked) = (None, None, None);
        for line in lines {
            let mut fields = fields(line);
            match fields.next() {
                Some(b"ctxt") => self.context_switches = fields.next().and_then(number),
                Some(b"procs_running") => self.running = fields.next().and_then(number),
                Some(b"procs_blocked") => self.blocked = fields.next().and_then(number),
                Some(name) => {
                    let core = name.strip_prefix(b"cpu").and_then(number);
                    if let (Some(core), Some(times)) = (core, parse_times(fields)) {
                        self.cores.push((core, times));
                    }
                }
                None => {}
            }
        }
        true
    }
}

/// Ticks in each state since the host started, in the kernel's order: user, nice, system, idle,
/// iowait, irq, softirq, steal. Time in guests is part of user and nice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Times(pub [u64; 8]);

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

/// The first line, which sums up all CPUs.
fn parse_total(line: &[u8]) -> Option<Times> {
    let mut fields = fields(line);
    (fields.next()? == b"cpu").then_some(())?;
    parse_times(fields)
}

/// Old kernels lack the last states.
fn parse_times<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<Times> {
    let mut times = Times::default();
    let mut read = 0;
    for (time, field) in times.0.iter_mut().zip(fields) {
        *time = number(field)?;
        read += 1;
    }
    (read >= 4).then_some(times)
}

fn read(file: &ProcFile, buffer: &mut Vec<u8>, stat: &mut Stat) -> Result<(), CollectError> {
    let text = file
        .read(buffer)
        .map_err(|why| CollectError::new(PATH, why))?;
    if stat.read(text) {
        Ok(())
    } else {
        Err(CollectError::senseless(PATH))
    }
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
