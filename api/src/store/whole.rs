//! The store as a whole: whatever is folded when, in whichever order reports arrive, how often, and where
//! a crash falls, an answer is that of a plain computation over the reports.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use proptest::prelude::*;
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Kind, Label, Metric, Report, Timestamp};

use super::history::Source;
use super::reports::Appended;
use super::series::{SeriesCache, SeriesKey, SeriesLimits};
use super::{
    Heads, Intake, Scope, StoreError, WriteContext, connection, folding, merging, organisations,
    reports, series, servers,
};
use crate::id::{Id, Server};
use crate::timeseries::roll_up::Resolution;
use crate::timeseries::segment::PERIOD_MILLIS;
use crate::timeseries::{Grid, History, Row, Shown, Window};

mod walks;

/// An hour before the end of a half-day.
const START: i64 = 41_667 * PERIOD_MILLIS - 3_600_000;
const LIMITS: SeriesLimits = SeriesLimits {
    server: 100,
    organisation: 100,
};

/// What happens to the store.
#[derive(Clone, Debug)]
enum Step {
    /// Reports arrive, as places of the list; some came before.
    Arrive(Vec<usize>),
    /// The log is folded; it breaks off after so many rows, if it gets so far.
    Fold(Option<u32>),
    /// Half-days are merged, likewise.
    Merge(Option<u32>),
    /// What is folded is cut off the log.
    Cut,
    /// The program ends and starts again.
    Restart,
}

/// A store with one server, and the memory of a running program.
struct Whole {
    c: SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    heads: Arc<Heads>,
    series: SeriesCache,
    intake: Intake,
    now: Timestamp,
}

impl Whole {
    fn new() -> Self {
        let mut c = connection::open_in_memory(":memory:").unwrap();
        connection::migrate(&mut c, std::path::Path::new(":memory:")).unwrap();
        c.batch_execute(CRASHES).unwrap();
        let now = Timestamp::from_millis(START + 3 * PERIOD_MILLIS);
        let scope = organisations::create(&mut c, "Ours", now).unwrap();
        let server = servers::create(&mut c, scope, "web", now).unwrap().id;
        let heads = Arc::new(Heads::default());
        Self {
            c,
            scope,
            server,
            intake: Intake::new(Arc::clone(&heads)),
            heads,
            series: SeriesCache::default(),
            now,
        }
    }

