//! Organisations of the matrix and what is in them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{PASSWORD, answer};
use server_scout_tests::https::Answer;
use server_scout_tests::{Dashboard, Database, report};

/// Stands in everything that belongs to strangers; nobody else may ever be shown it.
pub(crate) const FOREIGN: &str = "zzforeign";
/// Stands in everything of the other organisation of the same people, but its own name.
pub(crate) const ELSEWHERE: &str = "zzelsewhere";

/// Everything that the matrix acts on.
pub(crate) struct World {
    pub(crate) dashboard: Dashboard,
    pub(crate) database: Database,
    pub(crate) client: reqwest::Client,
    pub(crate) asset: String,
    pub(crate) ours: Place,
    pub(crate) foreign: Place,
    pub(crate) elsewhere: Place,
    /// The ids of everything that is stored of the other two.
    pub(crate) others_ids: Vec<String>,
}

/// An organisation, with somebody who may do everything, and an object of each kind.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) organisation: String,
    pub(crate) id: i64,
    pub(crate) owner: String,
    owner_id: i64,
    /// Stands in every name.
    pub(crate) mark: String,
    pub(crate) token: String,
    pub(crate) agent_key: String,
    pub(crate) standing: Objects,
}

/// The ids of objects by kind.
pub(crate) type Objects = HashMap<String, String>;

/// Every kind of object; one of an object comes after what it belongs to.
pub(crate) const KINDS: [&str; 13] = [
    "server",
    "agent-key",
    "person",
    "session",
    "passkey",
    "invitation",
    "own-organisation",
    "group",
    "access-token",
    "alert-rule",
    "incident",
    "maintenance-window",
    "channel",
];

/// Those that belong to a person.
pub(crate) const PERSONAL: [&str; 3] = ["session", "passkey", "access-token"];

impl World {
    pub(crate) async fn new() -> Self {
        // Each request comes from an address of its own, as a proxy would say, so that what one does
        // wrong slows no other down.
        let setup = Setup::new()
            .set("SERVERSCOUT_TRUSTED_PROXIES", "127.0.0.1/32")
            .set("SERVERSCOUT_LIMITS__CHANGES", "1000000");
        let dashboard = setup.start().await;
        let client = dashboard.client();
        let login = answer(client.get(dashboard.url("/login"))).await.text();
        let (_, asset) = login.split_once("/assets/").expect("a page has assets");
        let asset = asset.split('"').next().unwrap_or_default().to_owned();
        let mut world = Self {
            database: Database::of(&dashboard),
            dashboard,
            client,
            asset,
            ours: Place::none(),
            foreign: Place::none(),
            elsewhere: Place::none(),
            others_ids: Vec::new(),
        };
        world.ours = world.place("Ours", "ours").await;
        world.foreign = world.place(&format!("The {FOREIGN}"), FOREIGN).await;
        world.elsewhere = world.place("Elsewhere", ELSEWHERE).await;
        for place in [&world.foreign, &world.elsewhere] {
            let ids = world.database.ids_of_organisation(place.id);
            world.others_ids.extend(ids);
        }
        world
    }

    /// A new organisation with an owner, a token of theirs, and one object of each kind.
    pub(crate) async fn place(&self, organisation: &str, mark: &str) -> Place {
        let owner = format!("owner@{mark}.example");
        let dashboard = &self.dashboard;
        dashboard
            .add_user(&owner, organisation, "owner", PASSWORD)
            .await;
        let mut place = Place {
            organisation: organisation.to_owned(),
            id: self.number(&format!(
                "SELECT CAST(id AS TEXT) AS text FROM organisation WHERE name = '{organisation}'"
            )),
            mark: mark.to_owned(),
            token: dashboard.add_token(&owner, organisation, "admin").await,
            owner_id: self.person_of(&owner),
            owner,
            agent_key: String::new(),
            standing: Objects::new(),
        };
        let added = self.make_server(&place).await;
        added["agent_key"]
            .as_str()
            .unwrap()
            .clone_into(&mut place.agent_key);
        self.report(&place).await;
        let server = added["server"]["id"].as_str().unwrap().to_owned();
        place.standing.insert("server".to_owned(), server);
        for kind in &KINDS[1..] {
            let id = self
                .make(&place, kind, &place.standing, place.owner_id)
                .await;
            place.standing.insert((*kind).to_owned(), id);
        }
        self.make_heartbeat(&place);
        place
    }

