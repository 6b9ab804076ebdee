//! Every rule at every server: takes in what arrives, and says what follows from it.
//!
//! It knows no database. What follows is a [`Change`] that somebody stores and then settles: until it is
//! known to be stored, no other change follows for the same value. So what is stored never gets out of
//! step, whatever fails and however late it is.

mod clock;
mod configure;
mod persons;
mod readings;
mod table;
mod watched;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use server_scout_wire::{Label, Metric, Report, Tag, Tags, Timestamp};

use self::clock::Lags;
pub use self::configure::{Before, Configuration};
pub use self::persons::{Outcome, Standing};
use self::readings::Reading;
use self::table::Table;
use self::watched::Batch;
use super::bundle::{Bundles, Notice};
use super::instance::Instance;
use super::maintenance::Window;
use super::measure::Measure;
use super::rule::{Rule, Severity};
use crate::id::{AlertRule, Group, Id, Incident, Organisation, Server};

/// Every rule at every server.
#[derive(Debug, Default)]
pub struct Engine {
    tenants: HashMap<Id<Organisation>, Tenant>,
    servers: HashMap<Id<Server>, Watched>,
    bundles: Bundles,
    /// Silence before then says nothing: nobody listened.
    listens_since: Timestamp,
    ticked_at: Timestamp,
}

#[derive(Debug, Default)]
struct Tenant {
    rules: Vec<Arc<Rule>>,
    windows: Vec<Window>,
    tables: Vec<Arc<Table>>,
}

/// A server, as far as rules ask.
#[derive(Debug)]
struct Watched {
    organisation: Id<Organisation>,
    placement: Placement,
    table: Arc<Table>,
    muted: bool,
    /// The newest report's time; what is older changes nothing.
    newest: Option<Timestamp>,
    /// When the last report arrived.
    heard_at: Option<Timestamp>,
    /// The tags that its agent said last.
    agent_tags: Option<Tags>,
    lags: Lags,
    boot: Option<Boot>,
    /// The host has started again, and no incident tells of it yet.
    restarted: bool,
    /// The last readings of counters that rules ask for.
    counters: BTreeMap<(Metric, Option<Label>), (Timestamp, f64)>,
    instances: HashMap<Place, Instance>,
    /// Instances that there was no room for.
    crowded: bool,
}

/// Which of a server's instances.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    /// The rule.
    pub rule: Id<AlertRule>,
    /// The value's label.
    pub label: Option<Label>,
}

/// When the host started, by its own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Boot {
    at: Timestamp,
    /// The last uptime, in seconds; none when it was read before this program's start.
    uptime: Option<f64>,
}

/// Where a server belongs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// Which.
    pub server: Id<Server>,
    /// The groups that it is in.
    pub groups: Vec<Id<Group>>,
    /// Its tags, whoever set them.
    pub tags: Vec<Tag>,
    /// Whether somebody paused it.
    pub paused: bool,
}

/// What follows, to be stored and settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whose.
    pub organisation: Id<Organisation>,
    /// Of which server.
    pub server: Id<Server>,
    /// Of which rule, at which label.
    pub place: Place,
    /// Of which incident.
    pub incident: Id<Incident>,
    /// What.
    pub what: What,
    /// How much it matters now.
    pub severity: Severity,
    /// When, by the clock of the samples.
    pub at: Timestamp,
    /// When, by the dashboard's clock.
    pub now: Timestamp,
    /// The value that led to it.
    pub value: Option<f64>,
    /// The value that was furthest beyond so far.
    pub worst: f64,
    /// What people are told.
    pub notice: Option<Notice>,
}

/// What happens to an incident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// It is opened.
    Open {
        /// How often it came back soon after its end.
        flaps: u8,
        /// When the host started, for an incident about that.
        boot: Option<Timestamp>,
    },
    /// It matters more.
    Escalate,
    /// It matters less.
    Ease,
    /// People are reminded; so often they were with this time.
    Remind(u32),
    /// It is over.
    End(End),
}

/// Why an incident is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The value is good again.
    Good,
    /// The server does not have the value any more.
    Gone,
    /// Somebody paused the server.
    Paused,
    /// The rule was changed, switched off, replaced or deleted.
    RuleChanged,
    /// The server was deleted.
    ServerDeleted,
}

impl End {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Good => "good",
            Self::Paused => "paused",
            Self::RuleChanged => "rule-changed",
            Self::ServerDeleted => "server-deleted",
        }
    }
}

impl Engine {
    /// One that listens from `now` on.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            listens_since: now.after(GRACE),
            ticked_at: now,
            ..Self::default()
        }
    }

    /// Takes in a report that was stored just now.
    pub fn report(&mut self, server: Id<Server>, report: &Report, now: Timestamp) -> Vec<Change> {
        let Some(watched) = self.servers.get_mut(&server) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        watched.hear(server, &mut self.bundles, now, &mut changes);
        let at = report.timestamp();
        // A spool that is replayed is for the charts.
        if !watched.lags.is_live(at, now) || watched.newest.is_some_and(|newest| at <= newest) {
            return changes;
        }
        watched.newest = Some(at);
        watched.note_uptime(report, at);
        if watched.placement.paused {
            return changes;
        }
        let readings = watched.read(report, at);
        let mut batch = Batch {
            server,
            at,
            now,
            bundles: &mut self.bundles,
            changes: &mut changes,
        };
        for reading in &readings {
            watched.take(&mut batch, reading);
        }
        watched.miss(&mut batch, report, &readings);
        changes
    }

    /// Takes in values that reports do not carry, which were looked up just now.
    pub fn checked(
        &mut self,
        server: Id<Server>,
        values: Vec<(Measure, Option<Label>, f64)>,
        now: Timestamp,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let Some(watched) = self.servers.get_mut(&server) else {
            return changes;
        };
        if watched.placement.paused {
            return changes;
        }
        let mut batch = Batch {
            server,
            at: now,
            now,
            bundles: &mut self.bundles,
            changes: &mut changes,
        };
        let values = values.into_iter();
        let readings: Vec<Reading> = values
            .map(|(measure, label, value)| Reading {
                measure,
                label,
                value,
            })
            .collect();
        for reading in &readings {
            watched.take(&mut batch, reading);
        }
        watched.miss_unchecked(&mut batch, &readings);
        changes
    }
}

impl Change {
    /// What the instance knows from now on.
    fn apply(&self, instance: &mut Instance) {
        match self.what {
            What::Open { .. } => {}
            What::Escalate | What::Ease => instance.set_severity(self.severity),
            What::Remind(reminders) => {
                if let Some(firing) = &mut instance.firing {
                    firing.reminders = reminders;
                }
            }
            What::End(End::Good | End::Gone) => instance.end(self.at),
            What::End(_) => instance.forget(),
        }
        if let (Some(firing), Some(_)) = (&mut instance.firing, self.notice) {
            firing.told_at = self.now;
        }
    }
}

/// Agents come back within a minute of a dashboard's.
const GRACE: Duration = Duration::from_mins(1);