    /// One transaction of the writer, which breaks off after so many rows.
    fn write<T>(
        &mut self,
        rows: Option<u32>,
        work: impl FnOnce(&mut WriteContext<'_>) -> Result<T, StoreError>,
    ) -> Option<T> {
        let rows = rows.unwrap_or(u32::MAX);
        let (series, intake) = (&mut self.series, &mut self.intake);
        let done = self.c.immediate_transaction(|c| {
            c.batch_execute(&format!("UPDATE temp.crash SET rows = {rows}"))?;
            work(&mut WriteContext {
                connection: c,
                series,
                intake,
            })
        });
        match done {
            Ok(done) => {
                self.intake.commit();
                Some(done)
            }
            Err(error) => {
                assert!(error.to_string().contains("crash"), "{error}");
                self.restart();
                None
            }
        }
    }

    fn restart(&mut self) {
        self.heads = Arc::new(Heads::load(&mut self.c).unwrap());
        self.series = SeriesCache::default();
        self.intake = Intake::new(Arc::clone(&self.heads));
    }

    fn arrive(&mut self, arriving: &[Report]) -> Vec<Appended> {
        let (scope, server, now) = (self.scope, self.server, self.now);
        let appended = self.write(None, |context| {
            reports::append(context, scope, server, arriving, now, LIMITS)
        });
        appended.unwrap()
    }

    fn fold(&mut self, rows: Option<u32>) {
        let positions = self.heads.of(self.server);
        let prepared = folding::prepare(&mut self.c, self.scope, self.server, &positions).unwrap();
        if let Some(fold) = prepared {
            let now = self.now;
            if self.write(rows, |context| folding::write(context, &fold, now)) == Some(true) {
                self.heads.folded(self.server, fold.to(), now);
            }
        }
    }

    fn merge(&mut self, rows: Option<u32>) {
        self.now = self.now.after(Duration::from_hours(1));
        let now = self.now;
        for due in merging::due(&mut self.c, now, 9).unwrap() {
            if let Some(merge) = merging::prepare(&mut self.c, due).unwrap() {
                self.write(rows, |context| merging::write(context, &merge, now));
            }
        }
    }

    fn cut(&mut self) {
        self.write(None, reports::cut);
    }

    fn history(&mut self, grid: Grid) -> History {
        let names = series::of_server(&mut self.c, self.scope, self.server).unwrap();
        let asked: Vec<i64> = names.keys().copied().collect();
        let positions = self.heads.of(self.server);
        let c = &mut self.c;
        let mut source =
            Source::open(c, self.scope, self.server, &positions, &grid, &asked).unwrap();
        let kind = |id| names.get(id).map(|key| Shown::of(key.metric));
        let mut rows: Vec<(i64, Row)> = Vec::new();
        rows.extend(
            asked
                .iter()
                .map(|id| (*id, Row::new(grid, kind(id).unwrap()))),
        );
        source.read(c, &grid, &mut rows).unwrap();
        let shown = rows.into_iter();
        let shown = shown.filter_map(|(id, row)| row.finish(names.get(&id)?.clone()));
        grid.answer(shown.collect())
    }
}

/// Counts every row that folding writes, and fails when there have been enough.
const CRASHES: &str = "
    CREATE TEMP TABLE crash (rows INTEGER);
    INSERT INTO temp.crash VALUES (4000000000);
    CREATE TEMP TRIGGER crash_a AFTER INSERT ON main.segment
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_b AFTER INSERT ON main.chunk
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_c AFTER INSERT ON main.fold_mark
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_d AFTER UPDATE ON main.fold_mark
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_e AFTER INSERT ON main.roll_up
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_f AFTER DELETE ON main.segment
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_h AFTER INSERT ON main.summary
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
    CREATE TEMP TRIGGER crash_g AFTER UPDATE ON main.segment
        BEGIN UPDATE crash SET rows = rows - 1; SELECT RAISE(ABORT, 'crash') FROM crash WHERE rows < 0; END;
";

/// A report of the list: the seconds after the start are its time.
fn report(place: usize, seconds: i64, value: u32, identified: bool) -> Report {
    let at = Timestamp::from_millis(START + seconds * 1000);
    let identity = Identity {
        boot: Boot(u64::from(value % 2)),
        seq: place as u64,
    };
    let percent = f64::from(value) / 100.0;
    if !identified {
        let text = format!(
            r#"{{"timestamp":"{at}","cpu_usage":{percent},"memory_usage":1,"disk_usage":1}}"#
        );
        return Report::from_json(text.as_bytes()).unwrap();
    }
    let mut report = Report::new(at, identity);
    report.push(Metric::CpuUsage, None, percent);
    if !value.is_multiple_of(3) {
        let label = Some(Label::new("eth0").unwrap());
        let grown = place as u64 * 1_000_000 + u64::from(value);
        report.push(Metric::NetworkSentBytesTotal, label, grown as f64);
    }
    if value.is_multiple_of(5) {
        report.push(Metric::MemoryUsedBytes, None, f64::from(value) * 4096.0);
    }
    report
}

/// What tells two reports apart.
type Key = (Option<Identity>, i64);

fn key(report: &Report) -> Key {
    match report.identity() {
        Some(identity) => (Some(identity), 0),
        None => (None, report.timestamp().as_millis()),
    }
}

/// The plain computation: every series by itself, sample after sample, step after step.
fn plain(stored: &[Report], grid: &Grid) -> BTreeMap<String, Vec<Vec<f64>>> {
    let mut series: HashMap<SeriesKey, Vec<(i64, f64)>> = HashMap::new();
    for report in stored {
        for sample in report.samples() {
            let key = SeriesKey {
                metric: sample.metric,
                label: sample.label.clone(),
            };
            let samples = series.entry(key).or_default();
            samples.push((report.timestamp().as_millis(), sample.value));
        }
    }
    let mut steps: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    for (key, mut samples) in series {
        samples.sort_by_key(|(at, _)| *at);
        let mut cells = vec![Vec::new(); grid.answer(Vec::new()).steps()];
        let mut before: Option<(i64, f64)> = None;
        for (at, value) in samples {
            let shown = match (key.metric.describe().kind, before) {
                (Kind::Gauge, _) => Some(value),
                (Kind::Counter, None) => None,
                (Kind::Counter, Some((then, last))) => {
                    let apart = at - then;
                    let longest = key.metric.describe().tier.max_gap().as_millis();
                    let near = apart > 0 && apart <= i64::try_from(longest).unwrap();
                    (near && value >= last).then(|| (value - last) / (apart as f64 / 1000.0))
                }
            };
            before = Some((at, value));
            let step = i64::try_from(grid.answer(Vec::new()).step.as_millis()).unwrap();
            if let Some(shown) = shown.filter(|_| at >= grid.from() && at < grid.to()) {
                let place = usize::try_from((at - grid.from()) / step).unwrap();
                cells.get_mut(place).unwrap().push(shown);
            }
        }
        if cells.iter().any(|cell| !cell.is_empty()) {
            steps.insert(format!("{key:?}"), cells);
        }
    }
    steps
}

fn compare(
    history: &History,
    plain: &BTreeMap<String, Vec<Vec<f64>>>,
    largest: &HashMap<String, f64>,
) -> Result<(), TestCaseError> {
    let names: Vec<String> = history
        .series
        .iter()
        .map(|s| format!("{:?}", s.key))
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    prop_assert_eq!(&sorted, &plain.keys().cloned().collect::<Vec<_>>());
    for (series, name) in history.series.iter().zip(names) {
        let cells = plain.get(&name).unwrap();
        prop_assert_eq!(series.count.len(), cells.len());
        // Roll-ups are rounded to one part in a thousand of the largest, rates to as much of each.
        let unit = largest.get(&name).copied().unwrap_or(0.0) / 1000.0;
        for (place, cell) in cells.iter().enumerate() {
            let count = series.count.get(place).copied().unwrap();
            prop_assert_eq!(count as usize, cell.len(), "{} {}", &name, place);
            if cell.is_empty() {
                continue;
            }
            let close = |ours: Option<f64>, expected: f64, unit: f64| {
                let off = (ours.unwrap() - expected).abs();
                prop_assert!(
                    off <= unit + expected / 1024.0,
                    "{name} {place}: {ours:?} {expected}"
                );
                Ok(())
            };
            let mean = cell.iter().sum::<f64>() / cell.len() as f64;
            close(series.average.get(place).copied().flatten(), mean, unit)?;
            let (low, high) = (
                cell.iter().copied().reduce(f64::min),
                cell.iter().copied().reduce(f64::max),
            );
            close(series.min.get(place).copied().flatten(), low.unwrap(), unit)?;
            close(
                series.max.get(place).copied().flatten(),
                high.unwrap(),
                unit,
            )?;
        }
    }
    Ok(())
}

/// The largest gauge of each series.
fn largest(stored: &[Report]) -> HashMap<String, f64> {
    let mut largest = HashMap::new();
    for sample in stored.iter().flat_map(Report::samples) {
        let (metric, label) = (sample.metric, sample.label.clone());
        if metric.describe().kind == Kind::Gauge {
            let known = largest
                .entry(format!("{:?}", SeriesKey { metric, label }))
                .or_insert(0.0);
            *known = sample.value.max(*known);
        }
    }
    largest
}

fn steps(reports: usize) -> impl Strategy<Value = Vec<Step>> {
    let crash = || proptest::option::of(0_u32..40);
    let step = prop_oneof![
        4 => proptest::collection::vec(0..reports, 1..30).prop_map(Step::Arrive),
        2 => crash().prop_map(Step::Fold),
        2 => crash().prop_map(Step::Merge),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..25)
}

proptest! {
    #[test]
    fn an_answer_is_that_of_a_plain_computation_over_the_reports(
        list in proptest::collection::vec((0_i64..7200, 0_u32..10_000, proptest::bool::weighted(0.8)), 60),
        steps in steps(60),
        window in (0_i64..7000, 1_i64..40_000, 1_usize..400),
    ) {
        let list: Vec<Report> = list
            .into_iter()
            .enumerate()
            .map(|(place, (seconds, value, identified))| report(place, seconds, value, identified))
            .collect();
        let mut store = Whole::new();
        let mut stored: Vec<Report> = Vec::new();
        let mut known: Vec<Key> = Vec::new();
        for step in steps {
            match step {
                Step::Arrive(places) => {
                    let arriving: Vec<Report> =
                        places.iter().filter_map(|place| list.get(*place).cloned()).collect();
                    let appended = store.arrive(&arriving);
                    for (report, appended) in arriving.into_iter().zip(appended) {
                        let is_new = !known.contains(&key(&report));
                        prop_assert_eq!(is_new, appended != Appended::Duplicate);
                        if is_new {
                            known.push(key(&report));
                            stored.push(report);
                        }
                    }
                }
                Step::Fold(rows) => store.fold(rows),
                Step::Merge(rows) => store.merge(rows),
                Step::Cut => store.cut(),
                Step::Restart => store.restart(),
            }
        }
        let (from, length, points) = window;
        let begin = START + from * 1000;
        for finest in [None, Some(Resolution::Minute), Some(Resolution::Hour)] {
            let (from, to) = (Timestamp::from_millis(begin), Timestamp::from_millis(begin + length * 1000));
            let grid = Grid::new(Window::new(from, to, points).unwrap(), None, 3, finest);
            let history = store.history(grid);
            prop_assert!(history.series.iter().all(|series| series.count.len() <= points));
            compare(&history, &plain(&stored, &grid), &largest(&stored))?;
        }
        let positions = store.heads.of(store.server);
        let newest = reports::newest(&mut store.c, store.scope, store.server, &positions).unwrap();
        let expected = stored.iter().map(Report::timestamp).max();
        prop_assert_eq!(newest.map(|report| report.at), expected);
    }
}

#[test]
fn a_late_reading_before_a_half_days_end_changes_the_first_rate_of_the_next() {
    let all = [(0, 3500), (5, 3700), (2, 3590)].map(|(place, at)| report(place, at, 4, true));
    let mut store = Whole::new();
    store.arrive(all.get(..2).unwrap_or_default());
    store.fold(None);
    store.merge(None);
    let window = |seconds: i64| Timestamp::from_millis(START + seconds * 1000);
    let window = Window::new(window(0), window(7200), 300).unwrap();
    let grid = Grid::new(window, None, 3, Some(Resolution::Minute));
    store.arrive(all.get(2..).unwrap_or_default());
    let expected = plain(&all, &grid);
    for _ in 0..4 {
        let history = store.history(grid);
        compare(&history, &expected, &largest(&all)).unwrap();
        store.fold(None);
        store.merge(None);
    }
}

#[test]
fn the_bytes_of_a_half_day_are_counted_as_they_come_and_found_after_a_restart() {
    let all = [(0, 0), (1, 5), (2, 10)].map(|(place, at)| report(place, at, 4, true));
    let mut store = Whole::new();
    let mut before = None;
    for report in &all {
        store.arrive(std::slice::from_ref(report));
        let counted = store.intake.bytes(store.server, START);
        assert!(counted > before, "{counted:?}");
        before = counted;
    }
    store.restart();
    store.arrive(&all);
    assert_eq!(store.intake.bytes(store.server, START), before);
    store.fold(None);
    store.restart();
    store.arrive(&all);
    let folded = store.intake.bytes(store.server, START);
    assert!(folded > Some(0), "{folded:?}");
}
