//! What released versions have written.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use server_scout_tests::authenticator::AuthenticatorApp;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::{Dashboard, Database, Person, report};

use crate::schema::{DESCRIPTION, GROUP, History, Schema, TAG, newest_of, record};

#[tokio::test]
async fn a_database_of_every_released_version_opens_and_serves() {
    if std::env::var_os("SERVERSCOUT_RECORD").is_some() {
        record().await;
    }
    let schemas = Schema::all();
    assert!(
        !schemas.is_empty(),
        "no released version has left a database"
    );
    for schema in schemas {
        let dashboard = schema.unpack().start().await;
        let version = newest_of(&Database::of(&dashboard));
        let kept = format!("server-scout.before-{}.db", schema.version);
        let kept = dashboard.setup().data_dir().join(kept);
        assert_eq!(
            kept.exists(),
            version != schema.version,
            "{}",
            schema.version
        );

        serves(&dashboard, &schema).await;
        let verified = dashboard.command(&["audit", "verify"], "").await.success();
        assert!(!verified.contains("BROKEN"), "{verified}");
    }
}

async fn serves(dashboard: &Dashboard, schema: &Schema) {
    let client = dashboard.client();
    let sent = client
        .post(dashboard.url("/api/v1/reports"))
        .header("X-API-Key", &schema.knowledge.agent_key)
        .json(&report::seed_at(report::seconds_ago(1)));
    let sent = answer(sent).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    assert_eq!(sent.json()["accepted"], 1, "{}", sent.text());

    let token = dashboard.add_token(OWNER, ORGANISATION, "read").await;
    let get = async |path: &str| {
        let request = client.get(dashboard.url(path)).bearer_auth(&token);
        let answer = answer(request).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    };
    let servers = get("/api/v1/servers").await;
    let servers = servers["items"].as_array().unwrap();
    assert_eq!(servers.len(), 2, "{servers:?}");
    let server = servers.iter().find(|one| one["name"] == "web-1").unwrap();
    assert_eq!(server["status"], "online", "{server}");
    assert_eq!(server["description"], DESCRIPTION, "{server}");
    assert_eq!(server["tags"][0], TAG, "{server}");
    let groups = get("/api/v1/groups").await;
    assert_eq!(groups["items"][0]["group"]["name"], GROUP, "{groups}");
    let id = server["id"].as_str().unwrap();
    // Reports in a range, as the resolution that belongs to so many points knows them.
    let reports = async |from: Timestamp, seconds: i64, points: u32| {
        let to = from + SignedDuration::from_secs(seconds);
        let path = format!(
            "/api/v1/servers/{id}/metrics?names=cpu_usage&from={from}&to={to}&points={points}"
        );
        let chart = get(&path).await;
        let counts = chart["series"][0]["count"].as_array().unwrap();
        counts.iter().filter_map(Value::as_u64).sum::<u64>()
    };
    assert_eq!(reports(report::seconds_ago(60), 60, 1).await, 1);
    if let Some(History {
        merged,
        folded,
        folded_reports,
    }) = &schema.knowledge.history
    {
        for points in [1, 4, 60, 720] {
            assert_eq!(reports(*merged, 3600, points).await, 720, "{points} points");
        }
        let seconds = 4 * i64::from(*folded_reports);
        let points = *folded_reports;
        assert_eq!(reports(*folded, seconds, points).await, u64::from(points));
    }

    // The seed of the second factor is sealed under the master key of then.
    let mut owner = Person::new(dashboard);
    let first = owner.log_in(OWNER, PASSWORD).await;
    assert_eq!(first.status, 303, "{}", first.text());
    let code = AuthenticatorApp::typed(&schema.knowledge.seed).code(0);
    let second = owner
        .submit("/login/second-factor", &[("code", code.as_str())])
        .await;
    assert_eq!(second.status, 303, "{}", second.text());
    assert!(owner.is_logged_in().await);
}
