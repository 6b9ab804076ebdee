//! Rules, incidents and windows of two organisations.

use diesel::prelude::*;

use super::{Tenant, absent, later, now};
use crate::alerting::maintenance::{Schedule, Window};
use crate::alerting::{Change, Notice, Outcome, Place, Reach, Severity, Tracks, What};
use crate::id::{AlertRule, Id, Incident, MaintenanceWindow, Server};
use crate::store::incidents::Deed;
use crate::store::{
    Scope, alert_notices, alert_rules, alert_states, incidents, maintenance, placements,
};

/// What one organisation has.
pub(super) struct Alerts {
    pub(super) rule: Id<AlertRule>,
    pub(super) incident: Id<Incident>,
    pub(super) window: Id<MaintenanceWindow>,
}

/// An open incident of the first rule, a notice of it, and a window.
pub(super) fn make(c: &mut SqliteConnection, scope: Scope, server: Id<Server>) -> Alerts {
    let rule = alert_rules::list(c, scope).unwrap().remove(0).id;
    let change = Change {
        organisation: scope.organisation(),
        server,
        place: Place::new(rule, None),
        incident: Id::random(),
        what: What::Open {
            flaps: 0,
            boot: Some(now()),
        },
        severity: Severity::Warning,
        at: now(),
        now: now(),
        value: Some(85.0),
        worst: 85.0,
        notice: Some(Notice::alone(now())),
    };
    assert_eq!(incidents::apply(c, &change).unwrap(), Outcome::Stored);
    let window = window(server);
    let window = maintenance::create(c, scope, ("night", &window, "somebody"), now()).unwrap();
    Alerts {
        rule,
        incident: change.incident,
        window: window.id,
    }
}

/// What an orderly end leaves.
pub(super) fn leave(c: &mut SqliteConnection, tenants: [&Tenant; 2]) {
    let kept = tenants.map(|tenant| {
        let place = Place::new(tenant.alerts.rule, None);
        let organisation = tenant.scope.organisation();
        (organisation, tenant.server, place, Tracks::default())
    });
    alert_states::keep(c, &kept).unwrap();
}

fn window(server: Id<Server>) -> Window {
    Window {
        reach: Reach::Server(server),
        schedule: Schedule::Once {
            from: now(),
            to: later(),
        },
    }
}

/// Nothing of theirs is found by our scope.
pub(super) fn is_kept_apart(c: &mut SqliteConnection, ours: &Tenant, theirs: &Tenant) {
    let scope = ours.scope;
    let Alerts {
        rule,
        incident,
        window: theirs_window,
    } = theirs.alerts;
    let mut said = alert_rules::get(c, theirs.scope, rule).unwrap().said;
    absent(alert_rules::get(c, scope, rule));
    absent(alert_rules::change(c, scope, rule, &said));
    absent(alert_rules::delete(c, scope, rule));
    for reach in [Reach::Server(theirs.server), Reach::Group(theirs.group)] {
        said.reach = reach;
        said.name = "mine".to_owned();
        absent(alert_rules::create(c, scope, &said, now()));
        absent(alert_rules::change(c, scope, ours.alerts.rule, &said));
    }
    absent(incidents::get(c, scope, incident));
    absent(incidents::events(c, scope, incident));
    for deed in [
        Deed::Acknowledge,
        Deed::Release,
        Deed::Note,
        Deed::Snooze(later()),
    ] {
        absent(incidents::act(
            c,
            scope,
            incident,
            (&deed, "me", "mine"),
            now(),
        ));
    }
    let list = incidents::list(c, scope, &incidents::Filter::default(), 9).unwrap();
    let list: Vec<Id<Incident>> = list.iter().map(|row| row.id).collect();
    assert_eq!(list, [ours.alerts.incident]);
    assert_eq!(incidents::count_open(c, scope).unwrap(), 1);
    assert!(!incidents::remove_ended(c, scope, later(), 9).unwrap());
    incidents::end_of_server(c, scope, theirs.server, now()).unwrap();
    absent(maintenance::get(c, scope, theirs_window));
    absent(maintenance::end(c, scope, theirs_window, now()));
    absent(maintenance::delete(c, scope, theirs_window));
    let new = window(theirs.server);
    absent(maintenance::create(c, scope, ("mine", &new, "me"), now()));
    assert_eq!(alert_rules::count(c, scope).unwrap(), 4);
    assert_eq!(maintenance::count(c, scope).unwrap(), 1);
    assert_eq!(maintenance::list(c, scope).unwrap().len(), 1);
    let said = placements::of(c, scope).unwrap().unwrap();
    assert_eq!((said.rules.len(), said.windows.len()), (4, 1));
    assert!(said.placements.iter().all(|one| one.server == ours.server));
    let due = alert_notices::due(c, now()).unwrap().unwrap();
    let part = alert_notices::part(c, due.bundle, 9).unwrap();
    assert_eq!((part.notices.len(), part.unreadable.len()), (1, 0));
    let tells = { part.notices.first() }.map(|row| (row.scope, row.tells.server.clone()));
    let (whose, server) = tells.unwrap();
    let tenant = if whose == scope { ours } else { theirs };
    assert_eq!(whose, due.scope);
    assert_eq!(server, tenant.server.to_string());
}
