//! P6 and P12: groups, tags and filters; a limited member reaches the servers of their groups alone.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::access::{Right, Role};
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::client::Client;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::servers::{ServerChange, ServerQuery};
use server_scout::domain::status::Status;
use server_scout::id::{Group, Id, Server};
use server_scout::store::Scope;
use server_scout::store::credentials::AgentIdentity;
use server_scout::timeseries::Window;
use server_scout_wire::Metric;
use support::{EMAIL, PASSWORD, World, attempt, report};

const MEMBER: &str = "mia@example.org";
const SECOND: Duration = Duration::from_secs(1);

struct Fleet {
    world: World,
    owner: Acting,
    scope: Scope,
    web: AgentIdentity,
    db: AgentIdentity,
    customer: Id<Group>,
}

/// Two servers, `web` in the group Customer, and a member who is limited to nothing yet.
async fn fleet() -> Fleet {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let owner = Acting::operator(scope);
    let (web, _) = world.server(scope, "web").await;
    let (db, _) = world.server(scope, "db").await;
    let group = world.services.add_group(&owner, "Customer").await.unwrap();
    let put = world
        .services
        .set_in_group(&owner, group.id, web.server, true);
    put.await.unwrap();
    let added = world
        .services
        .add_person(MEMBER, "Acme", Some(Role::Member), PASSWORD.to_owned());
    added.await.unwrap();
    Fleet {
        world,
        owner,
        scope,
        web,
        db,
        customer: group.id,
    }
}

impl Fleet {
    async fn member(&self) -> PersonPrincipal {
        let session = self.world.services.log_in(attempt(MEMBER, PASSWORD)).await;
        let session = session.unwrap().done().unwrap().session;
        let session = session.expose().to_owned();
        self.world.person(Credential::Session(session)).await
    }

    async fn limit(&self, groups: Option<Vec<Id<Group>>>) -> PersonPrincipal {
        let member = self.member().await;
        let services = &self.world.services;
        let set = services.set_member_groups(&self.owner, member.person(), groups);
        set.await.unwrap();
        self.member().await
    }

    async fn names(&self, scope: Scope, query: ServerQuery) -> Vec<String> {
        let page = self.world.services.servers(scope, query).await.unwrap();
        page.servers.into_iter().map(|one| one.row.name).collect()
    }

    async fn send(&self, agent: AgentIdentity, more: &str) {
        let body = report(self.world.now(), 42.0, more);
        let outcomes = self
            .world
            .services
            .ingest(agent, Client::default(), body.into())
            .await;
        assert_eq!(outcomes.unwrap().outcomes.len(), 1);
        self.world.hand.advance(SECOND);
    }
}

fn tags(tags: &[&str]) -> ServerChange {
    ServerChange {
        tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        ..ServerChange::default()
    }
}

fn is_missing<T>(result: &Result<T, ServiceError>) -> bool {
    matches!(result, Err(ServiceError::NotFound))
}

fn is_invalid<T>(result: &Result<T, ServiceError>, about: &str) -> bool {
    matches!(result, Err(ServiceError::Invalid { member, .. }) if *member == about)
}

#[tokio::test]
async fn a_limited_member_reaches_the_servers_of_their_groups_alone() {
    let fleet = fleet().await;
    fleet.send(fleet.web, "").await;
    fleet.send(fleet.db, "").await;
    let member = fleet.limit(Some(vec![fleet.customer])).await;
    let scope = member.scope(Right::Read).unwrap();
    let acting = member.acting(Right::Write).unwrap();
    let services = &fleet.world.services;

    assert_eq!(fleet.names(scope, ServerQuery::default()).await, ["web"]);
    assert!(services.server(scope, fleet.web.server).await.is_ok());
    let hidden = fleet.db.server;
    assert!(is_missing(&services.server(scope, hidden).await));
    assert!(is_missing(&services.agent_keys(scope, hidden).await));
    let change = services.change_server(&acting, hidden, tags(&["x"])).await;
    assert!(is_missing(&change));
    assert!(is_missing(&services.delete_server(&acting, hidden).await));
    let history = |server: Id<Server>| {
        let now = fleet.world.now();
        let window = Window::new(now.before(60 * SECOND), now, 10).unwrap();
        services.history(scope, server, vec![Metric::CpuUsage], window)
    };
    assert!(!history(fleet.web.server).await.unwrap().series.is_empty());
    assert!(is_missing(&history(hidden).await));

    let sight = services.sight(scope).await.unwrap();
    assert!(
        !services
            .live()
            .newest(&sight, fleet.web.server)
            .values
            .is_empty()
    );
    assert!(services.live().newest(&sight, hidden).values.is_empty());
    let statuses = services.live().statuses(&sight, fleet.world.now());
    assert_eq!(statuses.len(), 1);
    // Nothing was changed.
    let hidden = services.server(fleet.scope, hidden).await.unwrap();
    assert!(hidden.tags.of_people.is_empty());
}

