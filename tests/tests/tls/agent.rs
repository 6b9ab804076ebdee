//! The agent talks to nobody whose certificate it cannot verify, and says why.

use server_scout_tests::certificates::{Authority, Leaf};
use server_scout_tests::sink::Sink;
use server_scout_tests::{Agent, Dashboard, Fleet};

/// What `check` says against a server that shows `leaf`, and whether it was sent anything.
async fn complaint_about(authority: &Authority, leaf: &Leaf) -> String {
    let sink = Sink::start(leaf).await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    authority.write(&ca);

    let finished = Agent::new(&sink.origin(), "the-key", &ca)
        .finish(&["check"])
        .await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.said());
    assert!(
        sink.requests().is_empty(),
        "the key was sent: {:?}",
        sink.requests()
    );
    finished.said()
}

fn assert_says(complaint: &str, words: &[&str]) {
    let lower = complaint.to_lowercase();
    for word in words {
        assert!(lower.contains(word), "{word:?} is not in {complaint:?}");
    }
    assert!(
        !complaint.contains("the-key"),
        "the key is in {complaint:?}"
    );
}

#[tokio::test]
async fn check_succeeds_where_everything_is_right() {
    let fleet = Fleet::start().await;

    let finished = Agent::of(&fleet).finish(&["check"]).await;

    assert!(
        finished.status.success(),
        "{}{}",
        finished.stdout,
        finished.said()
    );
    assert!(
        !finished.stdout.contains(&fleet.server.key)
            && !finished.said().contains(&fleet.server.key)
    );
}

#[tokio::test]
async fn http_is_refused() {
    let fleet = Fleet::start().await;
    let url = format!("http://localhost:{}", fleet.dashboard.address().port());

    for command in ["check", "run"] {
        let finished = Agent::of(&fleet)
            .set("SERVERSCOUT_URL", &url)
            .finish(&[command])
            .await;
        assert_eq!(
            finished.status.code(),
            Some(1),
            "{command}: {}",
            finished.said()
        );
        assert_says(&finished.said(), &["serverscout_url", "https"]);
    }
}

#[tokio::test]
async fn a_ca_that_is_not_the_dashboards_is_refused() {
    let fleet = Fleet::start().await;
    let other = Dashboard::start().await;
    let ca = other.ca_file();

    let agent = Agent::new(&fleet.dashboard.origin(), &fleet.server.key, &ca);
    let finished = agent.finish(&["check"]).await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.said());
    assert_says(&finished.said(), &["certificate", "ca"]);
    assert!(!finished.said().contains(&fleet.server.key));
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();

    let complaint = complaint_about(&authority, &authority.leaf(&["scout.example.org"])).await;

    assert_says(&complaint, &["certificate", "localhost"]);
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new();

    let complaint = complaint_about(&authority, &authority.expired_leaf(&["localhost"])).await;

    assert_says(&complaint, &["certificate", "expired"]);
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused() {
    let authority = Authority::new();
    let stranger = Authority::new();

    let complaint = complaint_about(&authority, &stranger.leaf(&["localhost"])).await;

    assert_says(&complaint, &["certificate"]);
}

#[tokio::test]
async fn the_three_reasons_can_be_told_apart() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let host = complaint_about(&authority, &authority.leaf(&["scout.example.org"])).await;
    let expired = complaint_about(&authority, &authority.expired_leaf(&["localhost"])).await;
    let unknown = complaint_about(&authority, &stranger.leaf(&["localhost"])).await;

    assert!(
        !host.contains("expired") && !unknown.contains("expired"),
        "{host}{unknown}"
    );
    assert_ne!(host, unknown);
    assert_ne!(host, expired);
}

#[tokio::test]
async fn without_a_ca_file_the_system_decides_and_refuses_ours() {
    let fleet = Fleet::start().await;

    let finished = Agent::of(&fleet)
        .unset("SERVERSCOUT_CA_FILE")
        .finish(&["check"])
        .await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.said());
    assert_says(&finished.said(), &["certificate"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let authority = Authority::new();
    let leaf = authority.leaf(&["localhost"]);
    let target = Sink::start(&leaf).await;
    let location = format!("Location: {}/api/v1/reports\r\n", target.origin());
    let sink = Sink::answering(&leaf, "307 Temporary Redirect", &location, "").await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    authority.write(&ca);

    let finished = Agent::new(&sink.origin(), "the-key", &ca)
        .finish(&["check"])
        .await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.said());
    assert!(
        target.requests().is_empty(),
        "the key went elsewhere: {:?}",
        target.requests()
    );
}
