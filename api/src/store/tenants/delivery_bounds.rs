//! What waits for channels that take it slowly has bounds, and messages go with the last who waits for them.

#![expect(clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::time::Duration;

use diesel::prelude::*;

use super::{channels, database, now};
use crate::id::{Channel, Id, Incident};
use crate::store::deliveries::{self, NewDelivery, Tried};
use crate::store::delivery_bounds::{self, Bounds, Filled};
use crate::store::schema::{delivery, delivery_message};
use crate::store::{Scope, organisations};

const SMALL: Bounds = Bounds {
    of_channel: 3,
    of_keeping: 5,
    of_organisation: 2000,
    bytes: 100,
};

fn bounds_of_organisation(of_organisation: i64) -> Bounds {
    Bounds {
        of_organisation,
        ..SMALL
    }
}

struct Scene {
    c: SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
    at: u64,
}

impl Scene {
    fn new() -> Self {
        let mut c = database();
        let scope = organisations::create(&mut c, "Ours", now()).unwrap();
        let channel = channels::make(&mut c, scope);
        diesel::delete(delivery::table).execute(&mut c).unwrap();
        Self {
            c,
            scope,
            channel,
            at: 0,
        }
    }

    /// Adds one of so many bytes, a second after the one before.
    fn add(
        &mut self,
        incident: Option<Id<Incident>>,
        kind: &'static str,
        bytes: usize,
    ) -> Id<crate::id::Delivery> {
        self.at += 1;
        let organisation = self.scope.organisation();
        let content = "x".repeat(bytes);
        let new = NewDelivery {
            channel: self.channel,
            incident,
            kind,
            message: deliveries::add_message(&mut self.c, organisation, &content).unwrap(),
        };
        let at = now().after(Duration::from_secs(self.at));
        deliveries::add(&mut self.c, organisation, &new, at).unwrap()
    }

    fn keep(&mut self, keeps_state: bool) {
        let filled = Filled {
            channel: self.channel,
            keeps_state,
        };
        let organisation = self.scope.organisation();
        delivery_bounds::keep(&mut self.c, organisation, &[filled], SMALL, now()).unwrap();
    }

    /// What waits, the oldest first.
    fn waiting(&mut self) -> Vec<Id<crate::id::Delivery>> {
        delivery::table
            .filter(delivery::state.eq("waiting"))
            .order(delivery::created_at)
            .select(delivery::id)
            .load(&mut self.c)
            .unwrap()
    }

    fn messages(&mut self) -> i64 {
        let all = delivery_message::table.count();
        all.get_result(&mut self.c).unwrap()
    }
}

#[test]
fn beyond_its_bound_the_oldest_of_a_channel_is_given_up_for_the_newest() {
    let mut scene = Scene::new();
    let added: Vec<_> = (0..5).map(|_| scene.add(None, "opened", 1)).collect();
    scene.keep(false);
    assert_eq!(scene.waiting(), added[2..]);
    assert_eq!(scene.messages(), 3);
    let log = deliveries::list(&mut scene.c, scene.scope, scene.channel, 9).unwrap();
    let given_up = log.iter().find(|row| row.id == added[0]).unwrap();
    assert_eq!((given_up.state.as_str(), given_up.attempts), ("dead", 0));
    assert!(given_up.problem.as_deref().unwrap().contains("newer"));
}

