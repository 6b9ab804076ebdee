//! Links of channels, and mails that ask addresses, of two organisations.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::{Tenant, absent, now};
use crate::alerting::Severity;
use crate::id::{Channel, Id};
use crate::secret::{Purpose, Secret};
use crate::store::channels::NewChannel;
use crate::store::confirmation_mails::{AddressHash, Asked, Most};
use crate::store::{
    Scope, StoreError, channel_links, channels, confirmation_mails, due_deliveries,
    organisation_end, organisations,
};

/// A link of a channel, and the mail that it went with.
pub(super) fn make(c: &mut SqliteConnection, scope: Scope, channel: Id<Channel>) {
    let hash = Secret::generate(Purpose::Link).hash();
    channel_links::replace(c, scope, channel, &hash, super::later()).unwrap();
    let asked = Asked {
        scope,
        again_for: Some(channel),
        address: [7; 32],
    };
    let most = Most {
        of_address: 10,
        ..MOST
    };
    assert_eq!(
        confirmation_mails::take(c, &asked, most, now()).unwrap(),
        None
    );
}

/// Nothing of theirs is found by our scope.
pub(super) fn is_kept_apart(c: &mut SqliteConnection, ours: &Tenant, theirs: &Tenant) {
    absent(channels::confirm(c, ours.scope, theirs.channel, now()));
    absent(channels::sealed_settings(c, ours.scope, theirs.channel));
    channel_links::end(c, ours.scope, theirs.channel).unwrap();
}

fn waiting(c: &mut SqliteConnection, scope: Scope, name: &str) -> Id<Channel> {
    let new = NewChannel {
        name: name.to_owned(),
        kind: "email",
        shown: "…@example.org".to_owned(),
        severity: Severity::Warning,
        hours: None,
        confirmed: false,
    };
    let seal = |place: &crate::sealing::Place| Ok(place.to_string().into_bytes());
    channels::create(c, scope, &new, seal, now()).unwrap().id
}

#[test]
fn the_newest_link_of_a_channel_opens_until_it_ends() {
    let c = &mut super::database();
    let scope = organisations::create(c, "Ours", now()).unwrap();
    let channel = waiting(c, scope, "ops");
    let [before, link] = [0; 2].map(|_| Secret::generate(Purpose::Link).hash());
    for hash in [&before, &link] {
        channel_links::replace(c, scope, channel, hash, super::later()).unwrap();
    }
    assert!(channel_links::open(c, &before, now()).unwrap().is_none());
    let over = super::later();
    assert!(channel_links::open(c, &link, over).unwrap().is_none());
    let open = channel_links::open(c, &link, now()).unwrap().unwrap();
    assert_eq!((open.scope, open.channel), (scope, channel));
    assert_eq!(
        (open.organisation.as_str(), open.name.as_str()),
        ("Ours", "ops")
    );
    let place = channels::settings_place(channel).to_string();
    assert_eq!(open.sealed, place.into_bytes());
    assert_eq!(channel_links::sweep(c, now()).unwrap(), 0);
    assert_eq!(channel_links::sweep(c, over).unwrap(), 1);
    channel_links::replace(c, scope, channel, &link, over).unwrap();
    organisation_end::end(c, scope, now()).unwrap();
    let of_ended = channel_links::open(c, &link, now()).unwrap();
    assert!(of_ended.is_none(), "the organisation is being deleted");
}

#[test]
fn nothing_is_due_for_a_channel_that_waits_for_its_confirmation() {
    let c = &mut super::database();
    let scope = organisations::create(c, "Ours", now()).unwrap();
    let channel = waiting(c, scope, "ops");
    let _ = super::channels::waiting_delivery(c, scope, channel);
    assert_eq!(due_deliveries::heads(c, now(), &[]).unwrap(), []);
    let row = channels::confirm(c, scope, channel, now()).unwrap();
    assert_eq!(row.confirmed_at, Some(now()));
    assert_eq!(due_deliveries::heads(c, now(), &[]).unwrap().len(), 1);
    absent(channels::confirm(c, scope, channel, super::later()));
}

/// Neither another channel nor another organisation buys an address more mails.
#[test]
fn so_many_mails_ask_a_channel_an_address_and_for_an_organisation_in_a_day() {
    let c = &mut super::database();
    let ours = organisations::create(c, "Ours", now()).unwrap();
    let theirs = organisations::create(c, "Theirs", now()).unwrap();
    let [ops, other] = ["ops", "other"].map(|name| waiting(c, ours, name));
    let hour = |hours| now().after(Duration::from_hours(hours));
    let hours = |hours| Some(Duration::from_hours(hours));

    assert_eq!(take(c, ours, None, 1, hour(0)), None);
    assert_eq!(take(c, ours, Some(ops), 1, hour(1)), None);
    // Of a channel, again: one.
    assert_eq!(take(c, ours, Some(ops), 2, hour(2)), hours(23));
    // Of an address: two, whoever asks and for what.
    assert_eq!(take(c, theirs, None, 1, hour(2)), hours(22));
    channels::delete(c, ours, ops).unwrap();
    assert_eq!(take(c, ours, None, 1, hour(2)), hours(22));
    // Of an organisation: three.
    assert_eq!(take(c, ours, Some(other), 2, hour(3)), None);
    assert_eq!(take(c, ours, None, 3, hour(4)), hours(20));
    assert_eq!(take(c, theirs, None, 3, hour(4)), None);
    organisation_end::end(c, ours, hour(5)).unwrap();
    while organisation_end::remove_one(c).unwrap() {}
    assert_eq!(take(c, theirs, None, 1, hour(6)), hours(18));
    // A day after the first of them.
    assert_eq!(take(c, theirs, None, 1, hour(24)), None);
    assert_eq!(confirmation_mails::sweep(c, hour(25)).unwrap(), 2);
    assert_eq!(take(c, theirs, None, 1, hour(25)), None);
    // A clock that was set back keeps nobody waiting for years.
    assert_eq!(take(c, theirs, None, 1, hour(0)), None);
}

fn take(
    c: &mut SqliteConnection,
    scope: Scope,
    again_for: Option<Id<Channel>>,
    address: u8,
    at: Timestamp,
) -> Option<Duration> {
    let address: AddressHash = [address; 32];
    let asked = Asked {
        scope,
        again_for,
        address,
    };
    let taken: Result<_, StoreError> = confirmation_mails::take(c, &asked, MOST, at);
    taken.unwrap()
}

const MOST: Most = Most {
    again: 1,
    of_address: 2,
    of_organisation: 3,
};
