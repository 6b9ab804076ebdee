//! P10 and P11 for what is folded: nothing is lost or counted twice, and what has expired is gone.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::client::Client;
use server_scout::domain::ingest::{Outcome, Refused};
use server_scout::domain::principal::Credential;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::live::Sight;
use server_scout::store::{Scope, series};
use server_scout::timeseries::segment::{MOST_BYTES, MOST_REPORTS};
use server_scout::timeseries::{History, Retention, Window};
use server_scout_wire::{Metric, Timestamp};
use support::{EMAIL, World, report};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

async fn world() -> (World, Scope, AgentIdentity) {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web").await;
    (world, scope, agent)
}

/// Sends reports of an hour, one a minute, that end now. The value is the minute.
async fn hour(world: &World, agent: AgentIdentity) -> Vec<Outcome> {
    let now = world.now();
    let reports: Vec<String> = (0..60_u32)
        .map(|minute| {
            let at = now.before(SECOND * (60 * minute + 1));
            let more = format!(r#","boot":"000000000000000{}","seq":{minute}"#, minute % 2);
            report(at, f64::from(minute), &more)
        })
        .collect();
    let body = format!("[{}]", reports.join(","));
    let sent = world.services.ingest(agent, Client::default(), body.into());
    sent.await.unwrap().outcomes
}

/// Folds all, and merges all that ended half a day ago.
async fn fold(world: &World) {
    world.services.fold(world.now()).await.unwrap();
    world.hand.advance(13 * HOUR);
    world.services.merge_due().await.unwrap();
}

async fn history(world: &World, scope: Scope, agent: AgentIdentity, to: Timestamp) -> History {
    history_of(
        world,
        scope,
        agent,
        Window::new(to.before(3 * HOUR), to, 200).unwrap(),
    )
    .await
}

async fn history_of(world: &World, scope: Scope, agent: AgentIdentity, window: Window) -> History {
    let metrics = vec![Metric::CpuUsage];
    let history = world.services.history(scope, agent.server, metrics, window);
    history.await.unwrap()
}

fn counted(history: &History) -> u32 {
    history.series.iter().flat_map(|series| &series.count).sum()
}

#[tokio::test]
async fn folded_reports_are_there_once_also_after_a_restart_and_when_they_arrive_again() {
    let (world, scope, agent) = world().await;
    let begun = world.now();
    assert!(
        hour(&world, agent)
            .await
            .iter()
            .all(|o| *o == Outcome::Accepted)
    );
    let before = history(&world, scope, agent, begun).await;
    assert_eq!(counted(&before), 60);
    world.services.fold(world.now()).await.unwrap();
    let folded = history(&world, scope, agent, begun).await;
    assert_eq!(counted(&folded), 60);
    let world = world.restart().await;
    assert!(
        hour(&world, agent)
            .await
            .iter()
            .all(|o| *o == Outcome::Duplicate)
    );
    fold(&world).await;
    let merged = history(&world, scope, agent, begun).await;
    assert_eq!(merged, folded);
    let world = world.restart().await;
    let newest = world
        .services
        .live()
        .newest(&sight(&world, scope).await, agent.server);
    assert_eq!(newest.value(Metric::CpuUsage), Some(0.0));
    assert_eq!(newest.timestamp, Some(begun.before(SECOND)));
}

async fn sight(world: &World, scope: Scope) -> Sight {
    world
        .store()
        .read(move |c| Sight::of(c, scope))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_arrives_late_joins_what_is_merged() {
    let (world, scope, agent) = world().await;
    let begun = world.now();
    hour(&world, agent).await;
    fold(&world).await;
    let late = report(begun.before(HOUR), 99.0, "");
    for outcome in [Outcome::Accepted, Outcome::Duplicate] {
        let sent = world
            .services
            .ingest(agent, Client::default(), late.clone().into());
        assert_eq!(sent.await.unwrap().outcomes, [outcome]);
    }
    for _ in 0..2 {
        let history = history(&world, scope, agent, begun).await;
        assert_eq!(counted(&history), 61);
        fold(&world).await;
    }
    let again = world.services.ingest(agent, Client::default(), late.into());
    assert_eq!(again.await.unwrap().outcomes, [Outcome::Duplicate]);
}

#[tokio::test]
async fn what_has_expired_is_gone_and_the_coarser_stays() {
    let (world, scope, agent) = world().await;
    let begun = world.now();
    hour(&world, agent).await;
    fold(&world).await;
    world.services.clean().await.unwrap();
    assert!(world.services.retention(scope).await.unwrap().a_day.raw > 0);
    world.hand.advance(3 * DAY);
    world.services.clean().await.unwrap();
    // The roll-ups are what is left, in steps of a minute.
    let rolled = history(&world, scope, agent, begun).await;
    assert_eq!((counted(&rolled), rolled.step), (60, 60 * SECOND));
    let too_old = world
        .services
        .ingest(agent, Client::default(), report(begun, 1.0, "").into());
    assert_eq!(too_old.await.unwrap().outcomes, [Outcome::TooOld]);
    world.hand.advance(20 * DAY);
    world.services.clean().await.unwrap();
    let quarters = history(&world, scope, agent, begun).await;
    assert_eq!((counted(&quarters), quarters.step), (60, 15 * 60 * SECOND));
    world.hand.advance(500 * DAY);
    world.services.clean().await.unwrap();
    assert_eq!(counted(&history(&world, scope, agent, begun).await), 0);
}

#[tokio::test]
async fn an_organisation_keeps_longer_or_shorter_within_the_ceilings() {
    let (world, scope, agent) = world().await;
    let begun = world.now();
    hour(&world, agent).await;
    fold(&world).await;
    let session = world.log_in().await;
    let owner = world
        .person(Credential::Session(session.expose().to_owned()))
        .await;
    let services = &world.services;
    let view = services.retention(scope).await.unwrap();
    assert_eq!(view.kept, Retention::default());
    let longer = Retention {
        raw: 7 * DAY,
        ..view.kept
    };
    assert!(view.bytes_of(&longer) > view.bytes);
    let beyond = Retention {
        raw: view.ceilings.raw + SECOND,
        minute: 90 * DAY,
        ..view.kept
    };
    let disordered = Retention {
        minute: DAY,
        ..view.kept
    };
    for refused in [
        beyond,
        disordered,
        Retention {
            raw: SECOND,
            ..longer
        },
    ] {
        let refused = services.set_retention(&owner, refused).await;
        assert!(
            matches!(refused, Err(ServiceError::Invalid { .. })),
            "{refused:?}"
        );
    }
    services.set_retention(&owner, longer).await.unwrap();
    let page = services
        .audit_events(&owner, EventQuery::default(), 100)
        .await
        .unwrap();
    let actions: Vec<&str> = page
        .events
        .iter()
        .map(|event| event.row.action.as_str())
        .collect();
    assert!(
        actions.contains(&"organisation.retention-changed"),
        "{actions:?}"
    );

    // Another organisation has what it had, also after a restart.
    let other = world.organisation("Other", "eve@example.org").await;
    let world = world.restart().await;
    let services = &world.services;
    assert_eq!(services.retention(scope).await.unwrap().kept, longer);
    assert_eq!(
        services.retention(other).await.unwrap().kept,
        Retention::default()
    );
    world.hand.advance(4 * DAY);
    services.clean().await.unwrap();
    // The samples themselves are there: the answer begins when it was asked to, at no whole minute.
    let window = Window::new(begun.before(HOUR), begun, 200).unwrap();
    let kept = history_of(&world, scope, agent, window).await;
    assert_eq!((counted(&kept), kept.from), (60, begun.before(HOUR)));
}

#[tokio::test]
async fn a_ceiling_that_the_operator_lowers_counts_for_everybody() {
    let world = World::with(|limits| limits.retention.raw = HOUR).await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web").await;
    assert_eq!(
        world.services.retention(scope).await.unwrap().kept.raw,
        HOUR
    );
    let late = report(world.now().before(2 * HOUR), 1.0, "");
    let sent = world.services.ingest(agent, Client::default(), late.into());
    assert_eq!(sent.await.unwrap().outcomes, [Outcome::TooOld]);
}

#[tokio::test]
async fn series_beyond_the_organisations_limit_are_dropped_and_counted_and_known_ones_go_on() {
    let world = World::with(|limits| limits.series_of_organisation = 4).await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (first, _) = world.server(scope, "first").await;
    let (second, _) = world.server(scope, "second").await;
    let now = world.now();
    for (agent, seconds) in [(first, 2), (second, 2), (first, 1), (second, 1)] {
        let body = report(now.before(SECOND * seconds), 5.0, "");
        let sent = world.services.ingest(agent, Client::default(), body.into());
        assert_eq!(sent.await.unwrap().outcomes, [Outcome::Accepted]);
    }
    let sight = sight(&world, scope).await;
    let dropped = |agent: AgentIdentity| world.services.live().newest(&sight, agent.server).dropped;
    assert_eq!((dropped(first), dropped(second)), (0, 4));
    assert_eq!(counted(&history(&world, scope, first, now).await), 2);
    assert_eq!(counted(&history(&world, scope, second, now).await), 2);
    // Room that a deleted server leaves is used.
    let acting = Acting::operator(scope);
    world
        .services
        .delete_server(&acting, first.server)
        .await
        .unwrap();
    world.services.remove_deleted().await.unwrap();
    let sent = world
        .services
        .ingest(second, Client::default(), report(now, 5.0, "").into());
    assert_eq!(sent.await.unwrap().outcomes, [Outcome::Accepted]);
    assert_eq!(dropped(second), 4);
}

#[tokio::test]
async fn series_of_which_nothing_is_stored_are_removed() {
    let (world, scope, agent) = world().await;
    let more = r#","network_sent_bytes_total":{"gone0":1}"#;
    let send = async |body: String| {
        let sent = world.services.ingest(agent, Client::default(), body.into());
        assert_eq!(sent.await.unwrap().outcomes, [Outcome::Accepted]);
    };
    let count = async || {
        let store = world.store();
        store.read(move |c| series::count(c, scope)).await.unwrap()
    };
    send(report(world.now(), 1.0, more)).await;
    fold(&world).await;
    world.services.clean().await.unwrap();
    assert_eq!(count().await, 4);
    world.hand.advance(3 * DAY);
    // One that is in the log alone stays.
    let body = report(
        world.now(),
        1.0,
        r#","network_sent_bytes_total":{"new0":1}"#,
    );
    send(body).await;
    world.services.clean().await.unwrap();
    // A counter that was read once has no roll-up: nothing is left of it.
    assert_eq!(count().await, 4);
    fold(&world).await;
    world.hand.advance(500 * DAY);
    world.services.clean().await.unwrap();
    assert_eq!(count().await, 0);
    send(report(world.now(), 2.0, more)).await;
    let now = world.now().after(SECOND);
    assert_eq!(counted(&history(&world, scope, agent, now).await), 1);
}

#[tokio::test]
async fn names_that_a_host_no_longer_uses_leave_room_for_new_ones() {
    let world = World::with(|limits| limits.series = 8).await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web").await;
    let dropped_of = async |names: std::ops::Range<u32>| {
        world.hand.advance(SECOND);
        let mounts = names.map(|name| format!(r#""/build/{name}":{name}"#));
        let mounts = mounts.collect::<Vec<_>>().join(",");
        let more = format!(r#","mount_used_bytes":{{{mounts}}}"#);
        let body = report(world.now(), 1.0, &more);
        let sent = world.services.ingest(agent, Client::default(), body.into());
        assert_eq!(sent.await.unwrap().outcomes, [Outcome::Accepted]);
        let sight = sight(&world, scope).await;
        world.services.live().newest(&sight, agent.server).dropped
    };
    let days_later = async || {
        fold(&world).await;
        world.hand.advance(3 * DAY);
        world.services.clean().await.unwrap();
    };
    // Three are the host's own.
    assert_eq!(dropped_of(0..6).await, 1);
    days_later().await;
    for round in 1..15 {
        let names = 5 * round + 1..5 * round + 6;
        assert_eq!(dropped_of(names).await, 1, "round {round}");
        days_later().await;
    }
    // Their history stays, and so there are ten times as many in all and no more.
    assert_eq!(dropped_of(100..105).await, 1 + 3);
    let count = world.store().read(move |c| series::count(c, scope)).await;
    assert_eq!(count.unwrap(), 80);
}

#[tokio::test]
async fn a_half_day_holds_only_so_many_reports_and_bytes_of_a_server() {
    let logged = format!("UPDATE first_log SET samples = zeroblob({MOST_BYTES}) WHERE id = 1");
    for (folds, full) in [
        (true, format!("UPDATE segment SET reports = {MOST_REPORTS}")),
        (true, format!("UPDATE segment SET bytes = {MOST_BYTES}")),
        (false, logged),
    ] {
        holds_no_more(folds, &full).await;
    }
}

/// Nothing more is taken for a half-day once `full` has made it full.
async fn holds_no_more(folds: bool, full: &str) {
    let (world, scope, agent) = world().await;
    let begun = world.now();
    hour(&world, agent).await;
    if folds {
        world.services.fold(world.now()).await.unwrap();
    }
    let store = world.store();
    let full = full.to_owned();
    let changed = store.write(|c| Ok(diesel::RunQueryDsl::execute(diesel::sql_query(full), c)?));
    assert_ne!(changed.await.unwrap(), 0);
    drop(store);
    let world = world.restart().await;
    assert!(
        hour(&world, agent)
            .await
            .iter()
            .all(|o| *o == Outcome::Duplicate)
    );
    let send = async |at: Timestamp, more: &str| {
        let body = report(at, 1.0, more);
        let sent = world.services.ingest(agent, Client::default(), body.into());
        sent.await.unwrap().outcomes
    };
    let too_many = [Outcome::Refused(Refused::TooMany)];
    let identity = r#","boot":"0000000000000009","seq":1"#;
    assert_eq!(send(begun.before(SECOND), identity).await, too_many);
    assert_eq!(send(begun.before(2 * SECOND), "").await, too_many);
    world.hand.advance(120 * SECOND);
    assert_eq!(send(world.now(), "").await, too_many);
    let server = world.services.server(scope, agent.server).await.unwrap();
    assert_eq!(server.status.as_str(), "online", "its reports arrive");
    world.hand.advance(13 * HOUR);
    assert_eq!(send(world.now(), identity).await, [Outcome::Accepted]);
}