    /// An organisation with an owner and nothing else, put into the database, because a password is
    /// slow. It can make personal objects alone.
    pub(crate) fn bare_place(&self) -> Place {
        let mut place = Place::none();
        place.id = unique_number();
        place.organisation = format!("alone-{}", place.id);
        place.mark.clone_from(&place.organisation);
        let (id, name) = (place.id, &place.organisation);
        self.database.execute(&format!(
            "INSERT INTO organisation (id, name, created_at) VALUES ({id}, '{name}', 1)"
        ));
        place.owner = self.copied_member(&place, "owner");
        place
    }

    /// A member whose password is the one of everybody; gives the address.
    pub(crate) fn copied_member(&self, place: &Place, role: &str) -> String {
        let (id, organisation) = (unique_number(), place.id);
        let email = format!("{role}-{id}@{}.example", place.mark);
        let like = "owner@ours.example";
        self.database.execute(&format!(
            "INSERT INTO person (id, email, password_hash, created_at) \
               SELECT {id}, '{email}', password_hash, created_at FROM person WHERE email = '{like}';
             INSERT INTO member (organisation_id, person_id, role, created_at) \
               VALUES ({organisation}, {id}, '{role}', 1);"
        ));
        email
    }

    /// Makes an object of a kind; what it belongs to is among `parents`, or it is `person`.
    pub(crate) async fn make(
        &self,
        place: &Place,
        kind: &str,
        parents: &Objects,
        person: i64,
    ) -> String {
        match kind {
            "server" => text(&self.make_server(place).await["server"]["id"]),
            "agent-key" => {
                let path = format!("/api/v1/servers/{}/agent-keys", parents["server"]);
                let keys = self.call(place, Method::GET, &path, None).await.json();
                text(&keys["items"][0]["id"])
            }
            "person" => {
                let email = self.copied_member(place, "viewer");
                format!("{:016x}", self.person_of(&email))
            }
            "session" => self.make_session(place, person),
            "passkey" => self.make_passkey(place, person),
            "own-organisation" => format!("{:016x}", place.id),
            "access-token" => self.make_token(place, person),
            "group" => {
                let new = json!({ "name": format!("{}-{}", place.mark, unique()) });
                let path = "/api/v1/groups";
                let added = self.call(place, Method::POST, path, Some(&new)).await;
                text(&added.json()["id"])
            }
            "alert-rule" => {
                let new = json!({
                    "name": format!("{}-{}", place.mark, unique()),
                    "kind": "threshold",
                    "metric": "cpu_usage",
                    "critical": 99,
                    "scope": { "server": parents["server"] },
                });
                let path = "/api/v1/alert-rules";
                let added = self.call(place, Method::POST, path, Some(&new)).await;
                text(&added.json()["id"])
            }
            "incident" => self.make_incident(place, &parents["server"]),
            "maintenance-window" => {
                let new = json!({
                    "name": format!("{}-{}", place.mark, unique()),
                    "minutes": 60,
                    "scope": { "server": parents["server"] },
                });
                let path = "/api/v1/maintenance-windows";
                let added = self.call(place, Method::POST, path, Some(&new)).await;
                text(&added.json()["id"])
            }
            "channel" => {
                let new = json!({
                    "name": format!("{}-{}", place.mark, unique()),
                    "kind": "webhook",
                    "address": format!("https://{}.invalid/", place.mark.to_lowercase()),
                });
                let path = "/api/v1/channels";
                let added = self.call(place, Method::POST, path, Some(&new)).await;
                text(&added.json()["channel"]["id"])
            }
            "invitation" => {
                let email = format!("invited-{}@{}.example", unique(), place.mark);
                let new = json!({ "email": email, "role": "viewer" });
                let path = "/api/v1/invitations";
                let added = self.call(place, Method::POST, path, Some(&new)).await;
                text(&added.json()["invitation"]["id"])
            }
            _ => panic!("nobody knows how to make a {kind}"),
        }
    }

    async fn make_server(&self, place: &Place) -> Value {
        let name = json!({ "name": format!("{}-{}", place.mark, unique()) });
        let path = "/api/v1/servers";
        let added = self.call(place, Method::POST, path, Some(&name)).await;
        assert_eq!(added.status, 201, "{}", added.text());
        added.json()
    }

