//! What is taken along while the store folds: everything is there once.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::client::Client;
use server_scout::domain::metrics_export::{ExportOf, ExportQuestion, Fineness, MetricsExport};
use server_scout::domain::principal::Credential;
use server_scout::domain::selection::Selection;
use server_scout::domain::servers::ServerQuery;
use server_scout::store::Scope;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::walk::Values;
use server_scout::timeseries::Window;
use server_scout_wire::Timestamp;
use support::{EMAIL, World, report};

const SECOND: Duration = Duration::from_secs(1);
const SERVERS: usize = 3;

/// Three servers, each with reports of an hour in the log.
async fn world() -> (World, Scope, Timestamp) {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    for place in 0..SERVERS {
        let (agent, _) = world.server(scope, &format!("web-{place}")).await;
        hour(&world, agent).await;
    }
    let begun = world.now();
    (world, scope, begun)
}

async fn hour(world: &World, agent: AgentIdentity) {
    let reports: Vec<String> = (0..60_u32)
        .map(|minute| {
            let at = world.now().before(SECOND * (60 * minute + 1));
            let more = format!(r#","boot":"0000000000000001","seq":{minute}"#);
            report(at, f64::from(minute), &more)
        })
        .collect();
    let body = format!("[{}]", reports.join(","));
    let sent = world.services.ingest(agent, Client::default(), body.into());
    assert_eq!(sent.await.unwrap().outcomes.len(), 60);
}

/// Folds at the first call, and merges what is folded at the second.
async fn go_on(world: &World, call: usize) {
    match call {
        1 => world.services.fold(world.now()).await.unwrap(),
        2 => {
            world.hand.advance(13 * 3600 * SECOND);
            world.services.merge_due().await.unwrap();
        }
        _ => {}
    }
}

#[tokio::test]
async fn an_organisations_export_has_every_sample_once_whatever_is_folded_meanwhile() {
    // What is folded when: between two servers, or before the samples are read.
    for lag in [0, 9] {
        let (world, scope, _) = world().await;
        let acting = Acting::operator(scope);
        let mut export = world.services.export_organisation(&acting).await.unwrap();
        let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        let (mut calls, mut ended) = (0, false);
        while let Some(records) = export.next().await.unwrap() {
            for record in records {
                ended = record.get("kind").unwrap() == "end";
                if record.get("kind").unwrap() != "samples" {
                    continue;
                }
                calls += 1;
                let series = record.get("series").and_then(serde_json::Value::as_i64);
                let times = record.get("at").unwrap().as_array().unwrap().iter();
                let times = times.map(|at| at.as_str().unwrap().to_owned());
                found.entry(series.unwrap()).or_default().extend(times);
            }
            go_on(&world, if lag == 0 { calls } else { 1 }).await;
        }
        assert!(ended);
        assert_eq!(found.len(), 3 * SERVERS);
        for mut times in found.into_values() {
            assert_eq!(times.len(), 60);
            times.dedup();
            assert_eq!(times.len(), 60);
        }
    }
}

async fn begin(world: &World, of: ExportOf, begun: Timestamp) -> MetricsExport {
    let session = world.log_in().await;
    let credential = Credential::Session(session.expose().to_owned());
    let person = world.person(credential).await;
    let question = ExportQuestion {
        servers: of,
        metrics: Vec::new(),
        window: Window::new(begun.before(3600 * SECOND), begun, 1).unwrap(),
        fineness: Fineness::Samples,
    };
    let export = world.services.export_metrics(&person, question).await;
    export.unwrap()
}

#[tokio::test]
async fn an_export_of_metrics_has_every_sample_once_whatever_is_folded_meanwhile() {
    let (world, _, begun) = world().await;
    let all = ExportOf::Many(Selection::Fitting(ServerQuery::default()));
    let mut export = begin(&world, all, begun).await;
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls = 0;
    while let Some(portion) = export.next().await.unwrap() {
        for (key, values) in portion.series {
            let Values::Samples(samples) = values else {
                panic!("samples were asked for")
            };
            assert!(samples.is_sorted_by(|a, b| a.0 < b.0));
            let name = format!("{} {}", portion.server.name, key.metric.name());
            *found.entry(name).or_default() += samples.len();
        }
        calls += 1;
        // Merging takes half a day, in which the session would end.
        go_on(&world, calls.min(1)).await;
    }
    assert_eq!(found.len(), 3 * SERVERS);
    assert!(found.values().all(|count| *count == 60), "{found:?}");
}

#[tokio::test]
async fn an_export_ends_with_the_session_and_with_the_server() {
    let (world, scope, begun) = world().await;
    let all = || ExportOf::Many(Selection::Fitting(ServerQuery::default()));
    let mut export = begin(&world, all(), begun).await;
    assert!(export.next().await.unwrap().is_some());
    world.hand.advance(400 * 24 * 3600 * SECOND);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let expired = export.next().await;
    assert!(matches!(expired, Err(ServiceError::Unauthenticated)));

    let acting = Acting::operator(scope);
    let mut export = begin(&world, all(), begun).await;
    let first = export.next().await.unwrap().unwrap();
    let deleted = world.services.delete_server(&acting, first.server.id);
    deleted.await.unwrap();
    assert!(matches!(export.next().await, Err(ServiceError::NotFound)));
}
