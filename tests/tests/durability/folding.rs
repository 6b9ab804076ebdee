//! The dashboard is killed while it folds: reports into segments of chunks, and those into half-days
//! with roll-ups.

use std::sync::Arc;

use server_scout_tests::Fleet;
use server_scout_tests::database::Database;
use server_scout_tests::wait::{PATIENCE, until};

use crate::stream::{self, Book};

/// Kills in the midst of each stage.
const KILLS: u32 = 3;
/// Lives in which they have to be brought about: some stages end before they are seen.
const LIVES: u32 = 24;
/// Reports of each server that wait for a start: more than fold at a time, by more than makes it due.
const BACKLOG: u64 = 1400;
/// Reports of a server that make it due.
const DUE: u32 = 240;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// From the log to segments.
    Fold,
    /// From segments to half-days and roll-ups.
    Merge,
}

/// How far a killed dashboard had come, and so the next one begins.
struct Begun {
    database: Database,
    /// The last place of the log.
    last: String,
    /// All marks of folding, added up.
    marks: String,
    /// Half-days that are to be merged.
    due: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_the_midst_of_folding_lose_and_double_nothing() {
    let mut fleet = Fleet::start().await;
    let book = Book::of_three(&fleet).await;
    fleet.dashboard.kill();
    let mut kills = [0, 0];
    for _ in 0..LIVES {
        let stage = if kills[0] <= kills[1] {
            Stage::Fold
        } else {
            Stage::Merge
        };
        if stage == Stage::Fold {
            fleet = killed_with_backlog(fleet.again().await, &book).await;
        }
        let hit;
        (fleet, hit) = killed_in(stage, fleet, &book).await;
        if hit {
            kills[usize::from(stage == Stage::Merge)] += 1;
        }
        if kills == [KILLS, KILLS] {
            break;
        }
    }
    assert_eq!(kills, [KILLS, KILLS], "kills in the midst of each stage");

    let fleet = fleet.again().await;
    let database = Database::of(&fleet.dashboard);
    for table in ["chunk", "roll_up"] {
        let query = format!("SELECT CAST(count(*) AS TEXT) AS text FROM {table}");
        assert_ne!(number(&database, &query), 0, "{table}");
    }
    book.check(&fleet).await;
    book.check_hours(&fleet).await;
}

/// Fills the log, and kills the dashboard as soon as that is acknowledged.
async fn killed_with_backlog(mut fleet: Fleet, book: &Arc<Book>) -> Fleet {
    book.fill(&fleet, BACKLOG).await;
    fleet.dashboard.kill();
    fleet
}

/// Starts the killed dashboard under load and kills it again when the stage is under way; whether there was
/// more of it to do.
async fn killed_in(stage: Stage, fleet: Fleet, book: &Arc<Book>) -> (Fleet, bool) {
    let begun = Begun::of(&fleet);
    let mut fleet = fleet.again().await;
    let mut senders = stream::send(&fleet, book);
    until("the stage is under way", PATIENCE, async || {
        begun.has_come_on(stage).then_some(())
    })
    .await;
    fleet.dashboard.kill();
    while let Some(sender) = senders.join_next().await {
        sender.expect("no answer was wrong");
    }
    let hit = begun.is_in_the_midst_of(stage);
    (fleet, hit)
}

impl Begun {
    /// What lies there now; segments become old enough to be merged.
    fn of(fleet: &Fleet) -> Self {
        let database = Database::of(&fleet.dashboard);
        database.execute("UPDATE segment SET made_at = 0 WHERE NOT rolled");
        let last = database.texts("SELECT CAST(coalesce(max(id), 0) AS TEXT) AS text FROM report");
        Self {
            last: last.concat(),
            marks: marks(&database),
            due: due(&database),
            database,
        }
    }

    fn has_come_on(&self, stage: Stage) -> bool {
        match stage {
            Stage::Fold => marks(&self.database) != self.marks,
            Stage::Merge => due(&self.database) < self.due,
        }
    }

    /// Whether the dashboard had begun a stage, and not done all of it that was to do at its start.
    fn is_in_the_midst_of(&self, stage: Stage) -> bool {
        let is_left = match stage {
            Stage::Fold => {
                let left = format!(
                    "SELECT CAST(count(*) AS TEXT) AS text FROM report r \
                     LEFT JOIN fold_mark m ON m.server_id = r.server_id \
                     WHERE r.id > coalesce(m.report_id, 0) AND r.id <= {} \
                     GROUP BY r.server_id HAVING count(*) >= {DUE}",
                    self.last
                );
                !self.database.texts(&left).is_empty()
            }
            Stage::Merge => due(&self.database) > 0,
        };
        is_left && self.has_come_on(stage)
    }
}

fn marks(database: &Database) -> String {
    let marks = "SELECT CAST(coalesce(sum(report_id), 0) AS TEXT) AS text FROM fold_mark";
    database.texts(marks).concat()
}

fn due(database: &Database) -> usize {
    let due = "SELECT CAST(count(*) AS TEXT) AS text FROM \
               (SELECT DISTINCT server_id, period FROM segment WHERE NOT rolled AND made_at = 0)";
    number(database, due)
}

fn number(database: &Database, query: &str) -> usize {
    database.texts(query).concat().parse().unwrap()
}
