//! `server-scout notify` beside a dashboard that sends nothing.

use rustix::process::Signal;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Person, Program};

use super::{add_webhook, delivery, opened, receiver, test_channel};

async fn ready(fleet: &Fleet) -> u16 {
    fleet.get("/readyz").await.status
}

/// Whether a page says that nobody sends.
async fn absence_shows(owner: &mut Person, page: &str) -> bool {
    let page = owner.get(page).await;
    assert_eq!(page.status, 200, "{}", page.text());
    page.text().contains("it does not run")
}

#[tokio::test]
async fn a_separate_sender_delivers_and_its_absence_shows() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup.clone()).await;
    let sink = receiver(&authority, "200 OK").await;
    let (id, _) = add_webhook(&fleet, &sink.origin()).await;
    fleet.dashboard.stop().await;

    // It needs no key of the certificates.
    let (keys, away) = (setup.data_dir().join("keys"), setup.home().join("keys"));
    std::fs::rename(&keys, &away).unwrap();
    let setup = setup.set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let mut notify = Program::start(setup.command(&["notify"]));
    until("notify sends", PATIENCE, async || {
        notify.stdout().contains("sending").then_some(())
    })
    .await;
    std::fs::rename(&away, &keys).unwrap();
    fleet.dashboard = setup.start().await;
    test_channel(&fleet, &id).await;
    let sent = delivery(&fleet, &id, |newest| newest["state"] != "waiting").await;
    assert_eq!(sent["state"], "delivered", "{sent}");
    assert_eq!(sink.requests().len(), 1);
    assert_eq!(ready(&fleet).await, 200);
    let mut owner = fleet.owner().await;
    assert!(!absence_shows(&mut owner, "/alerts").await);

    notify.signal(Signal::TERM);
    assert!(notify.end(PATIENCE).await.success(), "{}", notify.logs());
    until("the absence shows", PATIENCE, async || {
        (ready(&fleet).await == 503).then_some(())
    })
    .await;
    for page in ["/alerts", "/alerts/channels", "/alerts/heartbeat"] {
        assert!(absence_shows(&mut owner, page).await, "{page}");
    }
    test_channel(&fleet, &id).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let waiting = delivery(&fleet, &id, |newest| newest["attempts"] == 0).await;
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_eq!(sink.requests().len(), 1);
}
