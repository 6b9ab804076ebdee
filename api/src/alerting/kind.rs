//! Kinds of alert rules: what people choose first, and what follows from it.

use server_scout_wire::{Label, Metric};

use super::measure::Measure;
use super::rule::{Comparison, Labels};

/// A kind of alert rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A metric beyond a threshold.
    Threshold,
    /// No report for so many seconds.
    Offline,
    /// The host started again.
    Rebooted,
    /// systemd units failed.
    ServiceFailed,
    /// A chosen unit is not active.
    ServiceNotRunning,
    /// A file system is full within so many hours, at the rate of the last day.
    DiskFull,
    /// A file system cannot be written.
    MountReadOnly,
    /// The clock is not set by others.
    ClockNotSynchronised,
    /// The agent lacks its sandbox.
    AgentUnprotected,
    /// The agent is older than the dashboard.
    AgentOld,
    /// An agent key was not used for so many days.
    KeyUnused,
}

/// What a kind looks at.
#[derive(Clone, Debug)]
pub struct Form {
    /// The measure; none where people choose a metric.
    pub measure: Option<Measure>,
    /// In which direction; none where people choose.
    pub comparison: Option<Comparison>,
    /// What is breached where it is either so or not; people choose a severity alone then.
    pub flag: Option<f64>,
    /// The only value that is looked at; none where people may choose.
    pub label: Option<&'static str>,
    /// Whether a sustain time makes sense.
    pub sustains: bool,
}

impl Kind {
    /// Every kind, in the order in which people choose.
    pub const ALL: [Self; 11] = [
        Self::Threshold,
        Self::Offline,
        Self::Rebooted,
        Self::ServiceFailed,
        Self::ServiceNotRunning,
        Self::DiskFull,
        Self::MountReadOnly,
        Self::ClockNotSynchronised,
        Self::AgentUnprotected,
        Self::AgentOld,
        Self::KeyUnused,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AgentOld => "agent-old",
            Self::AgentUnprotected => "agent-unprotected",
            Self::ClockNotSynchronised => "clock-not-synchronised",
            Self::DiskFull => "disk-full",
            Self::KeyUnused => "key-unused",
            Self::MountReadOnly => "mount-read-only",
            Self::Offline => "offline",
            Self::Rebooted => "rebooted",
            Self::ServiceFailed => "service-failed",
            Self::ServiceNotRunning => "service-not-running",
            Self::Threshold => "threshold",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What it looks at.
    #[must_use]
    pub fn form(self) -> Form {
        let of = |measure, comparison, flag| Form {
            measure: Some(measure),
            comparison: Some(comparison),
            flag,
            label: None,
            sustains: false,
        };
        let above = |measure| of(measure, Comparison::Above, Some(0.0));
        let below = |metric| Form {
            sustains: true,
            ..of(Measure::Metric(metric), Comparison::Below, Some(1.0))
        };
        match self {
            Self::Threshold => Form {
                measure: None,
                comparison: None,
                flag: None,
                label: None,
                sustains: true,
            },
            Self::Offline => of(Measure::Silence, Comparison::Above, None),
            Self::Rebooted => above(Measure::Restarted),
            Self::ServiceFailed => Form {
                label: Some("failed"),
                sustains: true,
                ..above(Measure::Metric(Metric::Units))
            },
            Self::ServiceNotRunning => below(Metric::ServiceActive),
            Self::DiskFull => of(Measure::HoursUntilFull, Comparison::Below, None),
            Self::MountReadOnly => Form {
                sustains: true,
                ..above(Measure::Metric(Metric::MountReadOnly))
            },
            Self::ClockNotSynchronised => below(Metric::ClockSynchronised),
            Self::AgentUnprotected => below(Metric::AgentConfined),
            Self::AgentOld => above(Measure::AgentOld),
            Self::KeyUnused => of(Measure::KeyUnusedDays, Comparison::Above, None),
        }
    }

    /// The labels that it looks at, where people have no choice.
    #[must_use]
    pub fn labels(self) -> Option<Labels> {
        let label = Label::new(self.form().label?).ok()?;
        Some(Labels::One(label))
    }
}
