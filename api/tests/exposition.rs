//! What Prometheus is told of servers, over time.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::access::TokenScope;
use server_scout::domain::client::Client;
use server_scout::domain::exposition::Family;
use server_scout::domain::principal::Credential;
use support::{EMAIL, World, report};

async fn families(world: &World, token: &str) -> Vec<Family> {
    let person = world
        .person(Credential::AccessToken(token.to_owned()))
        .await;
    let exposition = world.services.exposition(&person).await.unwrap();
    let all = exposition.families();
    all.filter(|family| !family.samples.is_empty()).collect()
}

#[tokio::test]
async fn what_a_silent_server_said_last_ends_and_that_it_is_silent_stays() {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let (agent, _) = world.server(scope, "web-1").await;
    let token = world.services.add_token(EMAIL, "Acme", TokenScope::Metrics);
    let token = token.await.unwrap().expose().to_owned();
    let body = report(world.now(), 12.5, "");
    let client = Client::default();
    let sent = world.services.ingest(agent, client, body.into()).await;
    sent.unwrap();

    let families_now = families(&world, &token).await;
    let named = |families: &[Family], name: &str| {
        let found = families.iter().find(|family| family.name == name);
        found.map(|family| family.samples.first().unwrap().value)
    };
    let cpu = named(&families_now, "serverscout_cpu_usage_ratio").unwrap();
    assert!((cpu - 0.125).abs() < 1e-9);
    assert_eq!(named(&families_now, "serverscout_server_up"), Some(1.0));

    world.hand.advance(Duration::from_secs(61));
    let later = families(&world, &token).await;
    assert_eq!(named(&later, "serverscout_cpu_usage_ratio"), None);
    assert_eq!(named(&later, "serverscout_server_up"), Some(0.0));
    let last = named(&later, "serverscout_server_last_report_timestamp_seconds");
    assert_eq!(last, Some(1_790_000_000.0));
}