    /// A session that nobody has the cookie of.
    fn make_session(&self, place: &Place, person: i64) -> String {
        let (id, organisation) = (unique_number(), place.id);
        // Others may see their own sessions, also those that are here.
        let mark = if person == place.owner_id {
            &place.mark
        } else {
            "ours"
        };
        let now = jiff::Timestamp::now().as_millisecond();
        self.database.execute(&format!(
            "INSERT INTO session \
               (id_hash, id, organisation_id, person_id, created_at, seen_at, address, user_agent) \
               VALUES (randomblob(32), {id}, {organisation}, {person}, {now}, {now}, '', '{mark}');"
        ));
        format!("{id:016x}")
    }

    /// An access token that nobody knows.
    fn make_token(&self, place: &Place, person: i64) -> String {
        let (id, organisation, mark) = (unique_number(), place.id, &place.mark);
        self.database.execute(&format!(
            "INSERT INTO access_token \
               (id, organisation_id, person_id, token_hash, scope, created_at, expires_at, name) \
               VALUES ({id}, {organisation}, {person}, randomblob(32), 'read', 1, 9000000000000, '{mark}');"
        ));
        format!("{id:016x}")
    }

    /// An incident of a rule that is gone.
    fn make_incident(&self, place: &Place, server: &str) -> String {
        let (id, organisation, mark) = (unique_number(), place.id, &place.mark);
        let server = i64::from_str_radix(server, 16).expect("a server's id");
        self.database.execute(&format!(
            "INSERT INTO incident \
               (id, organisation_id, rule_id, rule_name, kind, measure, comparison, server_id, label, \
                severity, worst_severity, threshold, value, worst, opened_at, noticed_at, flaps, told_at) \
               VALUES ({id}, {organisation}, {id}, '{mark}', 'threshold', 'cpu_usage', 'above', \
                {server}, '{mark}', 'warning', 'warning', 1, 2, 3, 1, 1, 0, 1);"
        ));
        format!("{id:016x}")
    }

    /// A heartbeat that is never due, so nothing of it changes by itself.
    fn make_heartbeat(&self, place: &Place) {
        let (id, organisation, mark) = (unique_number(), place.id, &place.mark);
        self.database.execute(&format!(
            "INSERT INTO heartbeat \
               (id, organisation_id, sealed_address, shown, method, every_minutes, created_at, due_at) \
               VALUES ({id}, {organisation}, x'00', '{mark}', 'GET', 5, 1, 9000000000000);"
        ));
    }

    /// A passkey that no authenticator holds.
    fn make_passkey(&self, place: &Place, person: i64) -> String {
        let (id, mark) = (unique_number(), &place.mark);
        self.database.execute(&format!(
            "INSERT INTO passkey (id, person_id, credential_id, credential, name, created_at) \
               VALUES ({id}, {person}, randomblob(32), '{{}}', '{mark}', 1);"
        ));
        format!("{id:016x}")
    }

    /// Sends a report with the place's agent key that has its mark wherever a text can stand.
    pub(crate) async fn report(&self, place: &Place) {
        let request = self.client.post(self.dashboard.url("/api/v1/reports"));
        let request = request.header("X-API-Key", &place.agent_key);
        let done = answer(request.json(&report_of(&place.mark))).await;
        assert_eq!(done.status, 200, "{}", done.text());
    }

    /// Asks the API as the place's owner.
    pub(crate) async fn call(
        &self,
        place: &Place,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let request = self.client.request(method, self.dashboard.url(path));
        let request = request.bearer_auth(&place.token);
        answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// The number behind a person's id.
    pub(crate) fn person_of(&self, email: &str) -> i64 {
        self.number(&format!(
            "SELECT CAST(id AS TEXT) AS text FROM person WHERE email = '{email}'"
        ))
    }

    fn number(&self, query: &str) -> i64 {
        let found = self.database.texts(query);
        let number = found.first().and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("nothing is found by {query}"))
    }
}

impl Place {
    fn none() -> Self {
        Self {
            organisation: String::new(),
            id: 0,
            owner: String::new(),
            owner_id: 0,
            mark: String::new(),
            token: String::new(),
            agent_key: String::new(),
            standing: Objects::new(),
        }
    }
}

/// A report with a text wherever one can stand.
pub(crate) fn report_of(mark: &str) -> Value {
    let mut report = report::seed();
    report["host"] = json!({ "hostname": mark, "kernel": mark, "operating_system": mark });
    report["mount_used_bytes"] = json!({ mark: 1 });
    report
}

/// A number that no other call got.
pub(crate) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An id's number, far from those that are drawn.
fn unique_number() -> i64 {
    0x00aa_0000_0000_0000 + i64::try_from(unique()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().expect("an id is a text").to_owned()
}
