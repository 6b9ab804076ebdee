//! Clients that take their time are cut, and the others do not notice them.

use std::time::{Duration, Instant};

use server_scout_tests::https::Connection;
use server_scout_tests::{Dashboard, Fleet, report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any deadline of the dashboard.
const LIMIT: Duration = Duration::from_secs(90);

/// Sends `drop` once a second until the connection ends; returns when that was.
async fn drip(mut connection: Connection, start: Vec<u8>, drop: &[u8]) -> Duration {
    connection.send(&start).await.unwrap();
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        if connection.send(drop).await.is_err() {
            break;
        }
        if connection
            .until_closed(Duration::from_secs(1))
            .await
            .is_some()
        {
            break;
        }
    }
    begin.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dripped_requests_are_cut_within_the_deadlines() {
    let fleet = Fleet::start().await;
    let dashboard = &fleet.dashboard;
    let half_head = b"GET /servers HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_vec();
    let body = format!(
        "POST /api/v1/reports HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n",
        fleet.server.key
    );
    let chunked = body.replace("Content-Length: 5000", "Transfer-Encoding: chunked");
    let form = "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n";

    let connections = [
        ("a head that grows", half_head.clone(), &b"a"[..]),
        ("head lines without end", half_head, b"a\r\nX: "),
        ("a body that grows", body.into_bytes(), b" "),
        ("chunks that grow", chunked.into_bytes(), b"1\r\n \r\n"),
        ("a form that grows", form.as_bytes().to_vec(), b"a"),
    ];
    let mut slow = tokio::task::JoinSet::new();
    for (name, start, drop) in connections {
        let connection = dashboard.connect().await;
        slow.spawn(async move { (name, drip(connection, start, drop).await) });
    }
    let mut silent = dashboard.connect().await;
    let mut half = dashboard.connect().await;
    half.send(b"GET / HT").await.unwrap();
    slow.spawn(async move {
        let begin = Instant::now();
        let _ = silent.until_closed(LIMIT).await;
        ("silence after the handshake", begin.elapsed())
    });
    slow.spawn(async move {
        let begin = Instant::now();
        let _ = half.until_closed(LIMIT).await;
        ("half a head and silence", begin.elapsed())
    });
    let mut no_tls = TcpStream::connect(dashboard.address()).await.unwrap();
    slow.spawn(async move {
        let begin = Instant::now();
        let mut buffer = Vec::new();
        let _ = tokio::time::timeout(LIMIT, no_tls.read_to_end(&mut buffer)).await;
        ("silence before the handshake", begin.elapsed())
    });
    let mut half_tls = TcpStream::connect(dashboard.address()).await.unwrap();
    half_tls.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    slow.spawn(async move {
        let begin = Instant::now();
        let mut buffer = Vec::new();
        let _ = tokio::time::timeout(LIMIT, half_tls.read_to_end(&mut buffer)).await;
        ("half a handshake", begin.elapsed())
    });

    // Meanwhile others are served as ever.
    fleet.accepted(&report::seed()).await;
    let mut kept = Vec::new();
    while let Some(cut) = slow.join_next().await {
        let (name, after) = cut.unwrap();
        if after >= LIMIT {
            kept.push(name);
        }
    }
    assert!(kept.is_empty(), "not cut within {LIMIT:?}: {kept:?}");
    fleet.accepted(&report::seed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peer_cannot_take_all_connections_nor_spin_the_dashboard() {
    let fleet = Fleet::start().await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        match TcpStream::connect(fleet.dashboard.address()).await {
            Ok(tcp) => silent.push(tcp),
            Err(_) => break,
        }
    }
    let before = cpu_ticks(&fleet.dashboard);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = cpu_ticks(&fleet.dashboard) - before;

    // A tick is a hundredth of a second.
    assert!(spent < 60, "{spent} ticks in two seconds of silence");
    let threads = std::fs::read_dir(format!("/proc/{}/task", fleet.dashboard.program().id()));
    assert!(threads.unwrap().count() < 64, "no thread per connection");
    drop(silent);
    fleet.accepted(&report::seed()).await;
}

#[tokio::test]
async fn few_file_descriptors_end_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let setup = server_scout_tests::dashboard::Setup::new();
    let wrapper = setup.home().join("few");
    let program = server_scout_tests::binaries::dashboard();
    let script = format!(
        "#!/bin/sh\nulimit -n 48\nexec {} serve\n",
        program.display()
    );
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o700)).unwrap();
    let mut command = std::process::Command::new(&wrapper);
    command.env_clear().current_dir(setup.home());
    for (name, value) in setup.command(&["serve"]).get_envs() {
        command.env(name, value.unwrap());
    }
    let dashboard = Dashboard::of(server_scout_tests::Program::start(command), setup).await;

    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(dashboard.address()).await.unwrap());
    }
    let before = cpu_ticks(&dashboard);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = cpu_ticks(&dashboard) - before;
    assert!(
        spent < 60,
        "{spent} ticks in two seconds without descriptors"
    );

    drop(silent);
    let limit = Duration::from_secs(20);
    server_scout_tests::wait::until("it serves again", limit, async || {
        let answer = dashboard
            .client()
            .get(dashboard.url("/healthz"))
            .send()
            .await
            .ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
}

/// Hundredths of a second that the dashboard has computed.
fn cpu_ticks(dashboard: &Dashboard) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", dashboard.program().id())).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum()
}
