//! P6, at the lowest boundary: no repository reaches beyond its scope, whatever ids it is given.
//!
//! Each query is asked here by itself, also where the services ask another one before it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod alerts;
mod channels;
mod confirmation;
mod data;
mod delivery_bounds;
mod heartbeats;

use diesel::prelude::*;
use diesel::sql_types::Text;
use server_scout_wire::{Tags, Timestamp};

use super::audit::{Chain, EventRow, Filter, InboxRow};
use super::enrolments::{FoundEnrolment, NewEnrolment};
use super::invitations::NewInvitation;
use super::servers::ServerFilter;
use super::sessions::{NewSession, Whose};
use super::tags::Origin;
use super::tokens::NewToken;
use super::{
    Heads, Scope, StoreError, agent_keys, audit, connection, credentials, enrolments, expiry,
    export, groups, invitations, live, member_groups, members, organisation_end, organisations,
    people, removal, retention, second_factors, series, servers, sessions, tags, tokens,
};
use crate::access::{Role, TokenScope};
use crate::id::{AccessToken, AgentKey, Channel, Group, Id, Invitation, Person, Server, Session};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::timeseries::roll_up::Resolution;

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

fn later() -> Timestamp {
    now().after(std::time::Duration::from_mins(1))
}

/// An organisation with something in every table.
struct Tenant {
    scope: Scope,
    name: &'static str,
    email: String,
    person: Id<Person>,
    both: Id<Person>,
    server: Id<Server>,
    key: Id<AgentKey>,
    key_hash: SecretHash,
    session: Id<Session>,
    session_hash: SecretHash,
    token_hash: SecretHash,
    token: Id<AccessToken>,
    group: Id<Group>,
    invitation: Id<Invitation>,
    enrolment: FoundEnrolment,
    last: EventRow,
    alerts: alerts::Alerts,
    channel: Id<Channel>,
}

/// An address that both have invited.
const INVITED: &str = "invited@example.org";

fn database() -> SqliteConnection {
    let mut c = connection::open_in_memory(":memory:").unwrap();
    connection::migrate(&mut c, std::path::Path::new(":memory:")).unwrap();
    c
}

/// Two organisations; one person belongs to both, as a viewer to the first.
fn tenants(c: &mut SqliteConnection) -> (Tenant, Tenant) {
    let both = people::create(c, "both@example.org", "hash", now()).unwrap();
    let ours = tenant(c, "Ours", both, Role::Viewer);
    let theirs = tenant(c, "Theirs", both, Role::Owner);
    alerts::leave(c, [&ours, &theirs]);
    (ours, theirs)
}

fn tenant(c: &mut SqliteConnection, name: &'static str, person: Id<Person>, role: Role) -> Tenant {
    let scope = organisations::create(c, name, now()).unwrap();
    let email = format!("{name}@example.org").to_lowercase();
    let other = people::create(c, &email, "hash", now()).unwrap();
    members::join(c, scope, other, Role::Admin, now()).unwrap();
    members::join(c, scope, person, role, now()).unwrap();
    let server = servers::create(c, scope, &format!("of {name}"), now())
        .unwrap()
        .id;
    let [key_hash, session_hash, token_hash] =
        [Purpose::AgentKey, Purpose::Session, Purpose::AccessToken]
            .map(|purpose| Secret::generate(purpose).hash());
    let key = agent_keys::create(c, scope, server, &key_hash, "1234", now()).unwrap();
    data::append(c, scope, server, now());
    data::fold(c, scope, server);
    data::append(c, scope, server, later());
    retention::set(c, scope, &data::KEPT).unwrap();
    let new = NewSession {
        hash: session_hash,
        organisation: scope.organisation(),
        person,
        address: String::new(),
        user_agent: String::new(),
    };
    sessions::create(c, &new, now()).unwrap();
    let token = NewToken {
        person,
        hash: token_hash,
        name: name.to_owned(),
        scope: TokenScope::Write,
        expires_at: later(),
    };
    let token = tokens::create(c, scope, &token, now()).unwrap().id;
    let group = groups::create(c, scope, &format!("group of {name}"), now())
        .unwrap()
        .id;
    groups::add_server(c, scope, group, server).unwrap();
    member_groups::limit(c, scope, other, &[group]).unwrap();
    let tag = Tags::parse([name.to_lowercase().as_str()]).unwrap();
    tags::replace(c, scope, server, Origin::Person, &tag).unwrap();
    let enrolment = enrol(c, scope, server);
    let invitation = invite(c, scope, person);
    let alerts = alerts::make(c, scope, server);
    let channel = channels::make(c, scope);
    let whose = whose(scope, person);
    let mine = sessions::list(c, whose, Timestamp::default(), Timestamp::default()).unwrap();
    let last = events(c, scope, name, [person, person, other]);
    Tenant {
        scope,
        name,
        email,
        person: other,
        both: person,
        server,
        key,
        key_hash,
        session: mine.first().unwrap().id,
        session_hash,
        token_hash,
        token,
        group,
        invitation,
        enrolment,
        last,
        alerts,
        channel,
    }
}

