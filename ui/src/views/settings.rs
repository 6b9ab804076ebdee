//! The settings of an organisation, and what guards them.

use serde::Serialize;

use super::Frame;

/// A section of the settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Section {
    /// The organisation itself.
    Organisation,
    /// Its people.
    People,
    /// Groups of servers.
    Groups,
    /// Access tokens.
    Tokens,
    /// Whether a second factor is required.
    SecondFactor,
    /// How long metrics are kept.
    Retention,
    /// The audit log.
    Audit,
    /// Export and deletion.
    Data,
}

impl Section {
    /// Every section, in the order of the navigation.
    pub const ALL: [Self; 8] = [
        Self::Organisation,
        Self::People,
        Self::Groups,
        Self::Tokens,
        Self::SecondFactor,
        Self::Retention,
        Self::Audit,
        Self::Data,
    ];

    /// Its name, and its word in paths.
    #[must_use]
    pub fn words(self) -> [&'static str; 2] {
        [self.name(), self.slug()]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Organisation => "Organisation",
            Self::People => "People",
            Self::Groups => "Groups",
            Self::Tokens => "Access tokens",
            Self::SecondFactor => "Second factor",
            Self::Retention => "Retention",
            Self::Audit => "Audit log",
            Self::Data => "Data",
        }
    }

    fn slug(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::People => "people",
            Self::Groups => "groups",
            Self::Tokens => "tokens",
            Self::SecondFactor => "second-factor",
            Self::Retention => "retention",
            Self::Audit => "audit",
            Self::Data => "data",
        }
    }
}

/// The navigation between the sections of the settings.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    sections: Vec<Link>,
}

#[derive(Clone, Debug, Serialize)]
struct Link {
    name: &'static str,
    slug: &'static str,
    current: bool,
}

impl Settings {
    /// The navigation as `current` shows it to somebody who administers, or does not.
    #[must_use]
    pub fn at(current: Section, administers: bool) -> Self {
        let link = |section: Section| Link {
            name: section.name(),
            slug: section.slug(),
            current: section == current,
        };
        let shown = Section::ALL.into_iter();
        let shown = shown.filter(|section| administers || *section != Section::People);
        Self {
            sections: shown.map(link).collect(),
        }
    }
}

/// Proving again who one is, before a weighty change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConfirmView {
    /// What every page shows.
    pub frame: Frame,
    /// Where to go afterwards, a path of the dashboard.
    pub next: String,
    /// Whether a code by time can prove it.
    pub totp: bool,
    /// Whether a passkey can.
    pub passkeys: bool,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// How long metrics are kept.
#[derive(Clone, Debug, Serialize)]
pub struct RetentionView {
    /// What every page shows.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// What is kept, the finest first.
    pub rows: Vec<RetentionRow>,
    /// About how much that comes to.
    pub size: String,
    /// How many series there are.
    pub series: String,
    /// Whether who looks may change it.
    pub may_change: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why it was not changed.
    pub error: Option<String>,
}

/// How long one thing is kept.
#[derive(Clone, Debug, Serialize)]
pub struct RetentionRow {
    /// The field's name in the form.
    pub name: String,
    /// What is kept.
    pub words: String,
    /// For how many hours.
    pub hours: String,
    /// The same for people.
    pub days: String,
    /// About how much that comes to.
    pub size: String,
    /// How much each day of it is; none before a day is known.
    pub size_a_day: Option<String>,
    /// The same in bytes, for the script that adds up.
    pub bytes_a_day: String,
    /// For how many hours at most.
    pub most: String,
    /// The same for people.
    pub most_days: String,
}

/// The audit log.
#[derive(Clone, Debug, Serialize)]
pub struct AuditView {
    /// What every page shows.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The events, newest first.
    pub events: Vec<AuditRow>,
    /// Which events are asked for.
    pub filter: AuditFilter,
    /// Whether everybody's events are shown, and not the own ones alone.
    pub everybody: bool,
    /// The number to go on before, when there are more.
    pub next_before: Option<String>,
    /// Why the filter cannot be used.
    pub error: Option<String>,
}

/// Which audit events are asked for, as it was typed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditFilter {
    /// The action, or its first word.
    pub action: String,
    /// The first day, `2026-01-31`.
    pub from: String,
    /// The last day.
    pub to: String,
}

/// One audit event.
#[derive(Clone, Debug, Serialize)]
pub struct AuditRow {
    /// Its place in the chain.
    pub number: String,
    /// When, RFC 3339.
    pub at: String,
    /// When, as people read it: UTC, to the second.
    pub when: String,
    /// By whom.
    pub actor: String,
    /// What was done, `server.added`.
    pub action: String,
    /// To what.
    pub object: String,
    /// What else there is to know.
    pub detail: String,
    /// From where, and with what.
    pub origin: String,
}

/// Export and deletion of an organisation.
#[derive(Clone, Debug, Serialize)]
pub struct DataView {
    /// What every page shows.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// Whether who looks is an owner.
    pub may_own: bool,
    /// Why the deletion was refused.
    pub error: Option<String>,
}
