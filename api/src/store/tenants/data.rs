//! Reports of two organisations: in the log, folded and rolled up.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::{Metric, Report, Timestamp};

use super::{later, now};
use crate::id::{Id, Server};
use crate::store::history::{self, Source};
use crate::store::series::SeriesLimits;
use crate::store::walk::Walk;
use crate::store::{
    Heads, Intake, Position, Scope, WriteContext, empty_series, folding, merging, removal, reports,
    retention, series,
};
use crate::timeseries::roll_up::Resolution;
use crate::timeseries::segment::period_of;
use crate::timeseries::{Grid, History, Row, Shown, Window};

pub(super) fn append(c: &mut SqliteConnection, scope: Scope, server: Id<Server>, at: Timestamp) {
    let text = format!(
        r#"{{"timestamp":"{at}","cpu_usage":1,"memory_usage":1,"disk_usage":1,"host":{{"hostname":"x"}}}}"#
    );
    let report = Report::from_json(text.as_bytes()).unwrap();
    let append = |context: &mut WriteContext<'_>| {
        reports::append(context, scope, server, &[report], at, LIMITS).unwrap()
    };
    assert_ne!(write(c, append), [reports::Appended::Duplicate]);
}

/// Does what the writer does.
fn write<T>(c: &mut SqliteConnection, work: impl FnOnce(&mut WriteContext<'_>) -> T) -> T {
    let heads = Arc::new(Heads::load(c).unwrap());
    work(&mut WriteContext {
        connection: c,
        series: &mut series::SeriesCache::default(),
        intake: &mut Intake::new(heads),
    })
}

/// Folds what is in the log, and makes roll-ups of it.
pub(super) fn fold(c: &mut SqliteConnection, scope: Scope, server: Id<Server>) {
    let positions = Heads::load(c).unwrap().of(server);
    let fold = folding::prepare(c, scope, server, &positions)
        .unwrap()
        .unwrap();
    assert!(write(c, |context| folding::write(context, &fold, now()).unwrap()));
    let after = now().after(Duration::from_hours(24));
    for due in merging::due(c, after, 9).unwrap() {
        let merge = merging::prepare(c, due).unwrap().unwrap();
        assert!(write(c, |context| merging::write(context, &merge, after).unwrap()));
    }
}

pub(super) const KEPT: retention::Kept = retention::Kept {
    raw: 1,
    minute: 2,
    quarter_hour: 3,
    hour: 4,
};
const LIMITS: SeriesLimits = SeriesLimits {
    server: 100,
    organisation: 100,
};

/// A chart of every series of a server, as the scope shows it.
fn chart(
    c: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    positions: &[Position],
    names: Scope,
) -> History {
    let names = series::of_server(c, names, server).unwrap();
    let asked: Vec<i64> = names.keys().copied().collect();
    let window = Window::new(now(), later().after(Duration::from_hours(9)), 300);
    let grid = Grid::new(window.unwrap(), None, asked.len(), None);
    let mut source = Source::open(c, scope, server, positions, &grid, &asked).unwrap();
    let mut rows: Vec<(i64, Row)> = Vec::new();
    for (id, key) in &names {
        rows.push((*id, Row::new(grid, Shown::of(key.metric))));
    }
    source.read(c, &grid, &mut rows).unwrap();
    let shown = rows
        .into_iter()
        .filter_map(|(id, row)| row.finish(names.get(&id)?.clone()));
    grid.answer(shown.collect())
}

/// Nothing of theirs is found by our scope, though all names are right.
pub(super) fn is_kept_apart(c: &mut SqliteConnection, scope: Scope, theirs: Scope, id: Id<Server>) {
    // What is known of the log in memory is no authority.
    let positions = Heads::load(c).unwrap().of(id);
    assert!(!positions.is_empty());
    assert!(reports::newest(c, scope, id, &positions).unwrap().is_none());
    assert!(
        folding::prepare(c, scope, id, &positions)
            .unwrap()
            .is_none_or(|fold| fold.rows() == 1)
    );
    let interval = history::usual_interval(c, scope, id, &[], i64::MAX).unwrap();
    assert_eq!(interval, None);
    assert!(chart(c, scope, id, &positions, theirs).series.is_empty());
    let theirs_seen = chart(c, theirs, id, &positions, theirs);
    assert_eq!(theirs_seen.series.len(), 3);
    assert!(series::ids_of_server(c, scope, id).unwrap().is_empty());
    assert!(
        series::of_metrics(c, scope, id, Metric::ALL)
            .unwrap()
            .is_empty()
    );
    for resolution in [None, Some(Resolution::Minute)] {
        let series = series::of_metrics(c, theirs, id, Metric::ALL).unwrap();
        let series: Vec<_> = { series.iter() }
            .map(|(id, key)| (*id, Shown::of(key.metric)))
            .collect();
        assert_eq!(series.len(), 3);
        let ever = 0..i64::MAX / 2;
        for (scope, found) in [(scope, false), (theirs, true)] {
            let mut walk = Walk::new(id, series.clone(), resolution, &ever);
            let first = walk.next(c, scope, &positions).unwrap();
            assert_eq!(first.is_some_and(|first| !first.is_empty()), found);
        }
    }
    assert_eq!(reports::remove_of_server(c, scope, id, 9).unwrap(), 0);
    assert_eq!(removal::data_of(c, scope, id, 9).unwrap(), 0);
    let today = period_of(now().as_millis());
    let ours_bytes = retention::bytes_of_samples(c, scope, today..=today).unwrap();
    let theirs_bytes = retention::bytes_of_samples(c, theirs, today..=today).unwrap();
    assert!(ours_bytes > 0 && ours_bytes <= theirs_bytes);
    assert_eq!(series::count(c, scope).unwrap(), 3);
    series_without_data_are_kept_apart(c, scope, theirs, id);
}

fn series_without_data_are_kept_apart(
    c: &mut SqliteConnection,
    scope: Scope,
    theirs: Scope,
    id: Id<Server>,
) {
    let new = format!(
        "INSERT INTO series (organisation_id, server_id, metric, label) VALUES ({}, {}, 'load1', '')",
        theirs.organisation().as_i64(),
        id.as_i64()
    );
    diesel::sql_query(new).execute(c).unwrap();
    assert!(empty_series::unfolded(c, scope, id).unwrap().is_empty());
    assert_eq!(empty_series::unfolded(c, theirs, id).unwrap().len(), 1);
    for (whose, expected) in [(scope, 0), (theirs, 1), (theirs, 0)] {
        let removed = write(c, |context| {
            empty_series::remove(context, whose, id).unwrap()
        });
        assert_eq!(removed, expected);
    }
}
