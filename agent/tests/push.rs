//! The pusher with a clock and dice of our own: when it tries again, and what it never loses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use hyper::StatusCode;
use server_scout_agent::backoff::Backoff;
use server_scout_agent::connection::Reply;
use server_scout_agent::dashboard::Transport;
use server_scout_agent::failure::{Failure, FailureKind};
use server_scout_agent::journal::Journal;
use server_scout_agent::key::{ApiKey, KeySource};
use server_scout_agent::push::{Pusher, Queue};
use server_scout_agent::spool::Spool;
use server_scout_agent::spool::disk::{Disk, Options};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn what_can_be_tried_again_is_tried_again() {
    let statuses = [401, 403, 408, 429, 500, 503, 302, 404];
    let mut script: Vec<Step> = statuses.map(Step::Status).to_vec();
    script.push(Step::Failure(FailureKind::Refused));
    let attempts = run(script, 1, Duration::from_mins(10)).await;
    // The dice always show the ceiling: 1, 2, 4 … 60 seconds.
    let waits: Vec<u64> = attempts
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_secs())
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert!(attempts.iter().all(|attempt| attempt.body == "{0}"));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_capped_at_five_minutes() {
    let script = vec![Step::RetryAfter(30), Step::RetryAfter(1_000_000)];
    let attempts = run(script, 1, Duration::from_secs(1000)).await;
    let waits: Vec<u64> = attempts
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_secs())
        .collect();
    assert_eq!(waits, [33, 300]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_halved_until_the_bad_report_is_alone() {
    let script = [400, 413, 422].map(Step::Status).to_vec();
    let attempts = run(script, 4, Duration::from_secs(10)).await;
    let bodies: Vec<&str> = attempts
        .iter()
        .map(|attempt| attempt.body.as_str())
        .collect();
    // The third is alone and set aside; the rest goes in batches that grow again.
    assert_eq!(
        bodies,
        ["[{0},{1},{2},{3}]", "[{0},{1}]", "{0}", "{1}", "[{2},{3}]"]
    );
    assert_eq!(attempts[0].at, attempts[4].at, "no wait in between");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_long_makes_smaller_batches() {
    let script = vec![Step::Failure(FailureKind::AnswerTooLong); 2];
    let attempts = run(script, 4, Duration::from_mins(1)).await;
    let bodies: Vec<&str> = attempts
        .iter()
        .map(|attempt| attempt.body.as_str())
        .collect();
    assert_eq!(
        bodies,
        ["[{0},{1},{2},{3}]", "[{0},{1}]", "{0}", "[{1},{2}]", "{3}"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_twice_is_trouble() {
    let script = vec![Step::Failure(FailureKind::Closed); 3];
    let attempts = run(script, 1, Duration::from_mins(1)).await;
    let waits: Vec<u64> = attempts
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_secs())
        .collect();
    assert_eq!(waits, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_end_interrupts_a_wait_and_tries_once_more() {
    let attempts = run(vec![Step::RetryAfter(300)], 2, Duration::from_secs(10)).await;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[1].at - attempts[0].at, Duration::from_secs(10));
    let attempts = run(vec![Step::RetryAfter(300); 9], 2, Duration::from_secs(10)).await;
    assert_eq!(attempts.len(), 2, "and no more");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_probed_with_the_newest_report_and_the_backlog_follows_slowly() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::open(directory.path(), Options::default()).unwrap();
    let queue = Queue::new(Spool::on_disk(100_000, disk));
    for n in 0..100 {
        queue.push(format!("{{{n}}}").into_bytes());
    }
    let script = vec![Step::Failure(FailureKind::Refused), Step::Status(503)];
    let attempts = run_over(&queue, script, Duration::from_mins(1)).await;
    let sent: Vec<usize> = attempts
        .iter()
        .map(|attempt| attempt.body.matches('{').count())
        .collect();
    assert_eq!(sent, [1, 1, 1, 25, 50, 24]);
    assert!(attempts[..3].iter().all(|attempt| attempt.body == "{99}"));
    assert!(attempts[3].body.starts_with("[{0},{1},"));
    let waits: Vec<u128> = attempts
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_millis())
        .collect();
    // The dice always show the longest wait.
    assert_eq!(waits, [1000, 2000, 0, 1500, 1500]);
}

#[tokio::test(start_paused = true)]
async fn the_end_leaves_the_backlog_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::open(directory.path(), Options::default()).unwrap();
    let queue = Queue::new(Spool::on_disk(100_000, disk));
    for n in 0..3 {
        queue.push(format!("{{{n}}}").into_bytes());
    }
    let attempts = run_over(&queue, vec![Step::RetryAfter(300); 9], Duration::ZERO).await;
    assert!(attempts.iter().all(|attempt| attempt.body == "{2}"));
    drop(queue);
    let disk = Disk::open(directory.path(), Options::default()).unwrap();
    let batch = Spool::on_disk(100_000, disk).oldest_of_backlog(10).unwrap();
    assert_eq!(batch.body(), b"[{0},{1},{2}]");
}

/// Runs a pusher over `reports` reports and tells it to end after `time`. What the script does not
/// say is accepted.
async fn run(script: Vec<Step>, reports: usize, time: Duration) -> Vec<Attempt> {
    let queue = Queue::new(Spool::new(10_000));
    for n in 0..reports {
        queue.push(format!("{{{n}}}").into_bytes());
    }
    run_over(&queue, script, time).await
}

async fn run_over(queue: &Queue, script: Vec<Step>, time: Duration) -> Vec<Attempt> {
    let attempts = Rc::default();
    let transport = Script {
        steps: script.into(),
        attempts: Rc::clone(&attempts),
    };
    let key = ApiKey::new(&"key".to_owned().into()).unwrap();
    let source = KeySource::Environment("key".to_owned().into());
    let journal = Journal::new("dash:443".to_owned());
    let pusher = Pusher::new(
        queue,
        transport,
        (key, source),
        Backoff::new(|| 1.0),
        journal,
    );
    let (stop, stopping) = watch::channel(false);
    let ending = async {
        sleep(time).await;
        stop.send(true).unwrap();
    };
    tokio::join!(pusher.run(stopping), ending);
    attempts.take()
}

#[derive(Clone)]
enum Step {
    Failure(FailureKind),
    RetryAfter(u64),
    Status(u16),
}

struct Attempt {
    at: Instant,
    body: String,
}

struct Script {
    steps: VecDeque<Step>,
    attempts: Rc<RefCell<Vec<Attempt>>>,
}

impl Transport for Script {
    async fn post(&mut self, _: &ApiKey, body: &[u8]) -> Result<Reply, Failure> {
        let body = String::from_utf8(body.to_vec()).unwrap();
        let sent = body.matches('{').count();
        self.attempts.borrow_mut().push(Attempt {
            at: Instant::now(),
            body,
        });
        let (status, retry_after) = match self.steps.pop_front() {
            Some(Step::Failure(kind)) => return Err(Failure::new(kind, "in a test")),
            Some(Step::RetryAfter(seconds)) => (503, Some(Duration::from_secs(seconds))),
            Some(Step::Status(status)) => (status, None),
            None => (200, None),
        };
        let body = format!(r#"{{"accepted":{sent},"duplicate":0,"too_old":0,"refused":[]}}"#);
        Ok(Reply {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after,
            body: body.into_bytes(),
        })
    }
}
