//! What a rule looks at: a metric of the catalogue, or what follows from several.

use std::time::Duration;

use server_scout_wire::{Kind, LabelName, Metric, Tier};

/// What a rule compares with its thresholds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Measure {
    /// A metric; of a counter its growth per second.
    Metric(Metric),
    /// Space in use of each file system, in percent of what an ordinary user can fill.
    MountUsage,
    /// Hours until a file system is full at its present rate.
    HoursUntilFull,
    /// Seconds since the last report arrived.
    Silence,
    /// 1 from a start of the host on until it has been up for ten minutes.
    Restarted,
    /// 1 when the agent is older than the dashboard.
    AgentOld,
    /// Days since an agent key was last used.
    KeyUnusedDays,
}

impl Measure {
    /// Every measure that is no metric.
    const DERIVED: [Self; 6] = [
        Self::MountUsage,
        Self::HoursUntilFull,
        Self::Silence,
        Self::Restarted,
        Self::AgentOld,
        Self::KeyUnusedDays,
    ];
    /// How many measures there are.
    pub const COUNT: usize = Metric::ALL.len() + Self::DERIVED.len();

    /// Its word in the API: the metric's name, or one of its own.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metric(metric) => metric.name(),
            Self::MountUsage => "mount_usage",
            Self::HoursUntilFull => "hours_until_full",
            Self::Silence => "silence_seconds",
            Self::Restarted => "restarted",
            Self::AgentOld => "agent_old",
            Self::KeyUnusedDays => "key_unused_days",
        }
    }

    /// The measure of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let derived = Self::DERIVED.into_iter().find(|one| one.as_str() == word);
        derived.or_else(|| Metric::from_name(word).map(Self::Metric))
    }

    /// The unit of its values: `percent`, `bytes`, `hours` and so on.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Metric(metric) => metric.shown_unit(),
            Self::MountUsage => "percent",
            Self::HoursUntilFull => "hours",
            Self::Silence => "seconds",
            Self::Restarted | Self::AgentOld => "count",
            Self::KeyUnusedDays => "days",
        }
    }

    /// What tells its values of one server apart.
    #[must_use]
    pub fn label(self) -> Option<&'static str> {
        match self {
            Self::Metric(metric) => metric.describe().label.map(LabelName::as_str),
            Self::MountUsage | Self::HoursUntilFull => Some(LabelName::Mount.as_str()),
            Self::KeyUnusedDays => Some("key"),
            Self::Silence | Self::Restarted | Self::AgentOld => None,
        }
    }

    /// The tier that it is read with; none where reports do not carry it.
    #[must_use]
    pub fn tier(self) -> Option<Tier> {
        match self {
            Self::Metric(metric) => Some(metric.describe().tier),
            Self::MountUsage => Some(Tier::Slow),
            Self::Restarted => Some(Tier::Medium),
            Self::HoursUntilFull | Self::Silence | Self::AgentOld | Self::KeyUnusedDays => None,
        }
    }

    /// Two values further apart say nothing of the time between.
    #[must_use]
    pub fn max_gap(self) -> Duration {
        match (self, self.tier()) {
            (_, Some(tier)) => tier.max_gap(),
            (Self::Silence, None) => Duration::MAX,
            (_, None) => CHECKED_EVERY * 3,
        }
    }

    /// Whether people look at its growth per second.
    #[must_use]
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Metric(metric) if metric.describe().kind == Kind::Counter)
    }

    /// Its place among all measures.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Metric(metric) => metric as usize,
            derived => {
                let place = Self::DERIVED.iter().position(|one| *one == derived);
                Metric::ALL.len() + place.unwrap_or_default()
            }
        }
    }
}

/// How often what reports do not carry is looked at.
pub const CHECKED_EVERY: Duration = Duration::from_mins(15);
