//! The agent keeps what was not acknowledged, and sends it later.

use std::time::Duration;

use server_scout_tests::wait::until;
use server_scout_tests::{Agent, Fleet, report};

#[tokio::test]
async fn what_the_agent_saw_during_an_outage_arrives_afterwards() {
    // The dashboard comes back where it was.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let setup = server_scout_tests::dashboard::Setup::new()
        .set("SERVERSCOUT_LISTEN", format!("127.0.0.1:{port}"));
    let mut fleet = Fleet::with(setup).await;
    let agent = Agent::of(&fleet);
    let running = agent.start();
    until("the agent reports", Duration::from_secs(15), async || {
        (fleet.state().await["status"] == "online").then_some(())
    })
    .await;
    let start = report::seconds_ago(0);

    fleet.dashboard.kill();
    tokio::time::sleep(Duration::from_secs(12)).await;
    fleet = fleet.again().await;

    let patience = Duration::from_secs(40);
    until("the reports of the outage arrive", patience, async || {
        let history = fleet
            .history(&fleet.server.id, "cpu_usage", start, 12)
            .await;
        // One report every five seconds makes two in any twelve.
        (history.iter().flatten().count() >= 2).then_some(())
    })
    .await;
    drop(running);
}
