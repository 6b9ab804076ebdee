//! One report: what a server's agent saw at one moment.

mod read;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use read::split_batch;

use crate::limits::{MAX_LABELS, MAX_SAMPLES};
use crate::{Fact, Label, Metric, Refusal, Tags, Timestamp};

/// One value of one metric, with the label where the metric has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Which metric.
    pub metric: Metric,
    /// Which interface, device, mount and so on; present exactly when the metric has a label.
    pub label: Option<Label>,
    /// The value, finite, [`Metric::min`] to [`Metric::max`].
    pub value: f64,
}

/// What a host is, as opposed to how it does. Every text obeys the rules of a [`Label`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Host {
    /// The number of logical CPUs.
    pub cores: Option<u32>,
    /// The tags of the agent's configuration.
    pub tags: Tags,
    /// Everything else that is said of it.
    pub facts: BTreeMap<Fact, Label>,
}

impl Host {
    /// Says a fact, instead of what was said of it before, which is given back.
    pub fn set(&mut self, fact: Fact, text: Label) -> Option<Label> {
        self.facts.insert(fact, text)
    }

    /// Says nothing of a fact any more.
    pub fn forget(&mut self, fact: Fact) {
        self.facts.remove(&fact);
    }

    /// What is said of a fact.
    #[must_use]
    pub fn get(&self, fact: Fact) -> Option<&Label> {
        self.facts.get(&fact)
    }

    /// Every fact of which something is said, in the catalogue's order.
    pub fn facts(&self) -> impl Iterator<Item = (Fact, &Label)> {
        self.facts.iter().map(|(fact, text)| (*fact, text))
    }
}

/// Which start of an agent made a report, and its number since that start, from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Identity {
    /// Random for each start of the agent.
    pub boot: Boot,
    /// Grows by one with each report.
    pub seq: u64,
}

/// 64 random bits, 16 hexadecimal digits outside.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Boot(pub u64);

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Boot {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(boot) if hex => Ok(Self(boot)),
            _ => Err("expected 16 lower-case hexadecimal digits"),
        }
    }
}

/// One report. It can only be made through constructors that keep every bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    timestamp: Timestamp,
    identity: Option<Identity>,
    host: Option<Host>,
    samples: Vec<Sample>,
}

impl Report {
    /// A report without samples yet, for the agent to fill with [`Report::push`].
    #[must_use]
    pub fn new(timestamp: Timestamp, identity: Identity) -> Self {
        Self {
            timestamp,
            identity: Some(identity),
            host: None,
            samples: Vec::with_capacity(64),
        }
    }

    /// Reads one report from JSON and checks every bound.
    pub fn from_json(json: &[u8]) -> Result<Self, Refusal> {
        read::report(json)
    }

    /// Writes the report as JSON; the values of one metric stand together.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        write::report(self)
    }

    /// Adds a value, rounded and brought into the metric's range. Returns false, and adds nothing,
    /// when it is no finite number, the label does not fit the metric, the metric has that label
    /// already, or report or metric are full.
    pub fn push(&mut self, metric: Metric, label: Option<Label>, value: f64) -> bool {
        let fits = label.is_some() == metric.describe().label.is_some();
        if !value.is_finite() || !fits || self.samples.len() >= MAX_SAMPLES {
            return false;
        }
        let mut labels = 0;
        for sample in self.samples.iter().filter(|sample| sample.metric == metric) {
            labels += 1;
            if labels >= MAX_LABELS || sample.label == label {
                return false;
            }
        }
        let value = metric.round(value).clamp(metric.min(), metric.max());
        self.samples.push(Sample {
            metric,
            label,
            value,
        });
        true
    }

    /// Says what the host is.
    pub fn set_host(&mut self, host: Host) {
        self.host = Some(host);
    }

    /// When the values were read, by the host's clock.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Which report of which start of the agent this is, when the agent says so.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// What the host is, when the report says so.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The values.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The value of a metric that has no label.
    #[must_use]
    pub fn value(&self, metric: Metric) -> Option<f64> {
        self.samples
            .iter()
            .find(|sample| sample.metric == metric)
            .map(|sample| sample.value)
    }
}
