//! A dashboard beside which another process sends gives up its way out, on every thread. What that closes is
//! tried in `api/tests/confine.rs`.

use std::collections::BTreeSet;
use std::fs;

use server_scout_tests::dashboard::{Setup, read_address};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Dashboard, Program};

#[tokio::test]
async fn a_dashboard_that_sends_nothing_can_connect_to_nothing() {
    let setup = Setup::new().set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let mut serve = Program::start(setup.command(&["serve"]));
    let address = serve.line("the address", PATIENCE, read_address).await;

    assert_eq!(filters(serve.id()), BTreeSet::from([own_filters() + 1]));
    let said = serve.stderr();
    assert!(
        said.contains("refuses this process every outgoing connection"),
        "{said}"
    );

    // It still answers, and is ready once somebody sends, which may begin before it and waits for it.
    let mut notify = Program::start(setup.command(&["notify"]));
    let client = server_scout_tests::https::client(&setup.data_dir().join("ca.pem"), address);
    until("somebody sends", PATIENCE, async || {
        let url = format!("https://localhost:{}/readyz", address.port());
        let answer = client.get(url).send().await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
    assert_eq!(filters(notify.id()), BTreeSet::from([own_filters()]));
    notify.signal(rustix::process::Signal::TERM);
    assert!(notify.end(PATIENCE).await.success(), "{}", notify.logs());
    serve.signal(rustix::process::Signal::TERM);
    assert!(serve.end(PATIENCE).await.success(), "{}", serve.logs());
}

#[tokio::test]
async fn a_dashboard_that_sends_keeps_its_way_out() {
    let dashboard = Dashboard::start().await;
    assert_eq!(
        filters(dashboard.program().id()),
        BTreeSet::from([own_filters()])
    );
}

#[tokio::test]
async fn a_sender_that_is_started_first_waits_for_the_dashboard() {
    let setup = Setup::new().set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let mut notify = Program::start(setup.command(&["notify"]));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(notify.status(), None, "{}", notify.logs());
    let dashboard = setup.start().await;
    assert_eq!(notify.status(), None, "{}", notify.logs());
    drop(dashboard);
}

/// How many filters of system calls the threads of a process have.
fn filters(process: u32) -> BTreeSet<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let of = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("Seccomp_filters:"));
        line.unwrap().trim().parse().unwrap()
    };
    threads.map(|thread| of(thread.unwrap())).collect()
}

/// Of this process, which what it starts has, too.
fn own_filters() -> u32 {
    *filters(std::process::id()).first().unwrap()
}
