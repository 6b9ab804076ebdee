//! Alert rules: what is looked at where, and when that is worth an incident.

use std::time::Duration;

use server_scout_wire::{Label, Tag};

use super::measure::Measure;
use crate::id::{AlertRule, Group, Id, Server};

/// How much an incident matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Somebody should look at it soon.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

/// Which servers a rule or a maintenance window is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Reach {
    /// All of the organisation.
    Organisation,
    /// Those in a group.
    Group(Id<Group>),
    /// Those with a tag.
    Tag(Tag),
    /// One.
    Server(Id<Server>),
}

/// Which values of a measure with labels are looked at.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Labels {
    /// Each for itself.
    Any,
    /// The one with this label.
    One(Label),
    /// Each whose label fits: `*` stands for any text, `?` for one character.
    Pattern(Pattern),
}

/// A pattern of labels, 1 to 128 bytes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pattern(Label);

/// On which side of a threshold a value breaches it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Comparison {
    /// When it is larger.
    Above,
    /// When it is smaller.
    Below,
}

/// When a measure is worth an incident. At least one threshold is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// What is compared.
    pub measure: Measure,
    /// Which of its values.
    pub labels: Labels,
    /// How it is compared.
    pub comparison: Comparison,
    /// From where on it is a warning.
    pub warning: Option<f64>,
    /// From where on it is critical.
    pub critical: Option<f64>,
    /// From where on it is good again; the first threshold unless said otherwise.
    pub recovery: Option<f64>,
    /// For how long it must breach, and be good before an incident ends. At most a day.
    pub sustain: Duration,
    /// Percent of the samples of that time that must breach, 1 to 100.
    pub share: u8,
    /// For how long after an incident's end none is opened again. At most a day.
    pub cooldown: Duration,
    /// How often people are reminded of an incident; never without.
    pub remind_every: Option<Duration>,
    /// How often at most.
    pub remind_limit: u32,
}

/// A rule as the engine works with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: Id<AlertRule>,
    /// For which servers.
    pub reach: Reach,
    /// When it is worth an incident.
    pub terms: Terms,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }

    /// The severity of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Warning, Self::Critical]
            .into_iter()
            .find(|one| one.as_str() == word)
    }
}

impl Comparison {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }

    /// The comparison of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Above, Self::Below]
            .into_iter()
            .find(|one| one.as_str() == word)
    }

    fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::Below => value < threshold,
        }
    }
}

impl Reach {
    /// How narrow it is; what is narrower replaces what is wider.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::Organisation => 0,
            Self::Group(_) | Self::Tag(_) => 1,
            Self::Server(_) => 2,
        }
    }
}

impl Labels {
    /// Whether a value with this label is looked at.
    #[must_use]
    pub fn fit(&self, label: Option<&Label>) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => label == Some(one),
            Self::Pattern(pattern) => label.is_some_and(|label| pattern.fits(label)),
        }
    }

    /// How narrow the choice is.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::Any => 0,
            Self::Pattern(_) => 1,
            Self::One(_) => 2,
        }
    }
}

impl Pattern {
    /// A pattern of that text.
    #[must_use]
    pub fn new(text: Label) -> Self {
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a label fits. Time is bounded by the product of both lengths.
    #[must_use]
    pub fn fits(&self, label: &Label) -> bool {
        let (mut pattern, mut text) = (self.as_str().chars(), label.as_str().chars());
        // Where to go on when the last star takes one character more.
        let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        loop {
            let before = pattern.clone();
            match (pattern.next(), text.clone().next()) {
                (Some('*'), _) => star = Some((pattern.clone(), text.clone())),
                (None, None) => return true,
                (Some(wanted), Some(there)) if wanted == '?' || wanted == there => {
                    text.next();
                }
                (_, there) => {
                    let Some((after, rest)) = &mut star else {
                        return false;
                    };
                    if there.is_none() && before.as_str().is_empty() {
                        return true;
                    }
                    if rest.next().is_none() {
                        return false;
                    }
                    pattern = after.clone();
                    text = rest.clone();
                }
            }
        }
    }
}

impl Terms {
    /// Whether a value breaches the threshold of a severity.
    #[must_use]
    pub fn breaches(&self, severity: Severity, value: f64) -> bool {
        let threshold = self.threshold(severity);
        threshold.is_some_and(|threshold| self.comparison.breaches(value, threshold))
    }

