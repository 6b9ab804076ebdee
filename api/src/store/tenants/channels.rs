//! Channels and deliveries of two organisations.

use diesel::prelude::*;

use super::{Tenant, absent, now};
use crate::alerting::Severity;
use crate::id::{Channel, Id};
use crate::store::channels::NewChannel;
use crate::store::deliveries::NewDelivery;
use crate::store::{Scope, channels, deliveries};

/// A channel with a delivery that waits.
pub(super) fn make(c: &mut SqliteConnection, scope: Scope) -> Id<Channel> {
    let new = NewChannel {
        name: "ops".to_owned(),
        kind: "webhook",
        shown: "hooks.example.org …word".to_owned(),
        severity: Severity::Warning,
        hours: None,
    };
    let seal = |place: &crate::sealing::Place| Ok(place.to_string().into_bytes());
    let channel = channels::create(c, scope, &new, seal, now()).unwrap().id;
    let delivery = NewDelivery {
        channel,
        incident: None,
        kind: "test",
        message: "{}".to_owned(),
    };
    deliveries::add(c, scope.organisation(), &delivery, now()).unwrap();
    channel
}

/// Nothing of theirs is found by our scope.
pub(super) fn is_kept_apart(c: &mut SqliteConnection, ours: &Tenant, theirs: &Tenant) {
    let (scope, foreign) = (ours.scope, theirs.channel);
    absent(channels::get(c, scope, foreign));
    let change = ("mine", false, Severity::Critical);
    absent(channels::change(c, scope, foreign, change));
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
    let due = deliveries::due(c, now(), &[], 9).unwrap();
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
