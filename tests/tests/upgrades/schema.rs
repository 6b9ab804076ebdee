//! Databases that released versions have written, each in `schemas` as `MIGRATION.db.gz` with a
//! `MIGRATION.json` that says what its people and agents know.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use server_scout_tests::authenticator::AuthenticatorApp;
use server_scout_tests::binaries::checkout;
use server_scout_tests::dashboard::Setup;
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
        let setup = Setup::new();
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
    let fleet = Fleet::start().await;
    fill(&fleet).await;
    let seed = second_factor(&fleet).await;
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

/// Something in most of the tables: servers in a group, reports that are folded and such that are not.
async fn fill(fleet: &Fleet) {
    let change = json!({ "description": DESCRIPTION, "tags": [TAG] });
    let path = format!("/api/v1/servers/{}", fleet.server.id);
    let answer = fleet
        .call(Method::PATCH, &path, &fleet.token, Some(&change))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let group = fleet.add_group(GROUP).await;
    fleet
        .set_in_group(Method::PUT, &group, &fleet.server.id)
        .await;
    let _ = fleet.add_server("web-2").await;

    let start = report::seconds_ago(20 * 60);
    let reports: Vec<Value> = (0..300_u32)
        .map(|n| {
            let at = start + SignedDuration::from_secs(4 * i64::from(n));
            report::full(at, u64::from(n))
        })
        .collect();
    fleet.accepted(&Value::Array(reports)).await;
    fleet
        .accepted(&report::with_cpu(report::seconds_ago(1), 12.5))
        .await;
}

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
