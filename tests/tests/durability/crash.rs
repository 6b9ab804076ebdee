//! The dashboard is killed in the middle of a stream of reports, many times over.

use std::time::Duration;

use server_scout_tests::Fleet;
use server_scout_tests::wait::{PATIENCE, until};

use crate::stream::{self, Book};

/// How many times; `SERVERSCOUT_CRASHES` asks for more.
fn crashes() -> u32 {
    std::env::var("SERVERSCOUT_CRASHES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_report_survives_kills() {
    let mut fleet = Fleet::start().await;
    let book = Book::of_three(&fleet).await;

    for crash in 0..crashes() {
        let before = book.acknowledged();
        let mut senders = stream::send(&fleet, &book);
        // Some have to be acknowledged in this life.
        until("reports are acknowledged", PATIENCE, async || {
            (book.acknowledged() > before + 20).then_some(())
        })
        .await;
        if crash % 4 == 3 {
            // At any moment of a group.
            tokio::time::sleep(Duration::from_millis(u64::from(crash * 67 % 400))).await;
        } else {
            // At the very moment of an acknowledgement: what it says has to be true already.
            let _ = tokio::time::timeout(Duration::from_millis(10), book.news.notified()).await;
            let _ = tokio::time::timeout(PATIENCE, book.news.notified()).await;
        }

        fleet.dashboard.kill();

        // The senders end by themselves, and with them the book of this life.
        while let Some(sender) = senders.join_next().await {
            sender.expect("no answer was wrong");
        }
        fleet = fleet.again().await;
    }

    assert!(book.acknowledged() > 200, "{} reports", book.acknowledged());
    book.check(&fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_the_first_start_leaves_something_that_starts() {
    for delay in [0, 5, 15, 30, 60, 120, 250] {
        let setup = server_scout_tests::dashboard::Setup::new();
        let mut program = server_scout_tests::Program::start(setup.command(&["serve"]));
        tokio::time::sleep(Duration::from_millis(delay)).await;
        program.kill();

        let dashboard = setup.start().await;

        let health = dashboard
            .client()
            .get(dashboard.url("/healthz"))
            .send()
            .await
            .unwrap();
        assert_eq!(health.status(), 200);
    }
}
