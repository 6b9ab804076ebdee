//! Temperatures and fans.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use server_scout_wire::{Label, Metric, Report};

use super::proc_file::ProcFile;
use super::root::{Root, text};
use super::text::{fields, signed};
use super::{MAX_FANS, MAX_SENSORS};

/// Reads the hardware monitors of `/sys/class/hwmon`, or the thermal zones where there is none.
pub struct Sensors {
    root: Root,
    found: Vec<Sensor>,
}

/// One file with one value. It is opened for each reading: a driver can go and come back under the
/// same name, and a host can have more sensors than the agent may have open files.
struct Sensor {
    input: PathBuf,
    metric: Metric,
    label: Label,
}

impl Sensors {
    /// Looks for them.
    #[must_use]
    pub fn new(root: &Root) -> Self {
        let mut sensors = Self {
            root: root.clone(),
            found: Vec::new(),
        };
        sensors.look();
        sensors
    }

    /// Looks anew: drives are plugged in and drivers loaded.
    pub fn look(&mut self) {
        self.found = monitors(&self.root);
        if !self.found.iter().any(Sensor::is_temperature) {
            self.found.extend(zones(&self.root));
        }
        self.found
            .sort_by(|a, b| (a.metric, &a.label).cmp(&(b.metric, &b.label)));
        self.found
            .dedup_by(|a, b| (a.metric, &a.label) == (b.metric, &b.label));
    }

    /// Adds what can be read now: a disk that sleeps does not answer.
    pub fn collect(&self, buffer: &mut Vec<u8>, report: &mut Report) {
        let (temperatures, fans) = self
            .found
            .split_at(self.found.partition_point(Sensor::is_temperature));
        let temperatures = temperatures.iter().take(MAX_SENSORS);
        for sensor in temperatures.chain(fans.iter().take(MAX_FANS)) {
            if let Some(value) = sensor.read(buffer) {
                report.push(sensor.metric, Some(sensor.label.clone()), value);
            }
        }
    }
}

impl Sensor {
    fn is_temperature(&self) -> bool {
        self.metric == Metric::TemperatureCelsius
    }

    fn read(&self, buffer: &mut Vec<u8>) -> Option<f64> {
        let file = ProcFile::open(&self.input).ok()?;
        let number = signed(fields(file.read_start(buffer).ok()?).next()?)? as f64;
        if !self.is_temperature() {
            return Some(number);
        }
        // Thousandths of a degree. What nothing alive or running can have is a sensor without a probe.
        let degrees = number / 1000.0;
        (-60.0..=200.0).contains(&degrees).then_some(degrees)
    }
}

/// The inputs of every hardware monitor.
fn monitors(root: &Root) -> Vec<Sensor> {
    let mut found = Vec::new();
    for monitor in directories(&root.path("sys/class/hwmon")) {
        let Some(chip) = text(&monitor.join("name")) else {
            continue;
        };
        // Two drives of a kind have chips of one name: the device tells them apart.
        let device = fs::read_link(monitor.join("device")).ok();
        let device = device
            .as_deref()
            .and_then(Path::file_name)
            .and_then(OsStr::to_str);
        for input in files(&monitor) {
            let Some((metric, name)) = input_of(&input) else {
                continue;
            };
            let label =
                text(&monitor.join(format!("{name}_label"))).filter(|label| !label.is_empty());
            let what = label.as_deref().unwrap_or(name);
            let label = match device {
                Some(device) => format!("{chip} {device} {what}"),
                None => format!("{chip} {what}"),
            };
            found.push(Sensor {
                metric,
                label: Label::escaped(&label).0,
                input,
            });
        }
    }
    found
}

/// The thermal zones, which boards without a hardware monitor have.
fn zones(root: &Root) -> Vec<Sensor> {
    let zones = directories(&root.path("sys/class/thermal"));
    let zones = zones.into_iter().filter_map(|zone| {
        let name = zone.file_name()?.to_str()?.strip_prefix("thermal_zone")?;
        let kind = text(&zone.join("type"))?;
        Some(Sensor {
            metric: Metric::TemperatureCelsius,
            label: Label::escaped(&format!("{kind} zone{name}")).0,
            input: zone.join("temp"),
        })
    });
    zones.collect()
}

/// What a file of a monitor holds: `temp1_input` is the temperature `temp1`.
fn input_of(path: &Path) -> Option<(Metric, &str)> {
    let name = path.file_name()?.to_str()?.strip_suffix("_input")?;
    let numbered = |kind: &str| {
        let number = name.strip_prefix(kind)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(())
    };
    if numbered("temp").is_some() {
        return Some((Metric::TemperatureCelsius, name));
    }
    numbered("fan").map(|()| (Metric::FanRpm, name))
}

fn directories(path: &Path) -> Vec<PathBuf> {
    entries(path, Path::is_dir)
}

fn files(path: &Path) -> Vec<PathBuf> {
    entries(path, |path| input_of(path).is_some())
}

/// The entries of a directory that are wanted, by name, at most as many as can be reported.
fn entries(path: &Path, is_wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut wanted: Vec<PathBuf> = paths.filter(|path| is_wanted(path)).collect();
    wanted.sort();
    wanted.truncate(MAX_LOOKED_AT);
    wanted
}

/// Entries of one directory that are looked at.
const MAX_LOOKED_AT: usize = 128;
