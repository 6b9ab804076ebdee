//! What is known of incidents from elsewhere: that a change was stored, and what people did.

use server_scout_wire::{Label, Timestamp};

use super::{Change, Engine, Measure, Place};
use crate::alerting::instance::Condition;
use crate::id::{AlertRule, Id, Incident, Organisation, Server};

/// What became of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is stored.
    Stored,
    /// What it is about is gone: rule, server or organisation.
    Moot,
}

/// One rule at one value that is not simply well.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Which rule.
    pub rule: Id<AlertRule>,
    /// At which value.
    pub label: Option<Label>,
    /// In which state.
    pub condition: Condition,
}

impl Engine {
    /// Knows what became of a change. What it kept waiting follows: the end of what no rule covers any
    /// more.
    pub fn settle(&mut self, change: &Change, outcome: Outcome, now: Timestamp) -> Vec<Change> {
        let Some(watched) = self.servers.get_mut(&change.server) else {
            return Vec::new();
        };
        if outcome == Outcome::Moot {
            watched.instances.remove(&change.place);
        } else if let Some(instance) = watched.instances.get_mut(&change.place) {
            instance.settling = false;
        }
        watched.end_uncovered(change.server, now, &mut self.bundles)
    }

    /// Knows that somebody took an incident in hand, or let it go.
    pub fn acknowledge(&mut self, server: Id<Server>, incident: Id<Incident>, by_somebody: bool) {
        self.change_firing(server, incident, |firing| firing.acknowledged = by_somebody);
    }

    /// Knows until when nobody wants to hear of an incident.
    pub fn snooze(&mut self, server: Id<Server>, incident: Id<Incident>, until: Option<Timestamp>) {
        self.change_firing(server, incident, |firing| firing.snoozed_until = until);
    }

    fn change_firing(
        &mut self,
        server: Id<Server>,
        incident: Id<Incident>,
        change: impl FnOnce(&mut crate::alerting::instance::Firing),
    ) {
        let Some(watched) = self.servers.get_mut(&server) else {
            return;
        };
        let mut firing = watched
            .instances
            .values_mut()
            .filter_map(|instance| instance.firing.as_mut());
        if let Some(firing) = firing.find(|firing| firing.incident == incident) {
            change(firing);
        }
    }

    /// What is not simply well at a server.
    #[must_use]
    pub fn standings(&self, server: Id<Server>, now: Timestamp) -> Vec<Standing> {
        let Some(watched) = self.servers.get(&server) else {
            return Vec::new();
        };
        let standings = watched.instances.iter().filter_map(|(place, instance)| {
            let measure = watched.table.rule(place.rule)?.terms.measure;
            let skew = watched.by_clock_of(measure, now);
            Some(Standing {
                rule: place.rule,
                label: place.label.clone(),
                condition: instance.condition(measure.max_gap(), skew),
            })
        });
        let standings = standings.filter(|standing| standing.condition != Condition::Ok);
        standings.collect()
    }

    /// The rules that apply somewhere at a server, each with the labels that rules of others replace
    /// left out of account.
    #[must_use]
    pub fn rules_of(&self, server: Id<Server>) -> Vec<(Id<AlertRule>, Vec<Id<AlertRule>>)> {
        let Some(watched) = self.servers.get(&server) else {
            return Vec::new();
        };
        watched.table.overview()
    }

    /// The servers with rules about some of these measures, and about which.
    #[must_use]
    pub fn asked(&self, some: &[Measure]) -> Vec<(Id<Organisation>, Id<Server>, Vec<Measure>)> {
        let servers = self.servers.iter();
        let asked = servers.filter_map(|(server, watched)| {
            let of = |measure: &&Measure| !watched.table.of(**measure).is_empty();
            let measures: Vec<Measure> = some.iter().filter(of).copied().collect();
            let any = !measures.is_empty();
            any.then_some((watched.organisation, *server, measures))
        });
        asked.collect()
    }

    /// Whether a server raises no incident now because of a maintenance window.
    #[must_use]
    pub fn is_muted(&self, server: Id<Server>) -> bool {
        self.servers
            .get(&server)
            .is_some_and(|watched| watched.muted)
    }
}

impl super::Watched {
    /// What `now` is by the clock of a measure: as long as reports come, that of the newest.
    pub(super) fn by_clock_of(&self, measure: Measure, now: Timestamp) -> Timestamp {
        let (Some(newest), Some(heard_at)) = (self.newest, self.heard_at) else {
            return now;
        };
        if measure.tier().is_none() {
            return now;
        }
        newest.after(now.since(heard_at))
    }
}

impl Place {
    /// A place.
    #[must_use]
    pub fn new(rule: Id<AlertRule>, label: Option<Label>) -> Self {
        Self { rule, label }
    }
}
