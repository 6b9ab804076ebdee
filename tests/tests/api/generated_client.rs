//! A client that was generated from the document does the work of one written by hand.

use chrono::{DateTime, TimeDelta};
use futures_util::TryStreamExt;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use server_scout_tests::client::{ByteStream, Client, Error, types};
use server_scout_tests::{Fleet, https, report};

/// The generated client with one credential in its headers.
fn client(fleet: &Fleet, name: &'static str, credential: &str) -> Client {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(credential).unwrap());
    let dashboard = &fleet.dashboard;
    let http = https::builder(&dashboard.ca_file(), dashboard.address())
        .default_headers(headers)
        .build()
        .unwrap();
    Client::new_with_client(&dashboard.url("/api/v1"), http)
}

fn with_token(fleet: &Fleet, token: &str) -> Client {
    client(
        fleet,
        AUTHORIZATION.as_str().to_owned().leak(),
        &format!("Bearer {token}"),
    )
}

/// The problem document of a refusal. The generator leaves bodies of its media type as bytes.
async fn problem_of(error: Error<ByteStream>) -> types::Problem {
    let Error::ErrorResponse(response) = error else {
        panic!("no problem document: {error:?}")
    };
    let status = response.status().as_u16();
    let chunks: Vec<_> = response
        .into_inner()
        .into_inner()
        .try_collect()
        .await
        .unwrap();
    let problem: types::Problem = serde_json::from_slice(&chunks.concat()).unwrap();
    assert_eq!(problem.status, status);
    problem
}

#[tokio::test]
async fn it_creates_lists_reads_changes_and_deletes_servers() {
    let fleet = Fleet::start().await;
    let api = with_token(&fleet, &fleet.token);

    let new = types::NewServer {
        name: "db-1".parse().unwrap(),
        groups: Vec::new(),
    };
    let added = api.add_server(&new).await.unwrap().into_inner();
    assert!(!added.agent_key.is_empty());
    let id = added.server.id;

    let page = async |cursor: Option<&str>, limit| {
        let list = api.list_servers(cursor, None, limit, None, None, None, None);
        list.await.unwrap().into_inner()
    };
    let list = page(None, Some(1)).await;
    assert_eq!(list.items.len(), 1);
    assert_eq!(list.items[0].name, "db-1");
    let rest = page(list.next_cursor.as_deref(), None).await;
    assert_eq!(rest.items.len(), 1);
    assert_eq!(rest.items[0].name, "web-1");

    let change = types::ServerChange {
        name: None,
        description: None,
        paused: Some(true),
        tags: Vec::new(),
    };
    let changed = api.change_server(&id, &change).await.unwrap().into_inner();
    assert_eq!(changed.status, "paused");
    let details = api.get_server(&id).await.unwrap().into_inner();
    assert_eq!(details.server.status, "paused");

    let keys = api.list_agent_keys(&id).await.unwrap().into_inner();
    let key = api.add_agent_key(&id).await.unwrap().into_inner();
    assert_eq!(keys.items.len(), 1);
    api.revoke_agent_key(&id, &key.key.id).await.unwrap();

    api.delete_server(&id).await.unwrap();
    let gone = api.get_server(&id).await.expect_err("it is deleted");
    let problem = problem_of(gone).await;
    assert_eq!((problem.status, problem.type_.as_str()), (404, "not-found"));
}

#[tokio::test]
async fn it_sends_reports_and_reads_their_history_with_its_gaps() {
    let fleet = Fleet::start().await;
    let agent = client(&fleet, "X-API-Key", &fleet.server.key);
    let end = DateTime::from_timestamp(report::seconds_ago(0).as_second(), 0).unwrap();
    let start = end - TimeDelta::seconds(100);

    for second in [0, 5, 10, 90, 95] {
        let at = jiff::Timestamp::from_second(start.timestamp() + second).unwrap();
        let body = serde_json::from_value(report::with_cpu(at, 12.5)).unwrap();
        let answer = agent.send_reports(&body).await.unwrap().into_inner();
        assert_eq!(answer.accepted, 1);
    }

    let api = with_token(&fleet, &fleet.token);
    let history = api
        .get_metrics(
            &fleet.server.id,
            Some(&start),
            "cpu_usage,load1",
            Some(10),
            Some(&end),
        )
        .await
        .unwrap()
        .into_inner();
    assert_eq!(history.series.len(), 1, "{history:?}");
    let cpu = &history.series[0];
    assert_eq!(cpu.average.first().copied().flatten(), Some(12.5));
    assert_eq!(cpu.average.last().copied().flatten(), Some(12.5));
    assert!(cpu.average.contains(&None), "{cpu:?}");
}

#[tokio::test]
async fn what_it_may_not_do_is_an_error_with_a_type() {
    let fleet = Fleet::start().await;
    for (token, status) in [
        ("nonsense".to_owned(), 401),
        (read_token(&fleet).await, 403),
    ] {
        let api = with_token(&fleet, &token);
        let new = types::NewServer {
            name: "db-1".parse().unwrap(),
            groups: Vec::new(),
        };
        let error = api.add_server(&new).await.expect_err("it is refused");
        assert_eq!(problem_of(error).await.status, status);
    }
}

async fn read_token(fleet: &Fleet) -> String {
    use server_scout_tests::fleet::{ORGANISATION, OWNER};

    fleet.dashboard.add_token(OWNER, ORGANISATION, "read").await
}
