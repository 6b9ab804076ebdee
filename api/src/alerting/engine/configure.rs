//! What people say: rules, windows, where servers belong.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use server_scout_wire::{Report, Timestamp};

use super::clock::Lags;
use super::{Boot, Change, End, Engine, Place, Placement, Table, Tenant, Watched};
use crate::alerting::bundle::Bundles;
use crate::alerting::instance::{Instance, Tracks};
use crate::alerting::maintenance::Window;
use crate::alerting::measure::Measure;
use crate::alerting::rule::Rule;
use crate::id::{Id, Organisation, Server};

/// What an organisation says.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// Its rules that are switched on.
    pub rules: Vec<Rule>,
    /// Its maintenance windows.
    pub windows: Vec<Window>,
    /// Its servers.
    pub placements: Vec<Placement>,
}

/// What was known of a server before the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// When its last report arrived.
    pub heard_at: Option<Timestamp>,
    /// When its newest report was made.
    pub newest: Option<Timestamp>,
    /// When the host started.
    pub boot: Option<Timestamp>,
}

impl Engine {
    /// Takes in what an organisation says now. What no rule covers any more ends.
    pub fn configure(
        &mut self,
        organisation: Id<Organisation>,
        configuration: Configuration,
        now: Timestamp,
    ) -> Vec<Change> {
        let Configuration {
            rules,
            windows,
            placements,
        } = configuration;
        let tenant = self.tenants.entry(organisation).or_default();
        let same = tenant.adopt(rules) && tenant.windows == windows;
        tenant.windows = windows;
        let mut changes = Vec::new();
        let mut there: HashMap<Id<Server>, Placement> = placements
            .into_iter()
            .map(|placement| (placement.server, placement))
            .collect();
        let bundles = &mut self.bundles;
        self.servers.retain(|server, watched| {
            if watched.organisation != organisation {
                return true;
            }
            let Some(placement) = there.remove(server) else {
                changes.extend(watched.end_all(*server, End::ServerDeleted, now, bundles));
                return false;
            };
            if !same || placement != watched.placement {
                changes.extend(watched.place(*server, placement, tenant, now, bundles));
            }
            true
        });
        for (server, placement) in there {
            let watched = Watched::new(organisation, placement, tenant, now);
            self.servers.insert(server, watched);
        }
        tenant.tables.retain(|table| Arc::strong_count(table) > 1);
        changes
    }

    /// Forgets an organisation that was deleted, with its servers. Nobody is left to be told.
    pub fn forget_organisation(&mut self, organisation: Id<Organisation>) {
        self.tenants.remove(&organisation);
        self.servers
            .retain(|_, watched| watched.organisation != organisation);
    }

    /// Forgets a server that was deleted, and ends what is open.
    pub fn forget(&mut self, server: Id<Server>, now: Timestamp) -> Vec<Change> {
        let Some(mut watched) = self.servers.remove(&server) else {
            return Vec::new();
        };
        watched.end_all(server, End::ServerDeleted, now, &mut self.bundles)
    }

    /// Whether a report's agent has other tags than the last one, so that other rules may be for it.
    pub fn finds_other_tags(&mut self, server: Id<Server>, report: &Report) -> bool {
        let (Some(watched), Some(host)) = (self.servers.get_mut(&server), report.host()) else {
            return false;
        };
        let same = watched.agent_tags.as_ref() == Some(&host.tags);
        if !same {
            watched.agent_tags = Some(host.tags.clone());
        }
        !same
    }

    /// Whether a server is known.
    #[must_use]
    pub fn knows(&self, server: Id<Server>) -> bool {
        self.servers.contains_key(&server)
    }

    /// Remembers what was known of a server before the start.
    pub fn remember(&mut self, server: Id<Server>, before: Before) {
        if let Some(watched) = self.servers.get_mut(&server) {
            watched.heard_at = before.heard_at.or(watched.heard_at);
            watched.newest = before.newest.or(watched.newest);
            let boot = before.boot.map(|at| Boot { at, uptime: None });
            watched.boot = boot.or(watched.boot);
        }
    }

    /// Goes on with an incident that is open, or one that ended lately.
    pub fn restore(&mut self, server: Id<Server>, place: Place, instance: Instance) {
        if let Some(watched) = self.servers.get_mut(&server) {
            watched.instances.insert(place, instance);
        }
    }

    /// Goes on with what led up to the end of the program. To be called after the incidents are
    /// restored.
    pub fn go_on(&mut self, server: Id<Server>, place: Place, tracks: Tracks) {
        if let Some(watched) = self.servers.get_mut(&server)
            && watched.table.rule(place.rule).is_some()
        {
            watched.instances.entry(place).or_default().go_on(tracks);
        }
    }

