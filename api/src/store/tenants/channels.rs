//! Channels and deliveries of two organisations.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::{Tenant, absent, confirmation, heartbeats, now};
use crate::alerting::Severity;
use crate::id::{Channel, Delivery, Id};
use crate::store::channels::{ChangedChannel, NewChannel};
use crate::store::deliveries::{NewDelivery, Tried};
use crate::store::due_deliveries::Due;
use crate::store::{
    Scope, channels, deliveries, due_deliveries, organisation_mails, organisations,
};

/// A channel with a delivery that waits, and a heartbeat.
pub(super) fn make(c: &mut SqliteConnection, scope: Scope) -> Id<Channel> {
    let new = NewChannel {
        name: "ops".to_owned(),
        kind: "webhook",
        shown: "hooks.example.org …word".to_owned(),
        severity: Severity::Warning,
        hours: None,
        confirmed: true,
    };
    let seal = |place: &crate::sealing::Place| Ok(place.to_string().into_bytes());
    let channel = channels::create(c, scope, &new, seal, now()).unwrap().id;
    confirmation::make(c, scope, channel);
    heartbeats::make(c, scope);
    let _ = waiting_delivery(c, scope, channel);
    channel
}

/// A delivery of a channel that waits.
pub(super) fn waiting_delivery(
    c: &mut SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
) -> Id<Delivery> {
    let delivery = NewDelivery {
        channel,
        incident: None,
        kind: "test",
        message: deliveries::add_message(c, scope.organisation(), "{}").unwrap(),
    };
    deliveries::add(c, scope.organisation(), &delivery, now()).unwrap()
}

/// What is due first of every channel.
fn due(c: &mut SqliteConnection, at: Timestamp) -> Vec<Due> {
    let heads = due_deliveries::heads(c, at, &[]).unwrap();
    let ids: Vec<_> = heads.iter().map(|head| head.delivery).collect();
    due_deliveries::load(c, &ids).unwrap()
}

fn switched_off() -> ChangedChannel {
    ChangedChannel {
        name: "mine".to_owned(),
        enabled: false,
        severity: Severity::Critical,
        hours: None,
    }
}

/// Nothing of theirs is found by our scope.
pub(super) fn is_kept_apart(c: &mut SqliteConnection, ours: &Tenant, theirs: &Tenant) {
    let (scope, foreign) = (ours.scope, theirs.channel);
    heartbeats::are_kept_apart(c, ours, theirs);
    confirmation::is_kept_apart(c, ours, theirs);
    absent(channels::get(c, scope, foreign));
    absent(channels::change(c, scope, foreign, &switched_off()));
    absent(channels::are_there(c, scope, &[ours.channel, foreign]));
    channels::are_there(c, scope, &[ours.channel]).unwrap();
    assert_eq!(deliveries::count_dead(c, scope).unwrap(), []);
    absent(channels::delete(c, scope, foreign));
    assert_eq!(channels::count(c, scope).unwrap(), 1);
    let list = channels::list(c, scope).unwrap();
    assert_eq!(list.first().map(|row| row.id), Some(ours.channel));
    assert!(deliveries::list(c, scope, foreign, 9).unwrap().is_empty());
    assert_eq!(deliveries::count_waiting(c, scope, foreign).unwrap(), 0);
    assert_eq!(
        deliveries::list(c, scope, ours.channel, 9).unwrap().len(),
        1
    );
    // Each comes with its own organisation and settings.
    let due = due(c, now());
    assert_eq!(due.len(), 2);
    for one in due {
        let tenant = if one.channel == ours.channel {
            ours
        } else {
            theirs
        };
        assert_eq!(one.organisation, tenant.scope.organisation());
        assert_eq!(one.organisation_name, tenant.name);
        let place = channels::settings_place(tenant.channel).to_string();
        assert_eq!(one.sealed, place.into_bytes());
    }
}