fn invite(c: &mut SqliteConnection, scope: Scope, by: Id<Person>) -> Id<Invitation> {
    let new = NewInvitation {
        hash: Secret::generate(Purpose::Link).hash(),
        email: INVITED.to_owned(),
        role: Role::Viewer,
        by: Some(by),
        expires_at: later(),
    };
    invitations::replace(c, scope, &new, now()).unwrap();
    let open = invitations::list(c, scope, now()).unwrap();
    open.first().unwrap().id
}

fn enrol(c: &mut SqliteConnection, scope: Scope, server: Id<Server>) -> FoundEnrolment {
    let new = NewEnrolment {
        hash: Secret::generate(Purpose::Enrolment).hash(),
        server: Some(server),
        name: String::new(),
        group: None,
        person: None,
        made_by: String::new(),
        expires_at: later(),
    };
    enrolments::create(c, scope, &new, now()).unwrap();
    enrolments::find(c, &new.hash, now()).unwrap().unwrap()
}

fn whose(scope: Scope, person: Id<Person>) -> Whose {
    Whose {
        person,
        organisation: Some(scope.organisation()),
    }
}

/// Events of these people, and something that a command left.
fn events(c: &mut SqliteConnection, scope: Scope, name: &str, people: [Id<Person>; 3]) -> EventRow {
    let chain = Chain::Organisation(scope).as_i64();
    let mut event = EventRow {
        organisation_id: chain,
        number: 0,
        at: now().as_millis(),
        actor_kind: "person".to_owned(),
        actor_name: name.to_owned(),
        person_id: None,
        action: "server.added".to_owned(),
        object_kind: String::new(),
        object_id: String::new(),
        object_name: String::new(),
        detail: String::new(),
        address: String::new(),
        user_agent: String::new(),
        seal: name.bytes().cycle().take(32).collect(),
    };
    for (number, person) in (1..).zip(people) {
        event.number = number;
        event.person_id = Some(person);
        audit::append(c, &event).unwrap();
    }
    let left = InboxRow {
        id: 0,
        chain,
        at: 0,
        action: "x".to_owned(),
        object_kind: String::new(),
        object_id: String::new(),
        object_name: String::new(),
        detail: String::new(),
    };
    audit::leave(c, &left).unwrap();
    event
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Every row of an organisation, in every table.
fn stored(c: &mut SqliteConnection, scope: Scope) -> Vec<String> {
    let mut lines = |query: String| -> Vec<String> {
        let lines: Vec<Line> = diesel::sql_query(query).load(c).unwrap();
        lines.into_iter().map(|line| line.text).collect()
    };
    let id = scope.organisation().as_i64();
    let tables = "SELECT DISTINCT m.name AS text FROM sqlite_schema m, pragma_table_info(m.name) p \
                  WHERE m.type = 'table' AND p.name = 'organisation_id'";
    let mut stored = lines(format!(
        "SELECT name || requires_second_factor || ifnull(deleted_at, '') AS text \
         FROM organisation WHERE id = {id}"
    ));
    for table in lines(tables.to_owned()) {
        let columns = lines(format!(
            "SELECT 'quote(' || name || ')' AS text FROM pragma_table_info('{table}')"
        ));
        let row = columns.join(" || ' ' || ");
        stored.extend(lines(format!(
            "SELECT '{table} ' || {row} AS text FROM {table} WHERE organisation_id = {id} ORDER BY 1"
        )));
    }
    assert!(!stored.is_empty());
    stored
}

#[expect(clippy::needless_pass_by_value, reason = "an answer is looked at once")]
fn absent<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
}