#[test]
fn the_end_of_an_incident_outlives_what_else_waits_for_who_keeps_incidents() {
    let mut scene = Scene::new();
    let incidents: Vec<_> = (0..4).map(|_| Some(Id::random())).collect();
    let opened: Vec<_> = { incidents.iter() }
        .map(|incident| scene.add(*incident, "opened", 1))
        .collect();
    let ends: Vec<_> = { incidents.iter() }
        .map(|incident| scene.add(*incident, "resolved", 1))
        .collect();
    scene.keep(true);
    let waiting = scene.waiting();
    assert_eq!(waiting, [&opened[3..], &ends[..]].concat());
    // What stood before an end is gone, so it is due.
    let log = deliveries::list(&mut scene.c, scene.scope, scene.channel, 9).unwrap();
    let held = |id| { log.iter().find(|row| row.id == id) }.unwrap().is_held();
    assert!(!held(ends[0]) && !held(ends[2]) && held(ends[3]));
    for _ in 0..3 {
        let incident = Some(Id::random());
        scene.add(incident, "resolved", 1);
    }
    scene.keep(true);
    assert_eq!(scene.waiting().len(), 5);
    assert!(!scene.waiting().contains(&ends[1]), "nothing has no bound");
}

#[test]
fn what_waits_of_an_organisation_has_a_bound_in_number_and_bytes() {
    let mut scene = Scene::new();
    let added: Vec<_> = (0..30).map(|_| scene.add(None, "opened", 10)).collect();
    let organisation = scene.scope.organisation();
    let bounds = bounds_of_organisation(100);
    delivery_bounds::keep(&mut scene.c, organisation, &[], bounds, now()).unwrap();
    // The oldest go, twenty at a time.
    assert_eq!(scene.waiting(), added[20..]);
    assert_eq!(scene.messages(), 10);
    let one = bounds_of_organisation(6);
    delivery_bounds::keep(&mut scene.c, organisation, &[], one, now()).unwrap();
    assert_eq!(scene.waiting(), added[24..]);
}

/// What was given up while it was under way stays so, and is told to have arrived if it did.
#[test]
fn a_try_that_ends_after_it_was_given_up_changes_that_only_when_it_arrived() {
    let mut scene = Scene::new();
    let added: Vec<_> = (0..5).map(|_| scene.add(None, "opened", 1)).collect();
    scene.keep(false);
    let tried = |delivered: bool| Tried {
        again_at: (!delivered).then(now),
        delivered,
        status: None,
        problem: None,
        took: Duration::ZERO,
    };
    deliveries::note(&mut scene.c, added[0], &tried(false), now()).unwrap();
    deliveries::note(&mut scene.c, added[1], &tried(true), now()).unwrap();
    let log = deliveries::list(&mut scene.c, scene.scope, scene.channel, 9).unwrap();
    let state = |id| { log.iter().find(|row| row.id == id) }.map(|row| row.state.as_str());
    assert_eq!(state(added[0]), Some("dead"));
    assert_eq!(state(added[1]), Some("delivered"));
}

#[test]
fn a_message_goes_with_the_last_delivery_that_tells_it() {
    let mut scene = Scene::new();
    let organisation = scene.scope.organisation();
    let message = deliveries::add_message(&mut scene.c, organisation, "{}").unwrap();
    let new = NewDelivery {
        channel: scene.channel,
        incident: None,
        kind: "opened",
        message,
    };
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(deliveries::add(&mut scene.c, organisation, &new, now()).unwrap());
    }
    let done = Tried {
        again_at: None,
        delivered: true,
        status: Some(200),
        problem: None,
        took: Duration::ZERO,
    };
    deliveries::note(&mut scene.c, ids[0], &done, now()).unwrap();
    assert_eq!(scene.messages(), 1);
    let one = delivery::table.filter(delivery::id.eq(ids[1]));
    diesel::delete(one).execute(&mut scene.c).unwrap();
    assert_eq!(scene.messages(), 1);
    crate::store::channels::delete(&mut scene.c, scene.scope, scene.channel).unwrap();
    assert_eq!(scene.messages(), 0);
}

#[test]
fn the_log_keeps_a_thousand_that_ended() {
    let mut scene = Scene::new();
    for _ in 0..1010 {
        scene.add(None, "opened", 1);
    }
    scene.keep(false);
    let rows: i64 = delivery::table.count().get_result(&mut scene.c).unwrap();
    assert_eq!(rows, 1003);
}
