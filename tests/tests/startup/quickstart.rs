//! One command: dashboard, agent, link.

use std::time::Duration;

use rustix::process::Signal;
use server_scout_tests::dashboard::{Setup, read_address, read_first_owner_token};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Dashboard, Program};

/// The processes whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        if rest.split(' ').nth(1) == Some(&parent.to_string()) {
            found.push(id);
        }
    }
    found
}

async fn quickstart() -> (Dashboard, String) {
    let setup = Setup::new();
    let data_dir = setup.data_dir().to_str().unwrap().to_owned();
    let arguments = [
        "quickstart",
        "--data-dir",
        &data_dir,
        "--listen",
        "127.0.0.1:0",
    ];
    let mut program = Program::start_group(setup.command(&arguments));
    let _ = program.line("the address", PATIENCE, read_address).await;
    let token = program
        .line("the link", PATIENCE, read_first_owner_token)
        .await;
    (Dashboard::of(program, setup).await, token)
}

#[tokio::test]
async fn within_ten_seconds_the_first_owner_sees_this_machine_online() {
    let (dashboard, token) = quickstart().await;
    let mut owner = server_scout_tests::Person::new(&dashboard);
    let link = format!("/first-owner/{token}");
    let _ = owner.get(&link).await;
    let fields = [
        ("email", "owner@example.org"),
        ("password", "correct horse battery staple"),
        ("organisation", "Example"),
    ];
    let page = owner.submit(&link, &fields).await;
    assert_eq!(page.status, 303, "{}", page.text());

    until(
        "this machine is online",
        Duration::from_secs(10),
        async || {
            let list = server_scout_tests::fleet::answer(
                owner.request(reqwest::Method::GET, "/api/v1/servers"),
            )
            .await
            .json();
            (list["items"][0]["status"] == "online").then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn one_interrupt_ends_dashboard_and_agent() {
    let (mut dashboard, _) = quickstart().await;
    let id = dashboard.program().id();
    let agents = until("the agent runs", PATIENCE, async || {
        let agents = children(id);
        (!agents.is_empty()).then_some(agents)
    })
    .await;

    dashboard.program().signal(Signal::INT);

    let status = dashboard.program_mut().end(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}");
    for agent in agents {
        let gone = !std::path::Path::new(&format!("/proc/{agent}")).exists();
        assert!(gone, "the agent {agent} outlived the quickstart");
    }
}

#[tokio::test]
async fn a_killed_quickstart_leaves_no_agent_behind() {
    let (mut dashboard, _) = quickstart().await;
    let id = dashboard.program().id();
    let agents = until("the agent runs", PATIENCE, async || {
        let agents = children(id);
        (!agents.is_empty()).then_some(agents)
    })
    .await;

    dashboard.program().signal(Signal::KILL);
    dashboard.program_mut().end(Duration::from_secs(10)).await;

    let alive = |agent: &u32| std::path::Path::new(&format!("/proc/{agent}")).exists();
    until("the agent ends", PATIENCE, async || {
        (!agents.iter().any(alive)).then_some(())
    })
    .await;
}
