#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use proptest::prelude::*;
use server_scout_wire::{Label, Metric};

use super::*;

fn key(metric: Metric) -> SeriesKey {
    let label = metric.describe().label.map(|_| Label::new("eth0").unwrap());
    SeriesKey { metric, label }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn ask(samples: &[(i64, f64)], metric: Metric, to: i64, points: usize) -> History {
    let window = Window::new(at(0), at(to), points).unwrap();
    let samples: Vec<_> = samples.iter().map(|(at, v)| (START + at, *v)).collect();
    let moments: Vec<i64> = samples.iter().map(|(at, _)| *at).collect();
    let grid = Grid::new(window, interval(&moments), 1, None);
    let mut row = Row::new(grid, Shown::of(metric));
    row.add(&samples);
    grid.answer(row.finish(key(metric)).into_iter().collect())
}

const START: i64 = 1_700_000_000_000;

#[test]
fn values_of_a_step_become_their_mean_with_the_extremes_kept() {
    let samples = [(0, 10.0), (5000, 30.0), (10_000, 50.0)];
    let history = ask(&samples, Metric::CpuUsage, 20_000, 2);
    assert_eq!(history.step, Duration::from_secs(10));
    let series = &history.series[0];
    assert_eq!(series.average, [Some(20.0), Some(50.0)]);
    assert_eq!(series.min, [Some(10.0), Some(50.0)]);
    assert_eq!(series.max, [Some(30.0), Some(50.0)]);
    assert_eq!(series.count, [2, 1]);
}

#[test]
fn a_silence_stays_a_gap() {
    let samples = [0, 5, 10, 15, 40, 45].map(|s| (s * 1000, 1.0));
    let history = ask(&samples, Metric::CpuUsage, 50_000, 5);
    assert_eq!(
        history.series[0].average,
        [Some(1.0), Some(1.0), None, None, Some(1.0)]
    );
}

#[test]
fn a_counter_is_shown_as_its_rate_and_a_restart_as_a_gap() {
    let values = [(-5, 0.0), (0, 500.0), (5, 1000.0), (10, 20.0), (15, 520.0)];
    let samples = values.map(|(s, v)| (s * 1000, v));
    let history = ask(&samples, Metric::NetworkSentBytesTotal, 20_000, 2);
    let series = &history.series[0];
    assert_eq!(series.average, [Some(100.0), Some(100.0)]);
    assert_eq!(series.count, [2, 1]);
}

#[test]
fn more_points_than_reports_do_not_make_gaps() {
    let samples: Vec<_> = (0..12).map(|i| (i * 5000 + i % 2 * 40, 1.0)).collect();
    let history = ask(&samples, Metric::CpuUsage, 60_000, 2000);
    assert!(history.series[0].average.iter().all(Option::is_some));
}

#[test]
fn a_gauge_that_is_read_seldom_keeps_its_value_until_the_next_reading_is_overdue() {
    // Three readings, half a minute apart, and then none.
    let samples = [0, 30_000, 60_000].map(|at| (at, 7.0));
    let window = Window::new(at(0), at(180_000), 18).unwrap();
    let grid = Grid::new(window, Some(Duration::from_secs(5)), 1, None);
    let mut row = Row::new(grid, Shown::Values);
    row.add(&samples.map(|(at, value)| (START + at, value)));
    let history = grid.answer(row.finish(key(Metric::CpuUsage)).into_iter().collect());
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
fn readings_that_come_closer_than_the_steps_cost_no_memory() {
    let window = Window::new(at(0), at(3_600_000), 10).unwrap();
    let grid = Grid::new(window, Some(Duration::from_secs(5)), 1, None);
    let mut row = Row::new(grid, Shown::Values);
    for second in 0..3600 {
        row.add(&[
            (START + second * 1000, 7.0),
            (START + second * 1000 + 1, 7.0),
        ]);
    }
    assert!(row.readings.capacity() <= 64, "{}", row.readings.capacity());
    let history = grid.answer(row.finish(key(Metric::CpuUsage)).into_iter().collect());
    assert_eq!(history.series[0].average, [Some(7.0); 10]);
    assert_eq!(history.series[0].count, [720; 10]);
}

#[test]
fn many_series_get_longer_steps_instead_of_more_memory() {
    let window = Window::new(at(0), at(3_600_000), 2000).unwrap();
    let grid = Grid::new(window, None, 1000, None);
    assert_eq!(grid.steps, 200);
}

#[test]
fn the_coarsest_resolution_is_read_that_is_not_coarser_than_a_step() {
    let resolution = |hours: i64, points, finest| {
        let window = Window::new(at(0), at(hours * 3_600_000), points).unwrap();
        Grid::new(window, None, 1, finest).resolution
    };
    assert_eq!(resolution(1, 300, None), None);
    assert_eq!(resolution(2, 1, None), None);
    assert_eq!(resolution(24, 300, None), Some(Resolution::Minute));
    assert_eq!(resolution(24 * 7, 300, None), Some(Resolution::QuarterHour));
    assert_eq!(resolution(24 * 30, 300, None), Some(Resolution::Hour));
    let minute = Some(Resolution::Minute);
    assert_eq!(resolution(1, 300, minute), minute);
}

#[test]
fn a_window_has_bounds() {
    assert_eq!(Window::new(at(1), at(1), 10), Err(WindowError::Empty));
    assert_eq!(Window::new(at(0), at(1), 0), Err(WindowError::Points));
    assert_eq!(Window::new(at(0), at(1), 2001), Err(WindowError::Points));
    assert_eq!(
        Window::new(at(0), at(801 * 86_400_000), 1),
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
        let samples: Vec<_> = times.iter().map(|t| (*t, 42.0)).collect();
        let history = ask(&samples, Metric::CpuUsage, 3_600_000, points);
        let counted: u32 = history.series.iter().flat_map(|s| &s.count).sum();
        prop_assert_eq!(counted as usize, samples.len());
        for series in &history.series {
            prop_assert!(series.average.len() <= points);
            prop_assert_eq!(series.average.len(), series.count.len());
        }
    }
    #[test]
    fn steps_cover_the_window_and_are_never_more_than_asked(
        from in 0_i64..10_000_000_000,
        length in 1_i64..800 * 86_400_000,
        points in 1_usize..=2000,
        finest in proptest::option::of(0_usize..3),
    ) {
        let window = Window::new(at(from), at(from + length), points).unwrap();
        let finest = finest.map(|place| Resolution::ALL[place]);
        let grid = Grid::new(window, None, 1, finest);
        prop_assert!((1..=points).contains(&grid.steps));
        prop_assert!(grid.from <= window.from.as_millis() && grid.to >= window.to.as_millis());
        let kept = finest.map_or(1, Resolution::millis);
        prop_assert!(grid.step >= kept);
        if let Some(unit) = grid.resolution.map(Resolution::millis) {
            prop_assert!(unit >= kept && grid.step % unit == 0 && grid.from % unit == 0);
        }
    }
}