/// What is told of one incident stays in order, also while the first of it is tried again.
#[test]
fn nothing_overtakes_what_came_before_it_of_the_same_incident() {
    let c = &mut super::database();
    let scope = organisations::create(c, "Ours", now()).unwrap();
    let channel = make(c, scope);
    let add = |c: &mut SqliteConnection, incident, kind, at| {
        let new = NewDelivery {
            channel,
            incident,
            kind,
            message: deliveries::add_message(c, scope.organisation(), "{}").unwrap(),
        };
        deliveries::add(c, scope.organisation(), &new, at).unwrap()
    };
    let (one, other) = (Some(Id::random()), Some(Id::random()));
    let first = due(c, now());
    let tried = |delivered, again_at| Tried {
        again_at,
        delivered,
        status: None,
        problem: None,
        took: Duration::ZERO,
    };
    let done = tried(true, None);
    deliveries::note(c, first.first().unwrap().id, &done, now()).unwrap();
    let at = |seconds| now().after(Duration::from_secs(seconds));
    let opened = add(c, one, "opened", at(1));
    let resolved = add(c, one, "resolved", at(2));
    let elsewhere = add(c, other, "opened", at(3));
    let next = |c: &mut SqliteConnection, seconds| {
        let due = due(c, at(seconds));
        due.first().map(|due| due.id)
    };
    assert_eq!(next(c, 4), Some(opened));
    deliveries::note(c, opened, &tried(false, Some(at(60))), at(4)).unwrap();
    assert_eq!(next(c, 5), Some(elsewhere));
    deliveries::note(c, elsewhere, &done, at(5)).unwrap();
    assert_eq!(next(c, 59), None);
    assert_eq!(next(c, 60), Some(opened));
    deliveries::note(c, opened, &done, at(61)).unwrap();
    assert_eq!(next(c, 61), Some(resolved));
    channels::change(c, scope, channel, &switched_off()).unwrap();
    assert_eq!(next(c, 61), None, "it is off");
}

/// One process sends at a time; who is known by the same name goes on at once.
#[test]
fn the_lease_has_one_holder_until_it_ends() {
    let c = &mut super::database();
    let length = Duration::from_mins(1);
    let later = now().after(Duration::from_mins(2));
    assert!(!deliveries::is_leased(c, now()).unwrap());
    assert!(deliveries::lease(c, 1, now(), length).unwrap());
    assert!(deliveries::lease(c, 1, now(), length).unwrap());
    assert!(!deliveries::lease(c, 2, now(), length).unwrap());
    assert!(deliveries::is_leased(c, now()).unwrap());
    assert!(deliveries::lease(c, 2, later, length).unwrap());
    deliveries::release(c, 1).unwrap();
    assert!(deliveries::is_leased(c, later).unwrap());
    deliveries::release(c, 2).unwrap();
    assert!(!deliveries::is_leased(c, later).unwrap());
    assert!(deliveries::lease(c, 1, later, length).unwrap());
}

/// Mails of one organisation have a bound in each hour, and take nothing from another's.
#[test]
fn so_many_mails_of_an_organisation_go_in_an_hour() {
    let c = &mut super::database();
    let ours = organisations::create(c, "Ours", now())
        .unwrap()
        .organisation();
    let theirs = organisations::create(c, "Theirs", now())
        .unwrap()
        .organisation();
    let at = |minutes| now().after(Duration::from_mins(minutes));
    let mut take = |whose, minutes| organisation_mails::take(c, whose, 2, at(minutes)).unwrap();
    assert_eq!(take(ours, 0), None);
    assert_eq!(take(ours, 10), None);
    assert_eq!(take(ours, 20), Some(Duration::from_mins(40)));
    assert_eq!(take(theirs, 20), None);
    assert_eq!(take(ours, 60), None);
    assert_eq!(take(ours, 60), None);
    assert_eq!(take(ours, 61), Some(Duration::from_mins(59)));
    // A clock that was set back keeps nobody waiting for years.
    assert_eq!(take(ours, 0), None);
}