#[test]
fn ids_of_another_organisation_name_nothing() {
    let c = &mut database();
    let (ours, theirs) = tenants(c);
    let (scope, id) = (ours.scope, theirs.server);
    let before = stored(c, theirs.scope);

    absent(servers::get(c, scope, id));
    absent(servers::by_name(c, scope, "of Theirs"));
    absent(servers::rename(c, scope, id, "taken"));
    absent(servers::set_paused(c, scope, id, Some(now())));
    absent(servers::delete(c, scope, id, now()));
    assert!(!servers::set_host(c, scope, id, "{}", now()).unwrap());

    assert!(agent_keys::list(c, scope, id).unwrap().is_empty());
    absent(agent_keys::revoke(c, scope, id, theirs.key, now()));
    absent(agent_keys::revoke(c, scope, ours.server, theirs.key, now()));
    agent_keys::delete_all(c, scope, id).unwrap();

    data::is_kept_apart(c, scope, theirs.scope, id);
    alerts::is_kept_apart(c, &ours, &theirs);
    channels::is_kept_apart(c, &ours, &theirs);
    assert!(series::of_server(c, scope, id).unwrap().is_empty());

    let both = theirs.both;
    absent(sessions::named(c, whose(scope, both), theirs.session));
    absent(sessions::end_named(c, whose(scope, both), theirs.session));
    absent(tokens::member_by_email(c, scope, &theirs.email));
    absent(tokens::get(c, scope, theirs.token));
    absent(tokens::revoke(c, scope, theirs.token));
    let group = theirs.group;
    absent(groups::get(c, scope, group));
    absent(groups::rename(c, scope, group, "taken"));
    absent(groups::delete(c, scope, group));
    absent(groups::add_server(c, scope, group, ours.server));
    absent(groups::add_server(c, scope, ours.group, id));
    absent(groups::remove_server(c, scope, group, id));
    assert!(groups::of(c, scope, &[id]).unwrap().is_empty());
    let mine = Tags::parse(["mine"]).unwrap();
    absent(tags::replace(c, scope, id, Origin::Person, &mine));
    assert!(tags::of(c, scope, &[id]).unwrap().is_empty());
    absent(enrolments::remove(c, scope, theirs.enrolment.id));
    let person = theirs.person;
    absent(member_groups::get(c, scope, person));
    absent(member_groups::limit(c, scope, person, &[]));
    absent(member_groups::unlimit(c, scope, person));
    absent(member_groups::limit(c, scope, ours.both, &[group]));
    absent(members::find(c, scope, person));
    assert!(
        members::by_email(c, scope, &theirs.email)
            .unwrap()
            .is_none()
    );
    absent(members::set_role(c, scope, person, Role::Owner));
    absent(members::set_suspended(c, scope, person, Some(now())));
    absent(members::remove(c, scope, person));
    absent(invitations::find(c, scope, theirs.invitation, now()));
    absent(invitations::end(c, scope, theirs.invitation));
    assert!(!audit::knows(c, scope, theirs.person).unwrap());
    assert_eq!(before, stored(c, theirs.scope));
}

#[test]
fn lists_hold_what_is_of_the_organisation_alone() {
    let c = &mut database();
    let (one, other) = tenants(c);
    for (ours, theirs) in [(&one, &other), (&other, &one)] {
        let scope = ours.scope;
        assert_eq!(servers::count(c, scope).unwrap(), 1);
        let list = servers::list(c, scope, &ServerFilter::default(), "", 9, |_| true).unwrap();
        assert_eq!(
            list.iter().map(|row| row.id).collect::<Vec<_>>(),
            [ours.server]
        );
        assert_eq!(organisations::name(c, scope).unwrap(), ours.name);
        let events = audit::list(c, scope, &Filter::default(), 9).unwrap();
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|event| event.actor_name == ours.name));
        assert!(audit::knows(c, scope, ours.person).unwrap());
        let number = Chain::Organisation(scope).as_i64();
        assert_eq!(audit::chain(c, number).unwrap().head, ours.last.seal);
        let page = members::page(c, scope, None, 9).unwrap();
        assert_eq!(page.len(), 2);
        assert!(page.iter().all(|row| row.email != theirs.email));
        assert_eq!(members::count(c, scope).unwrap(), 2);
        let groups = groups::list(c, scope).unwrap();
        assert_eq!(
            groups.iter().map(|row| row.id).collect::<Vec<_>>(),
            [ours.group]
        );
        assert_eq!(groups::sizes(c, scope).unwrap().len(), 1);
        let tags = tags::all(c, scope, 9).unwrap();
        assert_eq!(tags, [ours.name.to_lowercase()]);
        assert_eq!(enrolments::count(c, scope, now()).unwrap(), 1);
        assert_eq!(ours.enrolment.scope, scope);
        let limits = member_groups::get(c, scope, ours.person).unwrap();
        assert_eq!(limits.groups, [ours.group]);
        assert_eq!(tokens::count(c, scope, ours.both).unwrap(), 1);
        let tokens = tokens::list(c, scope, None, None, 9).unwrap();
        assert_eq!(
            tokens.iter().map(|row| row.id).collect::<Vec<_>>(),
            [ours.token]
        );
        assert_eq!(second_factors::members(c, scope).unwrap(), 2);
        assert_eq!(second_factors::members_without(c, scope).unwrap(), 2);
        let open = invitations::list(c, scope, now()).unwrap();
        let open: Vec<_> = open.iter().map(|row| row.id).collect();
        assert_eq!(open, [ours.invitation]);
        assert_eq!(invitations::count(c, scope, now()).unwrap(), 1);
        let both = ours.both;
        let begin = Timestamp::default();
        let list = sessions::list(c, whose(scope, both), begin, begin).unwrap();
        assert_eq!(
            list.iter().map(|row| row.id).collect::<Vec<_>>(),
            [ours.session]
        );
        for part in export::Part::ALL {
            let records = export::read(c, scope, part, -1, 99).unwrap();
            let text = serde_json::to_string(&records).unwrap();
            assert!(!records.is_empty(), "{part:?}");
            for foreign in [
                theirs.name.to_owned(),
                theirs.email.clone(),
                theirs.server.to_string(),
                theirs.key.to_string(),
            ] {
                assert!(!text.contains(&foreign), "{part:?}: {text}");
            }
            let expected = match part {
                export::Part::Members => 2,
                export::Part::AlertRules => 4,
                export::Part::AuditEvents | export::Part::Series => 3,
                export::Part::RollUps => 8,
                _ => 1,
            };
            assert_eq!(records.len(), expected, "{part:?}: {text}");
        }
    }
}

