//! The engine against a plain reference, over made-up sequences of everything that can happen: samples,
//! gaps, replays, changed rules, pauses, maintenance, restarts, kills and a store that fails for a while.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod database;
mod events;
mod reference;

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Label, Metric, Report, Timestamp};

use self::database::Database;
use self::events::{Event, event};
use self::reference::{Told, Value};
use super::maintenance::{Schedule, Window};
use super::{
    Before, Change, Comparison, Configuration, Engine, Firing, Instance, Labels, Measure, Outcome,
    Place, Placement, Reach, Rule, Terms,
};
use crate::id::{AlertRule, Id, Organisation, Server};

/// Engine and reference side by side.
struct World {
    now: Timestamp,
    organisation: Id<Organisation>,
    server: Id<Server>,
    rules: Vec<Rule>,
    enabled: [bool; 4],
    paused: bool,
    muted: bool,
    stores: bool,
    engine: Engine,
    database: Database,
    waiting: Vec<Change>,
    reference: HashMap<Place, Value>,
    heard_at: Option<Timestamp>,
    newest: Option<Timestamp>,
    listens_since: Timestamp,
    /// What the engine said, and what the reference did.
    said: Vec<Told>,
    expected: Vec<Told>,
}

fn label(place: usize) -> Label {
    Label::new(["chip/a", "chip/b"].get(place).unwrap()).unwrap()
}

