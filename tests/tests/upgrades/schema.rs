//! Databases that released versions have written, each in `schemas` as `MIGRATION.db.gz` with a
//! `MIGRATION.json` that says what its people and agents know.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp, Unit};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use server_scout_tests::authenticator::AuthenticatorApp;
use server_scout_tests::binaries::checkout;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::wait::until;
use server_scout_tests::{Database, Fleet, report};

/// The description of the first server.
pub(crate) const DESCRIPTION: &str = "The one in the cellar";
/// The tag of the first server.
pub(crate) const TAG: &str = "env:prod";
/// The group that the first server is in.
pub(crate) const GROUP: &str = "Production";

/// What belongs to one database and stands in it as a hash, or sealed.
#[derive(Deserialize, Serialize)]
pub(crate) struct Knowledge {
    /// The content of the master key's file.
    pub(crate) master_key: String,
    /// The first server's agent key.
    pub(crate) agent_key: String,
    /// The seed of the owner's second factor.
    pub(crate) seed: String,
    /// The first server's history, in the databases that have some.
    #[serde(default)]
    pub(crate) history: Option<History>,
}

/// An hour of reports that are merged, and later ones that are folded but not merged.
#[derive(Deserialize, Serialize)]
pub(crate) struct History {
    /// When the hour begins; a report came every five seconds.
    pub(crate) merged: Timestamp,
    /// The first of the others, as many every four seconds.
    pub(crate) folded: Timestamp,
    /// How many there are of the others.
    pub(crate) folded_reports: u32,
}

/// A database of a released version.
pub(crate) struct Schema {
    /// The last migration that it has, as the database names it.
    pub(crate) version: String,
    /// What belongs to it.
    pub(crate) knowledge: Knowledge,
    database: PathBuf,
}

impl Schema {
    /// All there are, the oldest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut found: Vec<Self> = fs::read_dir(directory())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "gz"))
            .map(|database| {
                let name = database.file_name().unwrap().to_str().unwrap();
                let version = name.strip_suffix(".db.gz").unwrap().to_owned();
                let knowledge = directory().join(format!("{version}.json"));
                let knowledge = fs::read(knowledge).unwrap();
                Self {
                    knowledge: serde_json::from_slice(&knowledge).unwrap(),
                    version,
                    database,
                }
            })
            .collect();
        found.sort_by(|left, right| left.version.cmp(&right.version));
        found
    }

    /// A data directory with this database and its master key, and nothing else.
    pub(crate) fn unpack(&self) -> Setup {
        let setup = keeping_long();
        fs::DirBuilder::new()
            .mode(0o700)
            .create(setup.data_dir())
            .unwrap();
        let mut content = Vec::new();
        GzDecoder::new(fs::File::open(&self.database).unwrap())
            .read_to_end(&mut content)
            .unwrap();
        write(&setup.data_dir().join("server-scout.db"), &content);
        let key = self.knowledge.master_key.as_bytes();
        write(&setup.data_dir().join("master.key"), key);
        setup
    }
}

/// Writes the database of this version beside the others. For a release: `SERVERSCOUT_RECORD=1`.
pub(crate) async fn record() {
    let fleet = Fleet::with(keeping_long()).await;
    let seed = second_factor(&fleet).await;
    let history = fill(&fleet).await;
    let data_dir = fleet.dashboard.setup().data_dir().to_owned();
    let copy = fleet.dashboard.setup().home().join("copy");
    let _ = fleet
        .dashboard
        .command(&["backup", copy.to_str().unwrap()], "")
        .await
        .success();

    let version = newest(&fleet);
    let knowledge = Knowledge {
        master_key: fs::read_to_string(data_dir.join("master.key")).unwrap(),
        agent_key: fleet.server.key.clone(),
        seed,
        history: Some(history),
    };
    let file = fs::File::create(directory().join(format!("{version}.db.gz"))).unwrap();
    let mut packed = GzEncoder::new(file, Compression::best());
    packed.write_all(&fs::read(copy).unwrap()).unwrap();
    let _ = packed.finish().unwrap();
    let text = serde_json::to_string_pretty(&knowledge).unwrap() + "\n";
    fs::write(directory().join(format!("{version}.json")), text).unwrap();
}

