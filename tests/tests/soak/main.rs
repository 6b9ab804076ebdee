//! A fleet that reports for a while: memory, disk and answers stay as they were, and every report counts
//! once.
//!
//! A simulated server reports each eighth of a second what a real one would report every five, so a minute
//! and a half is an hour, and each server is folded three times: the two halves of the report log are full
//! after the second. `SERVERSCOUT_SOAK_SECONDS` makes it longer, and
//! `SERVERSCOUT_SOAK_SERVERS` the fleet larger.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::simulator::Tally;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, SimulatedAgent, measure, report};
use tokio::task::JoinSet;

/// Between two reports in their own time.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// Between two of a simulated server.
const PERIOD: Duration = Duration::from_millis(125);
/// What the servers may tell of the past at most: less than raw samples are kept.
const LONGEST: Duration = Duration::from_hours(40);
/// A server's reports are folded when there are so many.
const FOLDED_AT: u32 = 240;

#[tokio::test]
async fn a_fleet_that_goes_on_reporting_costs_no_more_than_before() {
    let plan = Plan::from_environment();
    let setup = Setup::new()
        .as_shipped()
        .set("SERVERSCOUT_LIMITS__CONNECTIONS_PER_ADDRESS", "10000");
    let fleet = Fleet::with(setup).await;
    let mut agents = Vec::new();
    for number in 0..plan.servers {
        agents.push(SimulatedAgent::new(&fleet, &format!("soak-{number}")).await);
    }

    let watched = agents[0].server().id.clone();
    let begun = Instant::now();
    let end = begun + plan.length;
    let first = report::seconds_ago(plan.span().as_secs().cast_signed());
    let mut fleet_at_work = JoinSet::new();
    for (mut agent, number) in agents.into_iter().zip(0..) {
        // So that they are not all folded at the same time, each begins with a backlog of its own length.
        let backlog = FOLDED_AT * number / plan.servers;
        for place in (1..=backlog).rev() {
            agent.make(first - STEP * place.cast_signed());
        }
        let period = plan.period();
        fleet_at_work.spawn(async move {
            agent.run(first, STEP, period, end).await;
            agent
        });
    }
    let looks = observe(&fleet, &watched, &plan, begun).await;
    let agents = fleet_at_work.join_all().await;

    let mut total = Tally::default();
    for mut agent in agents {
        let tally = agent.take_tally();
        let stored = stored(&fleet, &agent.server().id, &plan).await;
        assert_eq!(stored, tally.made, "{}", agent.server().name);
        total.add(tally);
    }
    assert_eq!(
        (total.accepted, total.duplicate, total.refused, total.failed),
        (total.made, 0, 0, 0),
    );
    print(&plan, &looks, &total);
    assert_flat(&looks, &total, begun, &plan);
}

struct Plan {
    servers: u32,
    length: Duration,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str, default: u32| {
            std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
        };
        let seconds = number("SERVERSCOUT_SOAK_SECONDS", 90).max(30);
        Self {
            servers: number("SERVERSCOUT_SOAK_SERVERS", 40),
            length: Duration::from_secs(seconds.into()),
        }
    }

    /// Reports of each server, but for its backlog.
    fn reports(&self) -> u32 {
        let step = STEP.unsigned_abs();
        let most = LONGEST.as_secs() / step.as_secs();
        let wanted = self.length.as_millis() / PERIOD.as_millis();
        u32::try_from(wanted)
            .unwrap_or(u32::MAX)
            .min(u32::try_from(most).unwrap())
    }

    fn period(&self) -> Duration {
        self.length / self.reports()
    }

    /// How long that is in the reports' own time.
    fn span(&self) -> Duration {
        STEP.unsigned_abs() * self.reports()
    }
}

/// What the dashboard takes at one moment.
struct Look {
    at: Instant,
    resident: u64,
    on_disk: u64,
    chart_took: Duration,
}

