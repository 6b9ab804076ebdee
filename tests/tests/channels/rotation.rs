//! Sending goes on after the master key was rotated, which seals all settings of channels anew.

use server_scout_tests::wait::PATIENCE;
use server_scout_tests::{Fleet, Program};

use super::{add_webhook, delivery, opened, receiver, test_channel};

async fn rotate(fleet: &Fleet) {
    let rotated = fleet.dashboard.command(&["master-key", "rotate"], "").await;
    let _ = rotated.success();
}

async fn delivers(fleet: &Fleet, channel: &str) {
    test_channel(fleet, channel).await;
    let sent = delivery(fleet, channel, |newest| newest["state"] != "waiting").await;
    assert_eq!(sent["state"], "delivered", "{sent}");
}

#[tokio::test]
async fn channels_work_after_the_master_key_was_rotated() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    let sink = receiver(&authority, "200 OK").await;
    let (channel, _) = add_webhook(&fleet, &sink.origin()).await;
    delivers(&fleet, &channel).await;
    rotate(&fleet).await;
    delivers(&fleet, &channel).await;
    assert!(fleet.dashboard.stop().await.success());
    fleet = fleet.again().await;
    delivers(&fleet, &channel).await;
    assert_eq!(sink.requests().len(), 3);
}

#[tokio::test]
async fn a_separate_sender_works_on_after_the_master_key_was_rotated() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup.clone()).await;
    let sink = receiver(&authority, "200 OK").await;
    let (channel, _) = add_webhook(&fleet, &sink.origin()).await;
    assert!(fleet.dashboard.stop().await.success());
    let setup = setup.set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let mut notify = Program::start(setup.command(&["notify"]));
    let begun = |line: &str| (line == "sending").then_some(());
    notify.line("the sender", PATIENCE, begun).await;
    fleet.dashboard = setup.start().await;
    delivers(&fleet, &channel).await;
    rotate(&fleet).await;
    delivers(&fleet, &channel).await;
    assert_eq!(sink.requests().len(), 2);
}
