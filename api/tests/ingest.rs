//! P10: what was acknowledged is not lost, and a report that arrives twice counts once.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod support;

use std::time::Duration;

use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::client::Client;
use server_scout::domain::ingest::Outcome;
use server_scout::domain::servers::{ServerChange, ServerQuery};
use server_scout::store::Scope;
use server_scout::store::credentials::AgentIdentity;
use server_scout::timeseries::Window;
use server_scout_wire::{Metric, Timestamp};
use support::{EMAIL, World, report};

const SECOND: Duration = Duration::from_secs(1);

async fn world() -> (World, Scope, AgentIdentity) {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web").await;
    (world, scope, agent)
}

async fn send(world: &World, agent: AgentIdentity, body: &str) -> Vec<Outcome> {
    world
        .services
        .ingest(agent, Client::default(), body.to_owned().into())
        .await
        .unwrap()
        .outcomes
}

/// How many samples of a metric the history has over the last hour.
async fn counted(world: &World, scope: Scope, agent: AgentIdentity, metric: Metric) -> u32 {
    let now = world.now().after(SECOND);
    let window = Window::new(now.before(Duration::from_hours(1)), now, 100).unwrap();
    let history = world
        .services
        .history(scope, agent.server, vec![metric], window)
        .await
        .unwrap();
    history.series.iter().flat_map(|series| &series.count).sum()
}

#[tokio::test]
async fn an_accepted_report_is_there_after_a_restart() {
    let (world, scope, agent) = world().await;
    let outcomes = send(&world, agent, &report(world.now(), 45.2, "")).await;
    assert_eq!(outcomes, [Outcome::Accepted]);
    let world = world.restart().await;
    assert_eq!(counted(&world, scope, agent, Metric::CpuUsage).await, 1);
    let server = world.services.server(scope, agent.server).await.unwrap();
    assert_eq!(server.newest.value(Metric::CpuUsage), Some(45.2));
}

#[tokio::test]
async fn without_boot_and_seq_the_time_is_the_identity() {
    let (world, scope, agent) = world().await;
    let first = report(world.now(), 45.2, "");
    let same_time = report(world.now(), 99.0, "");
    let later = report(world.now().after(Duration::from_millis(1)), 45.2, "");
    assert_eq!(send(&world, agent, &first).await, [Outcome::Accepted]);
    assert_eq!(send(&world, agent, &same_time).await, [Outcome::Duplicate]);
    assert_eq!(send(&world, agent, &later).await, [Outcome::Accepted]);
    assert_eq!(counted(&world, scope, agent, Metric::CpuUsage).await, 2);
}

