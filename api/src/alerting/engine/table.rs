//! The rules that are for a server, found by measure.

use std::sync::Arc;

use server_scout_wire::Label;

use super::Placement;
use crate::alerting::measure::Measure;
use crate::alerting::rule::{Reach, Rule};
use crate::id::{AlertRule, Id};

/// The rules whose reach a server is in. Servers with the same rules share one.
#[derive(Debug, Default)]
pub(super) struct Table {
    rules: Vec<Arc<Rule>>,
    /// By measure, the narrowest first.
    by_measure: Vec<Vec<Arc<Rule>>>,
}

impl Table {
    pub(super) fn new(rules: Vec<Arc<Rule>>) -> Self {
        let mut by_measure = vec![Vec::new(); Measure::COUNT];
        for rule in &rules {
            if let Some(place) = by_measure.get_mut(rule.terms.measure.place()) {
                place.push(Arc::clone(rule));
            }
        }
        for rules in &mut by_measure {
            rules.sort_by_key(|rule: &Arc<Rule>| std::cmp::Reverse(rule.rank()));
        }
        Self { rules, by_measure }
    }

    /// Whether it is of these rules.
    pub(super) fn is_of(&self, rules: &[Arc<Rule>]) -> bool {
        let both = self.rules.iter().zip(rules);
        self.rules.len() == rules.len() && both.into_iter().all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// The rules about a measure.
    pub(super) fn of(&self, measure: Measure) -> &[Arc<Rule>] {
        self.by_measure
            .get(measure.place())
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The rule of that id.
    pub(super) fn rule(&self, id: Id<AlertRule>) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Every rule, with those by which it may be replaced.
    pub(super) fn overview(&self) -> Vec<(Id<AlertRule>, Vec<Id<AlertRule>>)> {
        let rules = self.rules.iter();
        let replaced = |rule: &Arc<Rule>| {
            let others = self.of(rule.terms.measure).iter();
            let others = others.filter(|other| other.rank() > rule.rank() && other.is_about(rule));
            (rule.id, others.map(|other| other.id).collect())
        };
        rules.map(replaced).collect()
    }

    /// The rules that are for a value: of those that fit, the narrowest of each direction.
    pub(super) fn applying<'a>(
        &'a self,
        measure: Measure,
        label: Option<&'a Label>,
    ) -> impl Iterator<Item = &'a Arc<Rule>> {
        let rules = self.of(measure);
        let fit = move |rule: &&Arc<Rule>| rule.terms.labels.fit(label);
        rules.iter().filter(fit).filter(move |rule| {
            let mut others = rules.iter().filter(fit);
            !others.any(|other| other.rank() > rule.rank() && other.is_about(rule))
        })
    }
}

impl Placement {
    /// Whether the server is within a reach.
    #[must_use]
    pub fn is_within(&self, reach: &Reach) -> bool {
        match reach {
            Reach::Organisation => true,
            Reach::Group(group) => self.groups.contains(group),
            Reach::Tag(tag) => self.tags.contains(tag),
            Reach::Server(server) => self.server == *server,
        }
    }
}