    /// Whether a value is good enough for an incident to end.
    #[must_use]
    pub fn is_good(&self, value: f64) -> bool {
        let recovery = self.recovery.or(self.warning).or(self.critical);
        recovery.is_some_and(|recovery| !self.comparison.breaches(value, recovery))
    }

    /// The threshold of a severity.
    #[must_use]
    pub fn threshold(&self, severity: Severity) -> Option<f64> {
        match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
        }
    }

    /// For how long it must be good before an incident ends: twice as long each time that it came back
    /// within an hour.
    #[must_use]
    pub fn recovers_after(&self, flaps: u8) -> Duration {
        if flaps == 0 {
            return self.sustain;
        }
        let base = self.sustain.max(FLAP_BASE);
        let longer = base.saturating_mul(1 << flaps.min(MAX_FLAPS));
        longer.min(base.max(FLAP_CEILING))
    }

    /// Of two values the one that is further beyond.
    #[must_use]
    pub fn worse(&self, one: f64, other: f64) -> f64 {
        match self.comparison {
            Comparison::Above => one.max(other),
            Comparison::Below => one.min(other),
        }
    }
}

impl Rule {
    /// How narrow it is: its reach first, then its labels.
    #[must_use]
    pub fn rank(&self) -> (u8, u8) {
        (self.reach.rank(), self.terms.labels.rank())
    }

    /// Whether it may replace another one: they compare the same measure in the same direction.
    #[must_use]
    pub fn is_about(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.terms, &other.terms);
        ours.measure == theirs.measure && ours.comparison == theirs.comparison
    }
}

/// What came back within so long after its end flaps.
pub(super) const FLAP_WITHIN: Duration = Duration::from_hours(1);
const FLAP_BASE: Duration = Duration::from_mins(1);
const FLAP_CEILING: Duration = Duration::from_hours(1);
/// Doublings that are counted.
pub(super) const MAX_FLAPS: u8 = 10;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    #[test]
    fn a_pattern_knows_stars_and_question_marks_and_nothing_else() {
        for (pattern, text, fits) in [
            ("*", "/", true),
            ("/srv/*", "/srv/a/b", true),
            ("/srv/*", "/srv", false),
            ("eth?", "eth0", true),
            ("eth?", "eth", false),
            ("eth?", "eth10", false),
            ("*a*b", "xaxxbxb", true),
            ("*a*b", "xaxxbx", false),
            ("a**", "a", true),
            ("a", "ab", false),
            ("[ab]", "a", false),
            ("é?", "éé", true),
            (".*", "eth0", false),
        ] {
            let ours = Pattern::new(label(pattern)).fits(&label(text));
            assert_eq!(ours, fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_answered_at_once() {
        let pattern = Pattern::new(label(&"*a".repeat(60)));
        assert!(!pattern.fits(&label(&format!("{}b", "a".repeat(120)))));
    }

    #[test]
    fn what_flaps_must_be_good_for_longer_each_time_but_not_for_ever() {
        let terms = |sustain| Terms {
            measure: Measure::Silence,
            labels: Labels::Any,
            comparison: Comparison::Above,
            warning: None,
            critical: Some(60.0),
            recovery: None,
            sustain: Duration::from_secs(sustain),
            share: 100,
            cooldown: Duration::ZERO,
            remind_every: None,
            remind_limit: 0,
        };
        let seconds = |sustain, flaps| terms(sustain).recovers_after(flaps).as_secs();
        assert_eq!(seconds(0, 0), 0);
        assert_eq!(seconds(0, 1), 120);
        assert_eq!(seconds(120, 1), 240);
        assert_eq!(seconds(120, 255), 3600);
        assert_eq!(seconds(86_400, 3), 86_400);
    }
}