    /// Ends what was restored and no rule covers any more: it changed while the program was away. To be
    /// called once, after everything is restored.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        for (server, watched) in &mut self.servers {
            changes.extend(watched.end_uncovered(*server, now, &mut self.bundles));
        }
        changes
    }

    /// What has to be kept over a restart beside the incidents.
    #[must_use]
    pub fn kept(&self) -> Vec<(Id<Organisation>, Id<Server>, Place, Tracks)> {
        let servers = self.servers.iter();
        let kept = servers.flat_map(|(server, watched)| {
            watched.instances.iter().filter_map(|(place, instance)| {
                let tracks = instance.kept()?.clone();
                Some((watched.organisation, *server, place.clone(), tracks))
            })
        });
        kept.collect()
    }

    /// When hosts started, as far as it is known.
    pub fn boots(&self) -> impl Iterator<Item = (Id<Organisation>, Id<Server>, Timestamp)> {
        let servers = self.servers.iter();
        servers
            .filter_map(|(server, watched)| Some((watched.organisation, *server, watched.boot?.at)))
    }
}

impl Tenant {
    /// Keeps the rules that are as they were, so that what hangs on them stays. Whether all are.
    fn adopt(&mut self, rules: Vec<Rule>) -> bool {
        let known = std::mem::take(&mut self.rules);
        let rules = rules.into_iter().map(|rule| {
            let same = known.iter().find(|before| ***before == rule);
            same.map_or_else(|| Arc::new(rule), Arc::clone)
        });
        self.rules = rules.collect();
        let same = self.rules.iter().zip(&known);
        known.len() == self.rules.len()
            && same.into_iter().all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The rules whose reach a server is in.
    fn table_of(&mut self, placement: &Placement) -> Arc<Table> {
        let rules = self.rules.iter();
        let rules = rules.filter(|rule| placement.is_within(&rule.reach));
        let rules: Vec<Arc<Rule>> = rules.map(Arc::clone).collect();
        if let Some(table) = self.tables.iter().find(|table| table.is_of(&rules)) {
            return Arc::clone(table);
        }
        let table = Arc::new(Table::new(rules));
        self.tables.push(Arc::clone(&table));
        table
    }
}

impl Watched {
    fn new(
        organisation: Id<Organisation>,
        placement: Placement,
        tenant: &mut Tenant,
        now: Timestamp,
    ) -> Self {
        let mut watched = Self {
            organisation,
            table: tenant.table_of(&placement),
            placement,
            muted: false,
            newest: None,
            heard_at: None,
            agent_tags: None,
            lags: Lags::default(),
            boot: None,
            restarted: false,
            counters: BTreeMap::new(),
            instances: HashMap::new(),
            crowded: false,
        };
        watched.muted = tenant.mutes(&watched, now);
        watched
    }

    fn place(
        &mut self,
        server: Id<Server>,
        placement: Placement,
        tenant: &mut Tenant,
        now: Timestamp,
        bundles: &mut Bundles,
    ) -> Vec<Change> {
        self.placement = placement;
        self.muted = tenant.mutes(self, now);
        let before = std::mem::replace(&mut self.table, tenant.table_of(&self.placement));
        for (place, instance) in &mut self.instances {
            if before.rule(place.rule) != self.table.rule(place.rule) {
                instance.begin_anew();
            }
        }
        let table = Arc::clone(&self.table);
        self.counters
            .retain(|(metric, _), _| !table.of(Measure::Metric(*metric)).is_empty());
        self.end_uncovered(server, now, bundles)
    }

    fn end_all(
        &mut self,
        server: Id<Server>,
        end: End,
        now: Timestamp,
        bundles: &mut Bundles,
    ) -> Vec<Change> {
        let places: Vec<Place> = self.instances.keys().cloned().collect();
        let ends = places.iter();
        ends.filter_map(|place| self.end(server, place, end, (now, now), bundles))
            .collect()
    }

    /// Ends what no rule covers any more, and everything while the server is paused.
    pub(super) fn end_uncovered(
        &mut self,
        server: Id<Server>,
        now: Timestamp,
        bundles: &mut Bundles,
    ) -> Vec<Change> {
        let end = if self.placement.paused {
            End::Paused
        } else {
            End::RuleChanged
        };
        let covered = |place: &Place| {
            let Some(rule) = self.table.rule(place.rule) else {
                return false;
            };
            let mut applying = self
                .table
                .applying(rule.terms.measure, place.label.as_ref());
            !self.placement.paused && applying.any(|one| one.id == place.rule)
        };
        let places = self.instances.keys().filter(|place| !covered(place));
        let places: Vec<Place> = places.cloned().collect();
        let ends = places.iter();
        ends.filter_map(|place| self.end(server, place, end, (now, now), bundles))
            .collect()
    }
}
