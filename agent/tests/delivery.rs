//! What was collected arrives: in order, each once, whatever happens to the dashboard meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use server_scout_wire::{Coding, Report};
use support::{Agent, Ca, Dashboard, KEY, Reply, wait};

#[test]
fn reports_arrive_over_one_connection() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    let requests = dashboard.wait_for(3);
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success(), "{output}");

    for (number, request) in requests.iter().enumerate() {
        assert_eq!(request.line, "POST /api/v1/reports HTTP/1.1");
        assert_eq!(request.header("x-api-key"), Some(KEY));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let agent = format!("server-scout-agent/{}", env!("CARGO_PKG_VERSION"));
        let said = (number == 0).then_some(agent.as_str());
        assert_eq!(request.header("user-agent"), said, "once on a connection");
        let names = request.headers.iter().map(|(name, _)| name.as_str());
        let names = names.filter(|name| *name != "user-agent");
        assert_eq!(
            names.collect::<BTreeSet<_>>(),
            BTreeSet::from(HEADERS),
            "and no other"
        );
        assert_eq!(
            (request.connection, request.seqs()),
            (0, vec![number as u64])
        );
        assert_eq!(request.coding, Some(Coding::Deflate));
        let report = Report::from_json(request.body.to_string().as_bytes()).unwrap();
        // What the host is comes once, with the first.
        assert_eq!(report.host().is_some(), number == 0);
    }
    let boots: Vec<_> = requests
        .iter()
        .map(|request| &request.body["boot"])
        .collect();
    assert!(boots.iter().all(|boot| *boot == boots[0]));
}

#[test]
fn a_signal_asks_for_every_tier_at_once() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    dashboard.wait_for(1);
    agent.signal("-USR1");
    let requests = dashboard.wait_for(4);
    agent.terminate();
    assert!(agent.end().0.success());
    let whole = requests.iter().filter_map(|request| {
        let report = Report::from_json(request.body.to_string().as_bytes());
        report.ok().filter(|report| report.host().is_some())
    });
    assert_eq!(whole.count(), 2, "the first and the one that was asked for");
}

#[test]
fn two_starts_have_two_boots() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    for _ in 0..2 {
        let agent = Agent::run(&dashboard.url(), &ca, &[]);
        agent.wait_for_output("reports reach the dashboard");
        agent.terminate();
        assert!(agent.end().0.success());
    }
    let requests = dashboard.requests();
    assert_ne!(
        requests[0].body["boot"],
        requests.last().unwrap().body["boot"]
    );
}

