//! Heartbeats of two organisations.

use std::time::Duration;

use diesel::prelude::*;

use super::{Tenant, absent, now};
use crate::store::heartbeats::{self, Beat, SaidHeartbeat};
use crate::store::{Scope, organisations};

const SAID: SaidHeartbeat = SaidHeartbeat {
    method: "GET",
    every_minutes: 5,
};

/// A heartbeat that is due.
pub(super) fn make(c: &mut SqliteConnection, scope: Scope) {
    let seal = |place: &crate::sealing::Place| Ok(place.to_string().into_bytes());
    heartbeats::set(c, scope, "ping.example.org …word", SAID, seal, now()).unwrap();
}

/// Each comes with its own organisation and address, and one scope reaches its own alone.
pub(super) fn are_kept_apart(c: &mut SqliteConnection, ours: &Tenant, theirs: &Tenant) {
    heartbeats::evaluated(c, now()).unwrap();
    let due = heartbeats::due(c, now(), &[], 9).unwrap();
    assert_eq!(due.len(), 2);
    for one in due {
        let tenant = if one.organisation == ours.scope.organisation() {
            ours
        } else {
            theirs
        };
        let row = heartbeats::get(c, tenant.scope).unwrap();
        assert_eq!(
            (one.id, &one.organisation_name),
            (row.id, &tenant.name.to_owned())
        );
        assert_eq!(
            one.sealed,
            heartbeats::address_place(row.id).to_string().into_bytes()
        );
    }
    heartbeats::remove(c, ours.scope).unwrap();
    absent(heartbeats::get(c, ours.scope));
    absent(heartbeats::change(c, ours.scope, SAID, now()));
    absent(heartbeats::remove(c, ours.scope));
    heartbeats::get(c, theirs.scope).unwrap();
    make(c, ours.scope);
}

/// The silence is what tells, so whoever evaluates nothing must not be heard.
#[test]
fn a_heartbeat_is_due_only_while_alerts_are_evaluated() {
    let c = &mut super::database();
    let scope = organisations::create(c, "Ours", now()).unwrap();
    make(c, scope);
    let at = |seconds| now().after(Duration::from_secs(seconds));
    let count =
        |c: &mut SqliteConnection, seconds| heartbeats::due(c, at(seconds), &[], 9).unwrap().len();
    assert_eq!(count(c, 0), 0, "nothing was ever evaluated");
    heartbeats::evaluated(c, at(0)).unwrap();
    assert_eq!(count(c, 60), 1);
    assert_eq!(count(c, 61), 0, "that was too long ago");
    heartbeats::evaluated(c, at(3600)).unwrap();
    assert_eq!(count(c, 61), 0, "the clock was wrong then");
    assert_eq!(count(c, 3600), 1);
}

/// What was replaced while it was under way says nothing about what replaced it.
#[test]
fn what_became_of_a_heartbeat_is_kept_with_it() {
    let c = &mut super::database();
    let scope = organisations::create(c, "Ours", now()).unwrap();
    heartbeats::evaluated(c, now()).unwrap();
    make(c, scope);
    let first = heartbeats::get(c, scope).unwrap().id;
    let under_way = [scope.organisation()];
    assert!(heartbeats::due(c, now(), &under_way, 9).unwrap().is_empty());
    make(c, scope);
    // Another address is another heartbeat, and still one at a time.
    assert!(heartbeats::due(c, now(), &under_way, 9).unwrap().is_empty());
    let second = heartbeats::get(c, scope).unwrap().id;
    assert_ne!(first, second);
    let first = second;
    let later = now().after(Duration::from_mins(5));
    let beat = |arrived, problem: Option<&str>| Beat {
        due_at: now(),
        next_at: later,
        arrived,
        status: Some(503),
        problem: problem.map(str::to_owned),
        took: Duration::from_millis(7),
    };
    heartbeats::note(c, first, &beat(true, None), now()).unwrap();
    heartbeats::note(c, first, &beat(false, Some("It is busy.")), later).unwrap();
    let row = heartbeats::get(c, scope).unwrap();
    assert_eq!(
        (row.arrived_at(), row.tried_at()),
        (Some(now()), Some(later))
    );
    assert_eq!(
        (row.problem.as_deref(), row.took),
        (Some("It is busy."), Some(7))
    );
    assert_eq!(row.due_at(), later);
    heartbeats::change(c, scope, SAID, now()).unwrap();
    let early = now().after(Duration::from_secs(1));
    heartbeats::change(c, scope, SAID, early).unwrap();
    heartbeats::note(c, first, &beat(true, None), later).unwrap();
    assert_eq!(
        heartbeats::get(c, scope).unwrap().due_at(),
        early,
        "it was changed meanwhile"
    );
    make(c, scope);
    heartbeats::note(c, first, &beat(true, None), now()).unwrap();
    let row = heartbeats::get(c, scope).unwrap();
    assert_eq!((row.arrived_at(), row.tried_at()), (None, None));
    let changed = heartbeats::change(c, scope, SAID, later).unwrap();
    assert_eq!((changed.id, changed.due_at()), (row.id, later));
}
