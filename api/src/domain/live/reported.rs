//! What the live view knows, as it was reported: counters as they count.

use server_scout_wire::{Label, Metric, Timestamp};

use super::{Live, State};
use crate::domain::status::{Signs, Status};
use crate::id::{Id, Server};
use crate::store::live::Sight;

/// What is known of one server; nothing, before its first report.
pub struct Reported<'a>(Option<&'a State>);

impl Live {
    /// Looks at each of these servers, as far as they are seen. Nothing new comes in meanwhile.
    pub fn each<'a>(
        &self,
        sight: &Sight,
        named: &'a [(Id<Server>, String)],
        mut look: impl FnMut(Id<Server>, &'a str, Reported<'_>),
    ) {
        let known = self.read();
        for (id, name) in named {
            let state = known.get(id);
            let seen = state.filter(|state| sight.shows(state.organisation, *id));
            look(*id, name, Reported(seen));
        }
    }
}

impl Reported<'_> {
    /// Whether its reports arrive, paused or not.
    #[must_use]
    pub fn is_up(&self, now: Timestamp) -> bool {
        let signs = self.0.map(|state| state.signs).unwrap_or_default();
        let signs = Signs {
            paused: false,
            ..signs
        };
        matches!(signs.status(now), Status::Online | Status::Late)
    }

    /// When its newest report arrived.
    #[must_use]
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.0?.signs.last_seen
    }

    /// Values dropped since the start because it has too many series.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.map_or(0, |state| state.dropped)
    }

    /// The newest values of a metric, each with its label.
    pub fn values(&self, metric: Metric) -> impl Iterator<Item = (Option<&Label>, f64)> {
        let readings = self.0.into_iter();
        let readings = readings.flat_map(move |state| state.readings.of(metric));
        readings.map(|(label, reading)| (label, reading.raw))
    }
}