#[test]
fn collection_goes_on_while_the_dashboard_is_slow() {
    let ca = Ca::new();
    let dashboard = Dashboard::start(&ca, |request| {
        if request.seqs() == [0] {
            sleep(Duration::from_secs(3));
        }
        Reply::accepted(request)
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    let requests = dashboard.wait_for(2);
    agent.terminate();
    assert!(agent.end().0.success());
    let times: Vec<i64> = requests[1]
        .reports()
        .iter()
        .map(|report| {
            Report::from_json(report.to_string().as_bytes())
                .unwrap()
                .timestamp()
                .as_millis()
        })
        .collect();
    assert!(times.len() >= 2, "{times:?}");
    assert!(
        times
            .windows(2)
            .all(|pair| (800..1200).contains(&(pair[1] - pair[0]))),
        "{times:?}"
    );
}

#[test]
fn retry_after_is_obeyed() {
    let ca = Ca::new();
    let calls = AtomicUsize::new(0);
    let dashboard = Dashboard::start(&ca, move |request| {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::problem(503, "busy").with("retry-after: 2"),
            _ => Reply::accepted(request),
        }
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    let requests = dashboard.wait_for(2);
    let waited = requests[1].at - requests[0].at;
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(4)).contains(&waited),
        "{waited:?}"
    );
    assert_eq!(
        requests[1].seqs()[0],
        0,
        "what was not acknowledged comes again"
    );
    agent.wait_for_output("dashboard reachable again");
    agent.terminate();
    assert!(agent.end().0.success());
}

#[test]
fn a_report_that_is_refused_is_set_aside_and_the_others_arrive() {
    let ca = Ca::new();
    let dashboard = Dashboard::start(&ca, |request| match request.seqs()[..] {
        [1] => Reply::problem(422, "invalid-report"),
        _ => Reply::accepted(request),
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    let requests = dashboard.wait_for(4);
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success());
    let seqs: Vec<u64> = requests.iter().flat_map(support::Request::seqs).collect();
    assert_eq!(seqs, [0, 1, 2, 3], "the refused one is not sent again");
    assert!(
        output.contains("report set aside") && output.contains("in a test"),
        "{output}"
    );
    assert!(output.contains("accepts reports again"), "{output}");
}

#[test]
fn a_batch_with_a_poisonous_report_is_split() {
    let ca = Ca::new();
    let calls = AtomicUsize::new(0);
    let dashboard = Dashboard::start(&ca, move |request| {
        let seqs = request.seqs();
        if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            // Time for a batch to gather.
            return Reply::problem(503, "busy").with("retry-after: 4");
        }
        if seqs.contains(&2) {
            return Reply::problem(if seqs.len() > 1 { 413 } else { 400 }, "too-much");
        }
        Reply::accepted(request)
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    agent.wait_for_output("dashboard reachable again");
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success());
    let mut arrived = Vec::new();
    for request in dashboard.requests().iter().skip(1) {
        if !request.seqs().contains(&2) {
            arrived.extend(request.seqs());
        }
    }
    let expected: Vec<u64> = (0..).filter(|seq| *seq != 2).take(arrived.len()).collect();
    assert_eq!(arrived, expected, "{output}");
    assert!(arrived.len() >= 3);
}

#[test]
fn a_wrong_clock_is_told_with_both_clocks() {
    let ca = Ca::new();
    let dashboard = Dashboard::start(&ca, |_| {
        Reply::json(
            422,
            &json!({
                "type": "clock-skew", "title": "The clock is wrong", "status": 422,
                "dashboard_time": "2001-02-03T04:05:06.000Z",
            }),
        )
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    dashboard.wait_for(3);
    agent.terminate();
    let (_, output) = agent.end();
    assert_eq!(
        output.matches("clock is wrong").count(),
        1,
        "once, not with every report: {output}"
    );
    assert!(
        output.contains("the dashboard's says 2001-02-03T04:05:06.000Z"),
        "{output}"
    );
}

#[test]
fn what_is_no_acknowledgement_is_none() {
    let ca = Ca::new();
    let calls = AtomicUsize::new(0);
    let dashboard = Dashboard::start(&ca, move |request| {
        match calls.fetch_add(1, Ordering::SeqCst) {
            // A login portal, a dashboard that counts wrong, and an answer without end.
            0 => Reply {
                status: 200,
                headers: Vec::new(),
                body: "<html>Sign in</html>".to_owned(),
            },
            1 => Reply::json(
                200,
                &json!({"accepted": 0, "duplicate": 0, "too_old": 0, "refused": []}),
            ),
            2 => Reply {
                status: 200,
                headers: Vec::new(),
                body: " ".repeat(10_000_000),
            },
            _ => Reply::accepted(request),
        }
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    agent.wait_for_output("dashboard reachable again");
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success());
    assert!(output.contains("is no Server Scout dashboard"), "{output}");
    assert!(output.contains("longer than 4096 bytes"), "{output}");
    let firsts: Vec<u64> = dashboard
        .requests()
        .iter()
        .map(|request| request.seqs()[0])
        .collect();
    assert_eq!(firsts[..4], [0, 0, 0, 0]);
}

#[test]
fn a_connection_that_ends_once_is_no_trouble() {
    let ca = Ca::new();
    let calls = AtomicUsize::new(0);
    let dashboard = Dashboard::start(&ca, move |request| {
        match calls.fetch_add(1, Ordering::SeqCst) {
            1 => Reply::none(),
            _ => Reply::accepted(request),
        }
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    let requests = dashboard.wait_for(4);
    agent.terminate();
    let (status, output) = agent.end();
    assert!(
        status.success() && !output.contains("unreachable"),
        "{output}"
    );
    let seqs: Vec<u64> = requests.iter().flat_map(support::Request::seqs).collect();
    assert_eq!(seqs[..4], [0, 1, 1, 2]);
}

#[test]
fn an_older_dashboard_gets_gzip_at_once_until_the_connection_ends() {
    let ca = Ca::new();
    let calls = AtomicUsize::new(0);
    let dashboard = Dashboard::start(&ca, move |request| {
        match (request.coding, calls.fetch_add(1, Ordering::SeqCst)) {
            (Some(Coding::Deflate), _) => Reply::problem(415, "unsupported-media-type"),
            (_, 3) => Reply::none(),
            _ => Reply::accepted(request),
        }
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    let requests = dashboard.wait_for(7);
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success(), "{output}");
    for trouble in ["set aside", "unreachable", "answers with status"] {
        assert!(!output.contains(trouble), "{output}");
    }
    let seen: Vec<_> = requests[..7]
        .iter()
        .map(|request| {
            (
                request.connection,
                request.coding.unwrap(),
                request.seqs()[0],
            )
        })
        .collect();
    let expected = [
        (0, Coding::Deflate, 0),
        (0, Coding::Gzip, 0),
        (0, Coding::Gzip, 1),
        (0, Coding::Gzip, 2),
        (1, Coding::Deflate, 2),
        (1, Coding::Gzip, 2),
        (1, Coding::Gzip, 3),
    ];
    assert_eq!(seen, expected);
    for (refused, again) in [(0, 1), (4, 5)] {
        let waited = requests[again].at - requests[refused].at;
        assert!(waited < Duration::from_millis(500), "{waited:?}");
    }
}

#[test]
fn a_rotated_key_is_picked_up_without_a_restart() {
    let ca = Ca::new();
    let dashboard = Dashboard::start(&ca, |request| match request.header("x-api-key") {
        Some("new-key") => Reply::accepted(request),
        _ => Reply::problem(401, "unknown-key"),
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    fs::write(&file, KEY).unwrap();
    let agent = Agent::run(
        &dashboard.url(),
        &ca,
        &[("SERVERSCOUT_API_KEY_FILE", file.to_str().unwrap())],
    );
    agent.wait_for_output("does not know the agent key");
    fs::write(&file, "new-key\n").unwrap();
    agent.wait_for_output("going on with the new one");
    agent.wait_for_output("dashboard reachable again");
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success() && !output.contains("new-key"), "{output}");
    // Created with this process's usual rights, so others may read it.
    assert!(output.contains("can be read by other users"), "{output}");
}

#[test]
fn the_end_sends_what_is_queued() {
    let ca = Ca::new();
    let calls = AtomicUsize::new(0);
    let dashboard = Dashboard::start(&ca, move |request| {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::problem(503, "busy").with("retry-after: 60"),
            _ => Reply::accepted(request),
        }
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    dashboard.wait_for(1);
    sleep(Duration::from_secs(2));
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success(), "{output}");
    let requests = dashboard.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].seqs().len() >= 2 && requests[1].seqs()[0] == 0);
    assert!(!output.contains("are lost"), "{output}");
}

#[test]
fn the_end_does_not_wait_for_a_dashboard_that_hangs() {
    let ca = Ca::new();
    let dashboard = Dashboard::start(&ca, |request| {
        sleep(Duration::from_secs(8));
        Reply::accepted(request)
    });
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    agent.wait_for_output("reporting to");
    sleep(Duration::from_millis(500));
    agent.terminate();
    let start = Instant::now();
    let (status, output) = agent.end();
    assert!(status.success() && output.contains("are lost"), "{output}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_interrupt_ends_it_as_well() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    dashboard.wait_for(1);
    let pid = agent.pid().to_string();
    std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    assert!(agent.end().0.success());
}

#[test]
fn the_agent_listens_nowhere_and_has_one_thread() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let agent = Agent::run(&dashboard.url(), &ca, &[]);
    dashboard.wait_for(2);
    let proc = format!("/proc/{}", agent.pid());
    let inodes: Vec<String> = fs::read_dir(format!("{proc}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let Ok(table) = fs::read_to_string(format!("{proc}/net/{table}")) else {
            continue;
        };
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let ours = inodes.iter().any(|inode| inode == fields[9]);
            assert!(
                !ours || fields[3] == "01",
                "a socket that is no connection: {line}"
            );
        }
    }
    // The resolver's thread ends by itself.
    wait("one thread", || {
        let status = fs::read_to_string(format!("{proc}/status")).unwrap();
        status.contains("Threads:\t1\n").then_some(())
    });
    agent.terminate();
    assert!(agent.end().0.success());
}

const HEADERS: [&str; 5] = [
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "x-api-key",
];