#[test]
fn a_credential_is_worth_its_own_organisation_and_the_role_there() {
    let c = &mut database();
    let (ours, theirs) = tenants(c);
    for (tenant, role) in [(&ours, Role::Viewer), (&theirs, Role::Owner)] {
        let session = credentials::session(c, &tenant.session_hash).unwrap();
        let token = credentials::access_token(c, &tenant.token_hash).unwrap();
        for found in [session.unwrap().identity, token.unwrap().identity] {
            assert_eq!(found.scope, tenant.scope);
            assert_eq!(found.organisation, tenant.name);
            assert_eq!(found.role, role);
        }
        let agent = credentials::agent_key(c, &tenant.key_hash)
            .unwrap()
            .unwrap();
        assert_eq!((agent.scope, agent.server), (tenant.scope, tenant.server));
        let operator = credentials::operator(c, tenant.name).unwrap();
        assert_eq!(operator, Some(tenant.scope));
    }
    // The one owner is one of the other organisation.
    assert!(!members::another_owner(c, ours.scope, ours.person).unwrap());
    second_factors::require(c, theirs.scope, true).unwrap();
    assert!(!second_factors::is_required(c, ours.scope).unwrap());
    assert!(second_factors::is_required(c, theirs.scope).unwrap());
    let heads = Heads::load(c).unwrap();
    let of_all = live::newest_of_all(c, &heads).unwrap();
    assert!(of_all.iter().all(|server| server.newest.is_some()));
}

#[test]
fn what_is_done_to_an_organisation_leaves_the_others_alone() {
    let c = &mut database();
    let (ours, theirs) = tenants(c);
    let number = Chain::Organisation(ours.scope).as_i64();

    organisations::rename(c, ours.scope, "Renamed").unwrap();
    assert_eq!(audit::after(c, number, 0, 9).unwrap().len(), 3);
    // One of theirs that is younger keeps none of ours.
    let mut younger = theirs.last.clone();
    younger.number = 2;
    younger.at = later().as_millis();
    audit::close(c, &younger, &[3; 32]).unwrap();
    audit::append(c, &younger).unwrap();
    let before = stored(c, theirs.scope);
    expiry::remove_samples(c, ours.scope, Timestamp::from_millis(i64::MAX / 2)).unwrap();
    for resolution in Resolution::ALL {
        let all = Timestamp::from_millis(i64::MAX / 2);
        expiry::remove_roll_ups(c, ours.scope, resolution, all).unwrap();
    }
    retention::set(
        c,
        ours.scope,
        &retention::Kept {
            raw: 9,
            ..data::KEPT
        },
    )
    .unwrap();
    assert_eq!(retention::of(c, theirs.scope).unwrap(), Some(data::KEPT));
    second_factors::require(c, ours.scope, true).unwrap();
    sessions::end_within(c, ours.scope, ours.both).unwrap();
    tokens::revoke_within(c, ours.scope, ours.both).unwrap();
    assert_ne!(invite(c, ours.scope, ours.both), ours.invitation);
    assert_eq!(invitations::end_by(c, ours.scope, ours.both).unwrap(), 1);
    let last = audit::last_before(c, number, later()).unwrap().unwrap();
    assert_eq!((last.organisation_id, last.number), (number, 3));
    audit::close(c, &ours.last, &[2; 32]).unwrap();
    let gone = organisation_end::end(c, ours.scope, now()).unwrap();
    assert_eq!(gone, [ours.server]);
    audit::remove(c, ours.scope).unwrap();
    while removal::remove_some(c, 9).unwrap().is_some() {}
    assert!(organisation_end::remove_one(c).unwrap());
    assert!(!organisation_end::remove_one(c).unwrap());

    assert_eq!(before, stored(c, theirs.scope));
    assert!(people::by_email(c, &theirs.email).unwrap().is_some());
    assert!(people::by_email(c, "both@example.org").unwrap().is_some());
    assert!(people::by_email(c, &ours.email).unwrap().is_none());
}
