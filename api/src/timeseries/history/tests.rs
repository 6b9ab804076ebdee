#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use proptest::prelude::*;
use server_scout_wire::Label;

use super::*;

const CPU: i64 = 1;
const SENT: i64 = 2;

fn names() -> HashMap<i64, SeriesKey> {
    let cpu = SeriesKey {
        metric: Metric::CpuUsage,
        label: None,
    };
    let label = Some(Label::new("eth0").unwrap());
    let sent = SeriesKey {
        metric: Metric::NetworkSentBytesTotal,
        label,
    };
    HashMap::from([(CPU, cpu), (SENT, sent)])
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn report(millis: i64, samples: &[(i64, f64)]) -> LoggedReport {
    LoggedReport {
        at: at(millis),
        received_at: at(millis),
        samples: samples.to_vec(),
    }
}

fn ask(reports: &[LoggedReport], metric: Metric, to: i64, points: usize) -> History {
    let window = Window::new(at(0), at(to), points).unwrap();
    let moments: Vec<Timestamp> = reports.iter().map(|report| report.at).collect();
    let names = names();
    let mut answer = Aggregator::new(window, interval(&moments), &names, &[metric]);
    for report in reports {
        answer.add(report);
    }
    answer.finish()
}

#[test]
fn values_of_a_step_become_their_mean_with_the_extremes_kept() {
    let reports = [
        report(0, &[(CPU, 10.0)]),
        report(5000, &[(CPU, 30.0)]),
        report(10_000, &[(CPU, 50.0)]),
    ];
    let history = ask(&reports, Metric::CpuUsage, 20_000, 2);
    assert_eq!(history.step, Duration::from_secs(10));
    let series = &history.series[0];
    assert_eq!(series.average, [Some(20.0), Some(50.0)]);
    assert_eq!(series.min, [Some(10.0), Some(50.0)]);
    assert_eq!(series.max, [Some(30.0), Some(50.0)]);
    assert_eq!(series.count, [2, 1]);
}

#[test]
fn a_silence_stays_a_gap() {
    let reports: Vec<_> = [0, 5, 10, 15, 40, 45]
        .map(|s| report(s * 1000, &[(CPU, 1.0)]))
        .into();
    let history = ask(&reports, Metric::CpuUsage, 50_000, 5);
    assert_eq!(
        history.series[0].average,
        [Some(1.0), Some(1.0), None, None, Some(1.0)]
    );
}

#[test]
fn a_counter_is_shown_as_its_rate_and_a_restart_as_a_gap() {
    let values = [(-5, 0.0), (0, 500.0), (5, 1000.0), (10, 20.0), (15, 520.0)];
    let reports: Vec<_> = values.map(|(s, v)| report(s * 1000, &[(SENT, v)])).into();
    let history = ask(&reports, Metric::NetworkSentBytesTotal, 20_000, 2);
    let series = &history.series[0];
    assert_eq!(series.average, [Some(100.0), Some(100.0)]);
    assert_eq!(series.count, [2, 1]);
}

#[test]
fn more_points_than_reports_do_not_make_gaps() {
    let reports: Vec<_> = (0..12)
        .map(|i| report(i * 5000 + i % 2 * 40, &[(CPU, 1.0)]))
        .collect();
    let history = ask(&reports, Metric::CpuUsage, 60_000, 2000);
    assert!(history.series[0].average.iter().all(Option::is_some));
}

#[test]
fn a_gauge_that_is_read_seldom_keeps_its_value_until_the_next_reading_is_overdue() {
    // Every five seconds a report; the gauge is in every sixth, and after a minute in none.
    let reports: Vec<_> = (0..36)
        .map(|i| {
            let gauge: &[(i64, f64)] = if i % 6 == 0 && i <= 12 {
                &[(CPU, 7.0)]
            } else {
                &[]
            };
            report(i * 5000, gauge)
        })
        .collect();
    let history = ask(&reports, Metric::CpuUsage, 180_000, 18);
    let known: Vec<bool> = history.series[0]
        .average
        .iter()
        .map(Option::is_some)
        .collect();
    let held_until = known.iter().position(|known| !known).unwrap();
    assert_eq!(held_until, 12);
    assert!(known[held_until..].iter().all(|known| !known));
    let counted: u32 = history.series[0].count.iter().sum();
    assert_eq!(counted, 3);
}

#[test]
fn many_series_get_longer_steps_instead_of_more_memory() {
    let names: HashMap<i64, SeriesKey> = (0..1000)
        .map(|id| {
            let label = Some(Label::new(&format!("eth{id}")).unwrap());
            (
                id,
                SeriesKey {
                    metric: Metric::NetworkSentBytesTotal,
                    label,
                },
            )
        })
        .collect();
    let window = Window::new(at(0), at(3_600_000), 2000).unwrap();
    let metrics = [Metric::NetworkSentBytesTotal];
    let mut answer = Aggregator::new(window, None, &names, &metrics);
    let values = |second: i64| {
        let all: Vec<(i64, f64)> = (0..1000).map(|id| (id, 1.0)).collect();
        report(second * 1000, &all)
    };
    answer.add(&values(0));
    answer.add(&values(5));
    let history = answer.finish();
    assert_eq!(history.series.len(), 1000);
    assert_eq!(history.series[0].average.len(), 200);
}

#[test]
fn a_window_has_bounds() {
    assert_eq!(Window::new(at(1), at(1), 10), Err(WindowError::Empty));
    assert_eq!(Window::new(at(0), at(1), 0), Err(WindowError::Points));
    assert_eq!(Window::new(at(0), at(1), 2001), Err(WindowError::Points));
    assert_eq!(
        Window::new(at(0), at(401 * 86_400_000), 1),
        Err(WindowError::TooLong)
    );
}

proptest! {
    #[test]
    fn never_more_points_than_asked_and_no_sample_lost_or_doubled(
        mut times in proptest::collection::vec(0_i64..3_600_000, 0..200),
        points in 1_usize..=2000,
    ) {
        times.sort_unstable();
        let reports: Vec<_> = times.iter().map(|t| report(*t, &[(CPU, 42.0)])).collect();
        let history = ask(&reports, Metric::CpuUsage, 3_600_000, points);
        let counted: u32 = history.series.iter().flat_map(|s| &s.count).sum();
        prop_assert_eq!(counted as usize, reports.len());
        for series in &history.series {
            prop_assert!(series.average.len() <= points);
            prop_assert_eq!(series.average.len(), series.count.len());
        }
    }
}