/// The last migration of a dashboard's database.
pub(crate) fn newest(fleet: &Fleet) -> String {
    newest_of(&Database::of(&fleet.dashboard))
}

/// The last migration of a database.
pub(crate) fn newest_of(database: &Database) -> String {
    let query = "SELECT max(version) AS text FROM __diesel_schema_migrations";
    database.texts(query).remove(0)
}

/// What a dashboard may keep for as long as any can.
fn keeping_long() -> Setup {
    let tiers = ["", "_MINUTE", "_QUARTER_HOUR", "_HOUR"];
    tiers.iter().fold(Setup::new(), |setup, tier| {
        let name = format!("SERVERSCOUT_LIMITS__RETENTION{tier}_SECONDS");
        setup.set(&name, LONGEST_SECONDS.to_string())
    })
}

/// Something in most of the tables: servers in a group, and reports of which some are merged, some folded,
/// and some neither.
async fn fill(fleet: &Fleet) -> History {
    let change = json!({ "description": DESCRIPTION, "tags": [TAG] });
    let path = format!("/api/v1/servers/{}", fleet.server.id);
    done(fleet, Method::PATCH, &path, &change).await;
    let group = fleet.add_group(GROUP).await;
    fleet
        .set_in_group(Method::PUT, &group, &fleet.server.id)
        .await;
    let _ = fleet.add_server("web-2").await;
    let tiers = ["raw", "minute", "quarter_hour", "hour"];
    let kept = tiers.map(|tier| (format!("{tier}_seconds"), LONGEST_SECONDS.into()));
    let kept = Value::Object(kept.into_iter().collect());
    done(fleet, Method::PUT, "/api/v1/organisation/retention", &kept).await;

    let history = History {
        merged: (report::seconds_ago(40 * 3600)).round(Unit::Hour).unwrap(),
        folded: report::seconds_ago(20 * 60),
        folded_reports: 290,
    };
    send(fleet, history.merged, 5, 720).await;
    send(fleet, history.folded, 4, history.folded_reports).await;
    are_there(fleet, &["segment", "chunk"]).await;
    // What came late waits half an hour before it is merged.
    Database::of(&fleet.dashboard).execute("UPDATE segment SET made_at = made_at - 3600000");
    are_there(fleet, &["roll_up"]).await;
    fleet
        .accepted(&report::with_cpu(report::seconds_ago(90), 12.5))
        .await;
    history
}

async fn done(fleet: &Fleet, method: Method, path: &str, body: &Value) {
    let answer = fleet.call(method, path, &fleet.token, Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Sends `count` reports, one each `seconds` seconds from `start`.
async fn send(fleet: &Fleet, start: Timestamp, seconds: i64, count: u32) {
    let reports = (0..count).map(|n| {
        let at = start + SignedDuration::from_secs(seconds * i64::from(n));
        report::full(at, u64::from(n))
    });
    fleet.accepted(&reports.collect()).await;
}

/// Waits until something is in each of the tables.
async fn are_there(fleet: &Fleet, tables: &[&str]) {
    let database = Database::of(&fleet.dashboard);
    for table in tables {
        let query = format!("SELECT count(*) AS text FROM {table}");
        until(table, FOLDING, async || {
            (database.texts(&query) != ["0"]).then_some(())
        })
        .await;
    }
}

/// Two minutes, as half-days are looked for once in one.
const FOLDING: Duration = Duration::from_mins(2);
/// 800 days, the highest ceiling.
const LONGEST_SECONDS: u64 = 800 * 24 * 3600;

/// Gives the owner an authenticator app, so that something is sealed.
async fn second_factor(fleet: &Fleet) -> String {
    let mut owner = fleet.owner().await;
    let _ = owner.get("/account/second-factor").await;
    let begun = owner.submit("/account/second-factor/totp/begin", &[]).await;
    assert_eq!(begun.status, 303, "{}", begun.text());
    let page = owner.get("/account/second-factor/totp").await;
    let app = AuthenticatorApp::of_page(&page);
    let code = app.code(0);
    let done = owner
        .submit("/account/second-factor/totp", &[("code", code.as_str())])
        .await;
    assert_eq!(done.status, 200, "{}", done.text());
    app.seed
}

fn write(path: &Path, content: &[u8]) {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(content).unwrap();
}

fn directory() -> PathBuf {
    checkout().join("tests/tests/upgrades/schemas")
}
