//! The agent keeps what was not acknowledged, and sends it later.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Agent, Fleet};
use tokio::time::sleep;

/// Between two reports of an agent that nobody told otherwise.
const INTERVAL: i64 = 5;

#[tokio::test]
async fn an_outage_with_a_restart_of_the_agent_costs_and_doubles_no_report() {
    // The dashboard comes back where it was.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let setup = Setup::new().set("SERVERSCOUT_LISTEN", format!("127.0.0.1:{port}"));
    let mut fleet = Fleet::with(setup).await;
    let agent = Agent::of(&fleet);
    let start = whole_second(Timestamp::now());
    let mut running = agent.start();
    until("the agent reports", PATIENCE, async || {
        (fleet.state().await["status"] == "online").then_some(())
    })
    .await;
    sleep(Duration::from_secs(7)).await;

    fleet.dashboard.kill();
    sleep(Duration::from_secs(12)).await;
    let ended = Timestamp::now();
    running.signal(Signal::TERM);
    assert!(running.end(PATIENCE).await.success());
    sleep(Duration::from_secs(6)).await;
    let started_again = whole_second(Timestamp::now());
    let running = agent.start();
    sleep(Duration::from_secs(12)).await;
    let back = Timestamp::now();
    fleet = fleet.again().await;

    // The newest come first, so what was made before the restart is there when all is.
    let patience = Duration::from_mins(1);
    until("every report has arrived", patience, async || {
        let seconds = seconds_with_a_report(&fleet, start).await;
        let (first, second): (Vec<Timestamp>, Vec<Timestamp>) =
            seconds.into_iter().partition(|at| *at < started_again);
        sleep(Duration::from_secs(1)).await;
        let caught_up = first.last().is_some_and(|last| is_near(*last, ended))
            && second.first().is_some_and(|at| is_near(started_again, *at))
            && second.last().is_some_and(|last| *last > back);
        let enough = first.len() >= 3 && second.len() >= 3;
        (caught_up && enough && is_even(&first) && is_even(&second)).then_some(())
    })
    .await;
    drop(running);
}

/// The seconds since `start` of which there is a report; panics when one has two.
async fn seconds_with_a_report(fleet: &Fleet, start: Timestamp) -> Vec<Timestamp> {
    let length = Timestamp::now().as_second() - start.as_second();
    let mut seconds = Vec::new();
    for second in 0..length {
        let at = start + SignedDuration::from_secs(second);
        let chart = fleet.chart(&fleet.server.id, "cpu_usage", at, 1, 1).await;
        let count: u64 = chart.map_or(0, |chart| chart.count.iter().sum());
        assert!(count <= 1, "{count} reports at {at}");
        if count == 1 {
            seconds.push(at);
        }
    }
    seconds
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}

/// Whether none is missing between the first and the last. An agent's second report comes half an
/// interval to one and a half after its first, and a busy machine may be late by a second.
fn is_even(seconds: &[Timestamp]) -> bool {
    let distances = seconds
        .windows(2)
        .map(|pair| pair[1].as_second() - pair[0].as_second());
    distances.enumerate().all(|(place, distance)| match place {
        0 => distance <= INTERVAL * 3 / 2 + 1,
        _ => (INTERVAL - 1..=INTERVAL + 1).contains(&distance),
    })
}

/// Whether no report is missing between the two.
fn is_near(before: Timestamp, after: Timestamp) -> bool {
    before.duration_until(after).as_secs() <= INTERVAL + 1
}