/// Every query of the store is asked by itself, as if the service before it had forgotten to.
#[tokio::test]
async fn every_query_of_what_belongs_to_a_server_filters_by_itself() {
    use server_scout::store::{agent_keys, groups, reports, series, servers, tags};
    let fleet = fleet().await;
    for (agent, tag) in [(fleet.web, "prod"), (fleet.db, "secret")] {
        let host = format!(r#","host":{{"tags":["{tag}"]}}"#);
        fleet.send(agent, &host).await;
    }
    let services = &fleet.world.services;
    let other = services.add_group(&fleet.owner, "Hidden").await.unwrap().id;
    for server in [fleet.web.server, fleet.db.server] {
        let put = services.set_in_group(&fleet.owner, other, server, true);
        put.await.unwrap();
    }
    let member = fleet.limit(Some(vec![fleet.customer])).await;
    let scope = member.scope(Right::Read).unwrap();
    let (shown, hidden) = (fleet.web.server, fleet.db.server);
    let store = fleet.world.store();
    let heads = store.heads();
    let read = store.read(move |c| {
        for (server, seen) in [(shown, true), (hidden, false)] {
            assert_eq!(servers::get(c, scope, server).is_ok(), seen);
            assert_eq!(!series::of_server(c, scope, server)?.is_empty(), seen);
            let positions = heads.of(server);
            assert!(!positions.is_empty());
            assert_eq!(
                reports::newest(c, scope, server, &positions)?.is_some(),
                seen
            );
            assert_eq!(!agent_keys::list(c, scope, server)?.is_empty(), seen);
            assert_eq!(tags::of(c, scope, &[server])?.contains_key(&server), seen);
            assert_eq!(groups::of(c, scope, &[server])?.contains_key(&server), seen);
        }
        assert!(servers::by_name(c, scope, "db").is_err());
        assert_eq!(tags::all(c, scope, 9)?, ["prod"]);
        let groups_of = groups::of(c, scope, &[shown])?;
        assert!(groups_of.values().all(|groups| groups.len() == 1));
        assert_eq!(groups::list(c, scope)?.len(), 1);
        assert!(groups::get(c, scope, other).is_err());
        assert_eq!(groups::sizes(c, scope)?.len(), 1);
        assert_eq!(servers::ids(c, scope)?, [shown]);
        // The organisation's limit counts all of them.
        assert_eq!(servers::count(c, scope)?, 2);
        Ok(())
    });
    read.await.unwrap();
}

#[tokio::test]
async fn without_a_group_a_limited_member_sees_nothing_and_not_everything() {
    let fleet = fleet().await;
    let member = fleet.limit(Some(vec![fleet.customer])).await;
    let scope = member.scope(Right::Read).unwrap();
    let services = &fleet.world.services;
    let generation = services.generation().unwrap();
    services
        .delete_group(&fleet.owner, fleet.customer)
        .await
        .unwrap();
    // What makes live streams ask again.
    assert!(services.generation().unwrap() > generation);
    assert!(fleet.names(scope, ServerQuery::default()).await.is_empty());
    let again = fleet.member().await.scope(Right::Read).unwrap();
    assert!(fleet.names(again, ServerQuery::default()).await.is_empty());

    let free = fleet.limit(None).await.scope(Right::Read).unwrap();
    assert_eq!(
        fleet.names(free, ServerQuery::default()).await,
        ["db", "web"]
    );
}

#[tokio::test]
async fn owners_and_admins_cannot_be_limited() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    let owner = fleet.world.log_in().await;
    let session = Credential::Session(owner.expose().to_owned());
    let owner = fleet.world.person(session).await.person();
    let limits = services.set_member_groups(&fleet.owner, owner, Some(Vec::new()));
    assert!(is_invalid(&limits.await, "groups"));
}