/// Looks each second, and asks for a chart of all there is as a person would, which shows more each time.
async fn observe(fleet: &Fleet, server: &str, plan: &Plan, begun: Instant) -> Vec<Look> {
    let seconds = i64::try_from(plan.span().as_secs()).unwrap() + 4 * 3600;
    let mut looks = Vec::new();
    let mut shown = 0;
    while begun.elapsed() < plan.length {
        let asked = Instant::now();
        let from = report::seconds_ago(seconds);
        let chart = fleet.chart(server, "cpu_usage", from, seconds, 300).await;
        let chart_took = asked.elapsed();
        let counted = chart.map_or(0, |chart| chart.count.iter().sum());
        assert!(counted >= shown, "{shown} reports became {counted}");
        shown = counted;
        let page = fleet.get("/api/v1/servers?limit=100").await;
        assert_eq!(page.status, 200, "{}", page.text());
        looks.push(Look {
            at: Instant::now(),
            resident: measure::kilobytes(fleet.dashboard.program().id(), "VmRSS"),
            on_disk: on_disk(fleet),
            chart_took,
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(shown > 0, "the chart never showed anything");
    looks
}

/// Bytes of the database with its log.
fn on_disk(fleet: &Fleet) -> u64 {
    let files = std::fs::read_dir(fleet.dashboard.setup().data_dir()).unwrap();
    files
        .map(|file| file.unwrap())
        .filter(|file| {
            file.file_name()
                .to_string_lossy()
                .starts_with("server-scout.db")
        })
        .map(|file| file.metadata().map_or(0, |known| known.len()))
        .sum()
}

/// How many reports of a server the dashboard holds, folded or not.
async fn stored(fleet: &Fleet, server: &str, plan: &Plan) -> u64 {
    let seconds = i64::try_from(plan.span().as_secs()).unwrap() + 4 * 3600;
    until("the reports can be read", PATIENCE, async || {
        let from = report::seconds_ago(seconds);
        let chart = fleet.chart(server, "cpu_usage", from, seconds, 1000).await;
        chart.map(|chart| chart.count.iter().sum())
    })
    .await
}

/// The second and the last third are compared: in the first, what is bounded fills up to its bound.
fn assert_flat(looks: &[Look], total: &Tally, begun: Instant, plan: &Plan) {
    let third = plan.length / 3;
    let in_third = |at: Instant, number: u32| {
        (third * number..third * (number + 1)).contains(&at.duration_since(begun))
    };
    let of = |number: u32, value: fn(&Look) -> u64| -> Vec<u64> {
        looks
            .iter()
            .filter(|look| in_third(look.at, number))
            .map(value)
            .collect()
    };
    let (before, after) = (
        median(of(1, |look| look.resident)),
        median(of(2, |look| look.resident)),
    );
    assert!(
        after < before * 5 / 4,
        "memory grew from {before} to {after} kB"
    );

    let largest = |number: u32| of(number, |look| look.on_disk).into_iter().max().unwrap();
    let grown = largest(2).saturating_sub(largest(1));
    let reports = total.made / 3;
    assert!(
        grown < reports * KEPT_AT_MOST,
        "{reports} reports made the files larger by {grown} bytes"
    );

    let waits = |number: u32| {
        let ended = total.waits.iter().filter(|(at, _)| in_third(*at, number));
        median(ended.map(|(_, wait)| wait.as_millis()).collect())
    };
    let (before, after) = (waits(1), waits(2));
    assert!(
        after <= before * 2,
        "answers took {before} ms, and then {after} ms"
    );
}

/// Of a report that is folded, in bytes; one that is not takes ten times as much.
const KEPT_AT_MOST: u64 = 200;

fn print(plan: &Plan, looks: &[Look], total: &Tally) {
    println!(
        "{} servers, {} reports in {:?}",
        plan.servers, total.made, plan.length
    );
    for look in looks.iter().step_by((looks.len() / 20).max(1)) {
        println!(
            "resident {:>7} kB, on disk {:>10} B, a chart {:>5.1} ms",
            look.resident,
            look.on_disk,
            look.chart_took.as_secs_f64() * 1e3,
        );
    }
}

fn median<T: Copy + Ord>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}
