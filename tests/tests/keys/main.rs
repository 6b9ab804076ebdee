//! Agent keys from enrolment to revocation, and the CA that agents trust, with the real programs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod ca;
mod enrol;
mod rotation;
mod trust;

use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::{Agent, Fleet};

/// A code for a new server, from the command line.
async fn code(fleet: &Fleet, name: &str) -> String {
    let arguments = ["server", "enrol", "--organisation", ORGANISATION];
    let arguments = [&arguments[..], &["--name", name]].concat();
    let printed = fleet.dashboard.command(&arguments, "").await.success();
    assert_eq!(printed.lines().count(), 1, "{printed}");
    printed.trim().to_owned()
}

/// An agent that was told nothing but where its state is.
fn bare(fleet: &Fleet) -> Agent {
    Agent::of(fleet)
        .unset("SERVERSCOUT_URL")
        .unset("SERVERSCOUT_API_KEY")
        .unset("SERVERSCOUT_CA_FILE")
        .set("SERVERSCOUT_INTERVAL_SECONDS", "1")
}

/// Enrols `agent`, and panics unless that works.
async fn enrol(fleet: &Fleet, agent: &Agent, code: &str) -> String {
    let origin = fleet.dashboard.origin();
    let arguments = ["enrol", "--url", &origin, "--code", code];
    agent.finish(&arguments).await.success()
}