#[tokio::test]
async fn what_a_limited_member_adds_goes_into_one_of_their_groups() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    let other = services.add_group(&fleet.owner, "Other").await.unwrap().id;
    let third = services.add_group(&fleet.owner, "Third").await.unwrap().id;
    let acting = |person: PersonPrincipal| person.acting(Right::Write).unwrap();

    let none = acting(fleet.limit(Some(Vec::new())).await);
    assert!(is_invalid(&services.add_server(&none, "a").await, "groups"));
    let one = acting(fleet.limit(Some(vec![other])).await);
    let (added, _) = services.add_server(&one, "a").await.unwrap();
    assert!(added.groups.len() == 1 && added.groups.iter().all(|group| group.id == other));
    let foreign = services.add_server_to(&one, "b", vec![fleet.customer]);
    assert!(is_missing(&foreign.await));
    let two = acting(fleet.limit(Some(vec![other, third])).await);
    assert!(is_invalid(&services.add_server(&two, "b").await, "groups"));
    let chosen = services.add_server_to(&two, "b", vec![third]);
    assert_eq!(chosen.await.unwrap().0.groups.len(), 1);
    // Nothing is left of what was refused.
    let all = fleet.names(fleet.scope, ServerQuery::default()).await;
    assert_eq!(all, ["a", "b", "db", "web"]);
}

#[tokio::test]
async fn a_group_of_another_organisation_does_not_exist() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    let theirs = fleet.world.organisation("Other", "eve@example.org").await;
    let eve = Acting::operator(theirs);
    let (own, _) = fleet.world.server(theirs, "own").await;
    let (ours, customer) = (fleet.web.server, fleet.customer);

    assert!(is_missing(&services.group(theirs, customer).await));
    assert!(is_missing(
        &services.rename_group(&eve, customer, "x").await
    ));
    assert!(is_missing(&services.delete_group(&eve, customer).await));
    for server in [ours, own.server] {
        let put = services.set_in_group(&eve, customer, server, true);
        assert!(is_missing(&put.await));
    }
    let own_group = services.add_group(&eve, "Customer").await.unwrap().id;
    let put = services.set_in_group(&eve, own_group, ours, true).await;
    assert!(is_missing(&put));
    let added = services.add_server_to(&eve, "new", vec![customer]);
    assert!(is_missing(&added.await));
    let query = ServerQuery {
        group: Some(customer),
        ..ServerQuery::default()
    };
    assert!(is_missing(&services.servers(theirs, query).await));
    let member = fleet.member().await.person();
    let limits = services.set_member_groups(&eve, member, Some(vec![own_group]));
    assert!(is_missing(&limits.await));
    let limits = services.set_member_groups(&fleet.owner, member, Some(vec![own_group]));
    assert!(is_missing(&limits.await));
    let kept = services.member_groups(fleet.scope, member).await.unwrap();
    assert!(!kept.limited && kept.groups.is_empty());
}

