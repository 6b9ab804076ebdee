//! An orderly end.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use server_scout_tests::{Fleet, report};

use crate::stream::{self, Book};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_loses_nothing_that_was_accepted() {
    let mut fleet = Fleet::start().await;
    let book = Book::new(vec![fleet.server.clone(), fleet.add_server("web-2").await]);
    for _ in 0..3 {
        let mut senders = stream::send(&fleet, &book);
        tokio::time::sleep(Duration::from_millis(700)).await;
        let status = fleet.dashboard.stop().await;
        assert!(status.success(), "{status}");
        while let Some(sender) = senders.join_next().await {
            sender.expect("no answer was wrong");
        }
        fleet = fleet.again().await;
    }

    assert!(book.acknowledged() > 30, "{} reports", book.acknowledged());
    book.check(&fleet).await;
}

#[tokio::test]
async fn an_open_live_stream_and_idle_connections_do_not_delay_the_end() {
    let mut fleet = Fleet::start().await;
    let mut live = fleet.dashboard.connect().await;
    let head = format!("GET /api/v1/live\nAuthorization: Bearer {}", fleet.token);
    live.request(&head, b"").await;
    let idle = fleet.dashboard.connect().await;
    fleet.accepted(&report::seed()).await;

    let start = Instant::now();
    let status = fleet.dashboard.stop().await;

    assert!(status.success(), "{status}");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    drop((live, idle));
}

#[tokio::test]
async fn a_request_that_never_becomes_whole_delays_the_end_by_seconds_only() {
    let mut fleet = Fleet::start().await;
    let mut half = fleet.dashboard.connect().await;
    half.send(b"GET /servers HTTP/1.1\r\nHost: local")
        .await
        .unwrap();

    fleet.dashboard.program().signal(Signal::TERM);
    let status = fleet
        .dashboard
        .program_mut()
        .end(Duration::from_secs(15))
        .await;

    assert!(status.success(), "{status}");
    drop(half);
}

#[tokio::test]
async fn an_interrupt_ends_it_as_well() {
    let mut fleet = Fleet::start().await;
    fleet.dashboard.program().signal(Signal::INT);

    let status = fleet
        .dashboard
        .program_mut()
        .end(Duration::from_secs(10))
        .await;

    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn after_an_orderly_end_the_database_needs_no_log_beside_it() {
    let mut fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;

    assert!(fleet.dashboard.stop().await.success());

    let mut left = Vec::new();
    for entry in std::fs::read_dir(fleet.dashboard.setup().data_dir()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with("-wal") && entry.metadata().unwrap().len() > 0 {
            left.push(name);
        }
    }
    assert!(left.is_empty(), "{left:?}");
}
