//! The packages and the archive in real Debians: installed, enrolled, reporting, confined, removed.
//!
//! Only `tests/run appliance` starts these, as they need root, systemd's containers and what it makes ready.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "appliance/agent.rs"]
mod agent;
#[path = "appliance/archive.rs"]
mod archive;
#[path = "appliance/dashboard.rs"]
mod dashboard;
#[path = "appliance/probing.rs"]
mod probing;
#[path = "appliance/sending.rs"]
mod sending;
#[path = "appliance/units.rs"]
mod units;

use std::time::Duration;

use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::wait::until;
use server_scout_tests::{Fleet, Machine};

/// A code for a new server, from the command line.
async fn code(fleet: &Fleet, name: &str) -> String {
    let arguments = ["server", "enrol", "--organisation", ORGANISATION];
    let arguments = [&arguments[..], &["--name", name]].concat();
    let printed = fleet.dashboard.command(&arguments, "").await.success();
    printed.trim().to_owned()
}

/// Waits until the server of that name is online; what the dashboard says of it.
async fn online(fleet: &Fleet, machine: &Machine, name: &str) -> serde_json::Value {
    let what = format!("{name} is online");
    let found = until(&what, SLOW, async || {
        let servers = fleet.get("/api/v1/servers").await.json();
        let servers = servers["items"].as_array()?.clone();
        let server = servers.into_iter().find(|server| server["name"] == name)?;
        (server["status"] == "online").then_some(server)
    });
    let logs = async {
        // Before the wait ends, which would not say why.
        tokio::time::sleep(SLOW.mul_f64(0.9)).await;
        machine.run("journalctl --no-pager | tail -40").await
    };
    tokio::select! {
        server = found => server,
        logs = logs => panic!("{name} does not report:\n{logs}"),
    }
}

/// How long a service may take to start and to report, while other machines boot.
const SLOW: Duration = Duration::from_mins(1);