#[tokio::test]
async fn filters_meet_and_the_cursor_goes_on_within_them() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    for number in 0..7 {
        let name = format!("app_{number}");
        let (agent, _) = fleet.world.server(fleet.scope, &name).await;
        let change = tags(if number % 2 == 0 { &["even"] } else { &["odd"] });
        let changed = services.change_server(&fleet.owner, agent.server, change);
        changed.await.unwrap();
        if number < 6 {
            let put = services.set_in_group(&fleet.owner, fleet.customer, agent.server, true);
            put.await.unwrap();
        }
        if number == 2 {
            fleet.send(agent, "").await;
        }
    }
    let even = |after: Option<String>| ServerQuery {
        group: Some(fleet.customer),
        tag: Some("even".to_owned()),
        search: Some("APP_".to_owned()),
        after,
        limit: Some(2),
        ..ServerQuery::default()
    };
    let page = services.servers(fleet.scope, even(None)).await.unwrap();
    let names: Vec<&str> = page
        .servers
        .iter()
        .map(|one| one.row.name.as_str())
        .collect();
    assert_eq!(names, ["app_0", "app_2"]);
    assert_eq!(fleet.names(fleet.scope, even(page.next)).await, ["app_4"]);

    let online = ServerQuery {
        status: Some(Status::Online),
        ..ServerQuery::default()
    };
    assert_eq!(fleet.names(fleet.scope, online).await, ["app_2"]);
    // What LIKE would take for any character is itself.
    for (part, found) in [("p_1", 1), ("p%1", 0), ("\\", 0), ("_", 7), ("  ", 9)] {
        let query = ServerQuery {
            search: Some(part.to_owned()),
            ..ServerQuery::default()
        };
        assert_eq!(
            fleet.names(fleet.scope, query).await.len(),
            found,
            "{part:?}"
        );
    }
    for (member, query) in [
        (
            "tag",
            ServerQuery {
                tag: Some("<b>".to_owned()),
                ..ServerQuery::default()
            },
        ),
        (
            "search",
            ServerQuery {
                search: Some("a\u{202e}".to_owned()),
                ..ServerQuery::default()
            },
        ),
        (
            "limit",
            ServerQuery {
                limit: Some(201),
                ..ServerQuery::default()
            },
        ),
    ] {
        assert!(is_invalid(
            &services.servers(fleet.scope, query).await,
            member
        ));
    }
}

#[tokio::test]
async fn the_agents_tags_stand_beside_those_of_people_and_neither_touches_the_other() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    let words = async || {
        let server = services
            .server(fleet.scope, fleet.web.server)
            .await
            .unwrap();
        let words = |tags: &[server_scout_wire::Tag]| -> Vec<String> {
            tags.iter().map(ToString::to_string).collect()
        };
        assert!(!server.row.host_facts().contains_key("tags"));
        (words(&server.tags.of_people), words(&server.tags.of_agent))
    };
    let change = tags(&["web", "eu"]);
    let changed = services.change_server(&fleet.owner, fleet.web.server, change);
    changed.await.unwrap();
    let generation = services.generation().unwrap();
    fleet
        .send(fleet.web, r#","host":{"tags":["prod","web"]}"#)
        .await;
    let both = |people: &[&str], agent: &[&str]| {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        (owned(people), owned(agent))
    };
    assert_eq!(words().await, both(&["eu", "web"], &["prod", "web"]));
    // A report without an inventory says nothing of tags.
    fleet.send(fleet.web, "").await;
    assert_eq!(words().await, both(&["eu", "web"], &["prod", "web"]));
    let changed = services.change_server(&fleet.owner, fleet.web.server, tags(&[]));
    changed.await.unwrap();
    assert_eq!(words().await, both(&[], &["prod", "web"]));
    fleet.send(fleet.web, r#","host":{"hostname":"h"}"#).await;
    assert_eq!(words().await, both(&[], &[]));
    // Tags give no rights.
    assert_eq!(services.generation().unwrap(), generation);
}

#[tokio::test]
async fn names_are_refused_that_could_be_taken_for_others() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    for bad in [
        "",
        "a\u{200b}b",
        "\u{202e}a",
        "p\u{430}ypal",
        &"x".repeat(65),
    ] {
        assert!(
            is_invalid(&services.add_group(&fleet.owner, bad).await, "name"),
            "{bad:?}"
        );
        assert!(
            is_invalid(&services.add_server(&fleet.owner, bad).await, "name"),
            "{bad:?}"
        );
    }
    // Groups are told apart without regard to capitals.
    let again = services.add_group(&fleet.owner, "CUSTOMER").await;
    assert!(matches!(again, Err(ServiceError::Conflict { .. })));
    let described = ServerChange {
        description: Some("a\u{7}".to_owned()),
        ..ServerChange::default()
    };
    let described = services.change_server(&fleet.owner, fleet.web.server, described);
    assert!(is_invalid(&described.await, "description"));
}

#[tokio::test]
async fn an_organisation_has_at_most_two_hundred_groups() {
    let fleet = fleet().await;
    let services = &fleet.world.services;
    for number in 1..200 {
        let name = format!("group {number}");
        services.add_group(&fleet.owner, &name).await.unwrap();
    }
    let more = services.add_group(&fleet.owner, "one more").await;
    assert!(is_invalid(&more, "name"));
}