#[tokio::test]
async fn with_boot_and_seq_a_clock_that_steps_back_loses_nothing() {
    let (world, scope, agent) = world().await;
    let at = world.now();
    let numbered = |seq: u32, at: Timestamp| {
        report(
            at,
            1.0,
            &format!(r#","boot":"00000000000000ab","seq":{seq}"#),
        )
    };
    assert_eq!(
        send(&world, agent, &numbered(0, at)).await,
        [Outcome::Accepted]
    );
    assert_eq!(
        send(&world, agent, &numbered(1, at)).await,
        [Outcome::Accepted]
    );
    // The first of an identity wins, whatever time the second one claims.
    let again = numbered(1, at.before(SECOND));
    assert_eq!(send(&world, agent, &again).await, [Outcome::Duplicate]);
    assert_eq!(counted(&world, scope, agent, Metric::CpuUsage).await, 2);
}

#[tokio::test]
async fn a_batch_is_judged_item_by_item() {
    let (world, scope, agent) = world().await;
    let now = world.now();
    let body = format!(
        "[{},{},{},{}]",
        report(now, 1.0, ""),
        report(now, 101.0, ""),
        report(now, 2.0, ""),
        report(now.before(Duration::from_hours(49)), 3.0, ""),
    );
    let outcomes = send(&world, agent, &body).await;
    assert_eq!(outcomes[0], Outcome::Accepted);
    assert!(matches!(outcomes[1], Outcome::Refused(_)));
    assert_eq!(outcomes[2], Outcome::Duplicate);
    assert_eq!(outcomes[3], Outcome::TooOld);
    assert_eq!(counted(&world, scope, agent, Metric::CpuUsage).await, 1);
}

#[tokio::test]
async fn a_report_from_the_future_is_refused_and_stores_nothing() {
    let (world, scope, agent) = world().await;
    let future = world.now().after(Duration::from_secs(301));
    let outcomes = send(&world, agent, &report(future, 1.0, "")).await;
    assert!(matches!(outcomes[0], Outcome::Refused(_)));
    let server = world.services.server(scope, agent.server).await.unwrap();
    assert_eq!(server.status.as_str(), "clock-wrong");
    assert!(server.newest.values.is_empty());
    let just = world.now().after(Duration::from_mins(5));
    assert_eq!(
        send(&world, agent, &report(just, 1.0, "")).await,
        [Outcome::Accepted]
    );
}

#[tokio::test]
async fn beyond_the_limit_known_series_are_stored_and_the_surplus_is_counted() {
    let world = World::with(|limits| limits.series = 5).await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web").await;
    let many: Vec<String> = (0..10).map(|i| format!(r#""eth{i}":{i}"#)).collect();
    let more = format!(r#","network_sent_bytes_total":{{{}}}"#, many.join(","));
    assert_eq!(
        send(&world, agent, &report(world.now(), 1.0, &more)).await,
        [Outcome::Accepted]
    );
    let server = world.services.server(scope, agent.server).await.unwrap();
    assert_eq!(server.newest.dropped, 8);
    assert_eq!(counted(&world, scope, agent, Metric::CpuUsage).await, 1);
}

#[tokio::test]
async fn a_duplicate_makes_no_series() {
    let world = World::with(|limits| limits.series = 4).await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web").await;
    let now = world.now();
    let with = |name: &str| {
        report(
            now,
            1.0,
            &format!(r#","disk_read_bytes_total":{{"{name}":1}}"#),
        )
    };
    assert_eq!(send(&world, agent, &with("a")).await, [Outcome::Accepted]);
    for name in ["b", "c", "d"] {
        assert_eq!(send(&world, agent, &with(name)).await, [Outcome::Duplicate]);
    }
    let later = report(
        now.after(SECOND),
        1.0,
        r#","disk_read_bytes_total":{"a":2}"#,
    );
    assert_eq!(send(&world, agent, &later).await, [Outcome::Accepted]);
    let server = world.services.server(scope, agent.server).await.unwrap();
    assert_eq!(server.newest.dropped, 0);
}

#[tokio::test]
async fn what_waited_in_a_spool_does_not_undo_what_was_said_of_the_host_since() {
    let (world, scope, agent) = world().await;
    let said = async || {
        let server = world.services.server(scope, agent.server).await.unwrap();
        server.row.host_facts().remove("kernel")
    };
    let told = |before: Duration, kernel: &str| {
        let host = format!(r#", "host": {{"kernel": "{kernel}"}}"#);
        report(world.now().before(before), 1.0, &host)
    };
    send(&world, agent, &told(600 * SECOND, "6.1")).await;
    assert_eq!(said().await.as_deref(), Some("6.1"));
    send(&world, agent, &told(Duration::ZERO, "6.12")).await;
    let late = [told(300 * SECOND, "6.2"), told(200 * SECOND, "6.3")];
    let outcomes = send(&world, agent, &format!("[{}]", late.join(","))).await;
    assert_eq!(outcomes, [Outcome::Accepted, Outcome::Accepted]);
    assert_eq!(said().await.as_deref(), Some("6.12"));
}

#[tokio::test]
async fn one_key_cannot_take_all_the_room() {
    let (world, scope, agent) = world().await;
    let (neighbour, _) = world.server(scope, "db").await;
    let body = |offset: u64| {
        report(
            world.now().before(SECOND * u32::try_from(offset).unwrap()),
            1.0,
            "",
        )
    };
    let many = (0..20).map(|i| {
        world
            .services
            .ingest(agent, Client::default(), body(i).into())
    });
    let mut many: Vec<_> = many.map(Box::pin).collect();
    // Each is begun, and none is awaited to its end yet.
    let mut refused = 0;
    for request in &mut many {
        if let Ok(Err(error)) = tokio::time::timeout(Duration::ZERO, request).await {
            assert!(matches!(error, ServiceError::Unavailable { .. }));
            refused += 1;
        }
    }
    assert_eq!(refused, 16);
    assert!(
        world
            .services
            .ingest(neighbour, Client::default(), body(0).into())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_revoked_key_counts_no_more_from_the_next_request_on() {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, key) = world.server(scope, "web").await;
    world
        .services
        .revoke_agent_key(&Acting::operator(scope), agent.server, agent.key)
        .await
        .unwrap();
    assert!(world.agent(&key).await.is_none());
}

#[tokio::test]
async fn a_report_for_a_server_that_is_being_deleted_harms_nobody_else() {
    let (world, scope, agent) = world().await;
    let (neighbour, _) = world.server(scope, "db").await;
    world
        .services
        .delete_server(&Acting::operator(scope), agent.server)
        .await
        .unwrap();
    let body = report(world.now(), 1.0, "");
    let (gone, kept) = tokio::join!(
        world
            .services
            .ingest(agent, Client::default(), body.clone().into()),
        world
            .services
            .ingest(neighbour, Client::default(), body.clone().into()),
    );
    assert!(matches!(gone, Err(ServiceError::Unauthenticated) | Ok(_)));
    assert_eq!(kept.unwrap().outcomes, [Outcome::Accepted]);
    assert_eq!(counted(&world, scope, neighbour, Metric::CpuUsage).await, 1);
}

#[tokio::test]
async fn a_deleted_server_leaves_nothing_behind_and_its_name_is_free_at_once() {
    let (world, scope, agent) = world().await;
    send(&world, agent, &report(world.now(), 1.0, "")).await;
    world
        .services
        .delete_server(&Acting::operator(scope), agent.server)
        .await
        .unwrap();
    let gone = world.services.server(scope, agent.server).await;
    assert!(matches!(gone, Err(ServiceError::NotFound)));
    let (again, _) = world.server(scope, "web").await;
    assert_ne!(again.server, agent.server);
    world.services.remove_deleted().await.unwrap();
    let late = world
        .services
        .ingest(
            agent,
            Client::default(),
            report(world.now(), 1.0, "").into(),
        )
        .await;
    assert!(matches!(late, Err(ServiceError::Unauthenticated)));
    assert_eq!(
        world
            .services
            .servers(scope, ServerQuery::default())
            .await
            .unwrap()
            .servers
            .len(),
        1
    );
}

#[tokio::test]
async fn one_organisation_cannot_reach_into_another() {
    let (world, ours, agent) = world().await;
    let theirs = world.organisation("Other", "eve@example.org").await;
    let acting = Acting::operator(theirs);
    send(&world, agent, &report(world.now(), 1.0, "")).await;
    let services = &world.services;
    assert!(services.server(ours, agent.server).await.is_ok());
    let missing = |result: Result<(), ServiceError>| matches!(result, Err(ServiceError::NotFound));
    assert!(missing(
        services.server(theirs, agent.server).await.map(drop)
    ));
    assert!(missing(
        services.agent_keys(theirs, agent.server).await.map(drop)
    ));
    assert!(missing(
        services
            .add_agent_key(&acting, agent.server)
            .await
            .map(drop)
    ));
    assert!(missing(
        services
            .revoke_agent_key(&acting, agent.server, agent.key)
            .await
    ));
    assert!(missing(services.delete_server(&acting, agent.server).await));
    let pause = services.change_server(&acting, agent.server, pause()).await;
    assert!(missing(pause.map(drop)));
    let window = Window::new(world.now().before(SECOND), world.now(), 10).unwrap();
    let history = services
        .history(theirs, agent.server, vec![Metric::CpuUsage], window)
        .await;
    assert!(missing(history.map(drop)));
    assert!(
        services
            .servers(theirs, ServerQuery::default())
            .await
            .unwrap()
            .servers
            .is_empty()
    );
}

fn pause() -> ServerChange {
    ServerChange {
        paused: Some(true),
        ..ServerChange::default()
    }
}