/// Terms to choose from, of each of the rules.
fn terms(rule: usize, choice: usize) -> Terms {
    let seconds = |choices: [u64; 3]| Duration::from_secs(*choices.get(choice % 3).unwrap());
    let base = Terms {
        measure: Measure::Metric(Metric::CpuUsage),
        labels: Labels::Any,
        comparison: Comparison::Above,
        warning: Some(80.0),
        critical: Some(90.0),
        recovery: (choice % 2 == 1).then_some(70.0),
        sustain: seconds([120, 0, 30]),
        share: 100,
        cooldown: seconds([0, 300, 0]),
        remind_every: None,
        remind_limit: 0,
    };
    match rule {
        0 => base,
        1 => Terms {
            warning: None,
            sustain: seconds([160, 320, 48]),
            share: *[50, 80, 100].get(choice % 3).unwrap(),
            ..base
        },
        2 => Terms {
            measure: Measure::Metric(Metric::TemperatureCelsius),
            critical: (!choice.is_multiple_of(3)).then_some(90.0),
            ..base
        },
        _ => Terms {
            measure: Measure::Silence,
            warning: None,
            critical: Some([60.0, 30.0, 90.0].get(choice % 3).copied().unwrap()),
            recovery: None,
            sustain: Duration::ZERO,
            ..base
        },
    }
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let rule = |place: usize| Rule {
            id: Id::random(),
            // Rules of one measure would replace each other if one were narrower.
            reach: Reach::Organisation,
            terms: terms(place, 0),
        };
        let mut world = Self {
            now,
            organisation: Id::random(),
            server: Id::random(),
            rules: (0..4).map(rule).collect(),
            enabled: [true; 4],
            paused: false,
            muted: false,
            stores: true,
            engine: Engine::new(now),
            database: Database::default(),
            waiting: Vec::new(),
            reference: HashMap::new(),
            heard_at: None,
            newest: None,
            listens_since: now.after(Duration::from_mins(1)),
            said: Vec::new(),
            expected: Vec::new(),
        };
        world.configure();
        world
    }

    fn rule(&self, id: Id<AlertRule>) -> Option<&Rule> {
        let mut rules = self.rules.iter().zip(self.enabled);
        rules
            .find(|(rule, on)| *on && rule.id == id)
            .map(|(rule, _)| rule)
    }

    fn configuration(&self) -> Configuration {
        let rules = self.rules.iter().zip(self.enabled);
        let rules = rules.filter(|(_, on)| *on).map(|(rule, _)| rule.clone());
        let window = Window {
            reach: Reach::Server(self.server),
            schedule: Schedule::Once {
                from: Timestamp::default(),
                to: Timestamp::MAX,
            },
        };
        Configuration {
            rules: rules.collect(),
            windows: if self.muted { vec![window] } else { Vec::new() },
            placements: vec![Placement {
                server: self.server,
                groups: Vec::new(),
                tags: Vec::new(),
                paused: self.paused,
            }],
        }
    }

    fn configure(&mut self) {
        let configuration = self.configuration();
        let changes = self
            .engine
            .configure(self.organisation, configuration, self.now);
        self.take(changes);
        self.uncover();
    }

    /// The reference's turn: what no rule covers any more ends.
    fn uncover(&mut self) {
        let on: Vec<Id<AlertRule>> = self.rules_on();
        for (place, value) in &mut self.reference {
            let there = on.contains(&place.rule);
            if self.paused || !there {
                self.expected
                    .extend(value.uncover(place, self.paused, there));
            }
        }
    }

    fn rules_on(&self) -> Vec<Id<AlertRule>> {
        let rules = self.rules.iter().zip(self.enabled);
        let rules = rules.filter(|(_, on)| *on);
        rules.map(|(rule, _)| rule.id).collect()
    }

    /// Stores what follows, or keeps it waiting.
    fn take(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.said.push(Told::of(&change));
            self.waiting.push(change);
        }
        while self.stores && !self.waiting.is_empty() {
            let change = self.waiting.remove(0);
            self.database.store(&change);
            let more = self.engine.settle(&change, Outcome::Stored, self.now);
            for change in more {
                self.said.push(Told::of(&change));
                self.waiting.push(change);
            }
        }
    }

    /// The reference's turn: what waited is stored.
    fn settle_reference(&mut self) {
        if !self.stores {
            return;
        }
        self.stored();
        self.uncover();
        self.stored();
        self.uncover();
    }

    fn stored(&mut self) {
        for value in self.reference.values_mut() {
            value.settling = false;
        }
    }

    fn expect(&mut self, place: &Place, at: Timestamp, value: f64) {
        let Some(rule) = self.rule(place.rule) else {
            return;
        };
        let terms = rule.terms.clone();
        let muted = self.muted;
        let known = self.reference.entry(place.clone()).or_default();
        let told = known.sample(place, &terms, at, value, muted);
        self.expected.extend(told);
        self.settle_reference();
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now.after(Duration::from_secs(1));
            let changes = self.engine.tick(self.now);
            self.take(changes);
            let silent = self
                .heard_at
                .map(|heard| self.now.since(heard.max(self.listens_since)));
            let place = self.place(3, None);
            let silent = silent.filter(|silent| !silent.is_zero() && !self.paused);
            let Some(seconds) = silent.map(|silent| silent.as_secs_f64()) else {
                continue;
            };
            let beyond = |rule: &Rule| !rule.terms.is_good(seconds);
            if self.rule(place.rule).is_some_and(beyond) {
                self.expect(&place, self.now, seconds);
            }
        }
    }

    fn place(&self, rule: usize, label: Option<Label>) -> Place {
        Place::new(self.rules.get(rule).unwrap().id, label)
    }

    fn report(&mut self, at: Timestamp, cpu: f64, temperatures: [Option<f64>; 2]) {
        let identity = Identity {
            boot: Boot(1),
            seq: 0,
        };
        let mut report = Report::new(at, identity);
        report.push(Metric::CpuUsage, None, cpu);
        report.push(Metric::SocketsUsed, None, 1.0);
        for (place, value) in temperatures.into_iter().enumerate() {
            if let Some(value) = value {
                report.push(Metric::TemperatureCelsius, Some(label(place)), value);
            }
        }
        let changes = self.engine.report(self.server, &report, self.now);
        self.take(changes);
        self.heard_at = Some(self.now);
        if !self.paused {
            self.expect(&self.place(3, None), self.now, 0.0);
        }
        let live = self.now.since(at) <= Duration::from_mins(2);
        if !live || self.newest.is_some_and(|newest| at <= newest) {
            return;
        }
        self.newest = Some(at);
        if self.paused {
            return;
        }
        self.expect(&self.place(0, None), at, cpu);
        self.expect(&self.place(1, None), at, cpu);
        for (place, value) in temperatures.into_iter().enumerate() {
            let place = self.place(2, Some(label(place)));
            if let Some(value) = value {
                self.expect(&place, at, value);
            } else if self.rule(place.rule).is_some() {
                let known = self.reference.entry(place.clone()).or_default();
                let told = known.miss(&place, at);
                self.expected.extend(told);
                self.settle_reference();
            }
        }
    }

    /// A program that starts knows what is stored, and after an orderly end what led up to it.
    fn restart(&mut self, seconds: u64, orderly: bool) {
        // With what could not be stored goes what led up to it.
        let orderly = orderly && self.stores;
        let kept = if orderly {
            self.engine.kept()
        } else {
            Vec::new()
        };
        self.waiting.clear();
        self.stores = true;
        self.now = self.now.after(Duration::from_secs(seconds));
        self.engine = Engine::new(self.now);
        self.listens_since = self.now.after(Duration::from_mins(1));
        let configuration = self.configuration();
        let changes = self
            .engine
            .configure(self.organisation, configuration, self.now);
        assert!(changes.is_empty());
        let before = Before {
            heard_at: self.heard_at,
            newest: self.newest,
            boot: None,
        };
        self.engine.remember(self.server, before);
        let places = self.database.open.keys().chain(self.database.ended.keys());
        let mut places: Vec<Place> = places.cloned().collect();
        places.dedup();
        for place in &places {
            let row = self.database.open.get(place);
            let ended = self.database.ended.get(place).copied();
            let firing =
                row.map(|(incident, severity, _)| Firing::new(*incident, *severity, 0.0, self.now));
            let flaps = row.map_or(0, |row| row.2);
            let instance = Instance::restored(firing, ended, flaps);
            self.engine.restore(self.server, place.clone(), instance);
        }
        let kept_places: Vec<Place> = kept.iter().map(|(_, _, place, _)| place.clone()).collect();
        for (_, server, place, tracks) in kept {
            self.engine.go_on(server, place, tracks);
        }
        let before = std::mem::take(&mut self.reference);
        for (place, value) in before {
            let row = self.database.open.get(&place);
            let ended = self.database.ended.get(&place).copied();
            let keeps = kept_places.contains(&place);
            self.reference.insert(
                place.clone(),
                value.restarted(row.map(|row| (row.1, row.2)), ended, keeps),
            );
        }
        let changes = self.engine.sweep(self.now);
        self.take(changes);
        self.uncover();
        self.settle_reference();
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Report(seconds, cpu, temperatures) => {
                self.pass(*seconds);
                self.report(self.now, *cpu, *temperatures);
            }
            Event::Silence(seconds) => self.pass(*seconds),
            Event::Replay(seconds, cpu) => {
                if let Some(newest) = self.newest {
                    let old = newest.before(Duration::from_secs(*seconds));
                    self.report(old, *cpu, [Some(*cpu); 2]);
                }
            }
            Event::Spool(seconds, cpu) => {
                let begin = self.now;
                self.pass(121 + *seconds);
                for second in (0..*seconds).step_by(5) {
                    let at = begin.after(Duration::from_secs(second));
                    self.report(at, *cpu, [Some(*cpu); 2]);
                }
                // What is live comes at the end.
                self.report(self.now, 50.0, [Some(50.0); 2]);
            }
            Event::Edit(rule, choice) => {
                let place = rule % 4;
                let terms = terms(place, *choice);
                let rule = self.rules.get_mut(place).unwrap();
                let (id, changed) = (rule.id, rule.terms != terms);
                rule.terms = terms;
                if changed && self.enabled.get(place) == Some(&true) {
                    let values = self.reference.iter_mut();
                    for (_, value) in values.filter(|(place, _)| place.rule == id) {
                        value.begin_anew();
                    }
                }
                self.configure();
                self.settle_reference();
            }
            Event::Switch(rule) => {
                let place = rule % 4;
                let on = self.enabled.get_mut(place).unwrap();
                *on = !*on;
                let id = self.rules.get(place).unwrap().id;
                let values = self.reference.iter_mut();
                for (_, value) in values.filter(|(place, _)| place.rule == id) {
                    value.begin_anew();
                }
                self.configure();
                self.settle_reference();
            }
            Event::Pause => {
                self.paused = !self.paused;
                self.configure();
                self.settle_reference();
            }
            Event::Maintenance => {
                self.muted = !self.muted;
                self.configure();
                self.settle_reference();
            }
            Event::Restart(seconds) => self.restart(*seconds, true),
            Event::Kill(seconds) => self.restart(*seconds, false),
            Event::Store => {
                self.stores = !self.stores;
                self.take(Vec::new());
                self.settle_reference();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_incident_is_lost_doubled_or_stuck_whatever_happens(
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut world = World::new();
        for (number, event) in events.iter().enumerate() {
            world.happen(event);
            world.said.sort();
            world.expected.sort();
            prop_assert_eq!(&world.said, &world.expected, "event {} {:?}", number, event);
            world.said.clear();
            world.expected.clear();
        }
        // What is good for long enough is over.
        if !world.stores {
            world.happen(&Event::Store);
        }
        if world.paused {
            world.happen(&Event::Pause);
        }
        for _ in 0..200 {
            world.happen(&Event::Report(20, 50.0, [Some(50.0); 2]));
        }
        prop_assert!(world.database.open.is_empty(), "stuck: {:?}", world.database.open);
    }
}
