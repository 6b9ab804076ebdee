//! Services over a fresh database, with a clock that the test moves.

#![allow(dead_code, reason = "each test program uses its own part")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

pub(crate) mod alerts;
pub(crate) mod authenticator;
pub(crate) mod authenticator_app;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use server_scout::clock::{Clock, Hand};
use server_scout::config::{Config, Limits, SessionTimes};
use server_scout::domain::Services;
use server_scout::domain::accounts::LoginAttempt;
use server_scout::domain::acting::Acting;
use server_scout::domain::client::Client;
use server_scout::domain::first_owner::FirstOwner;
use server_scout::domain::principal::{Credential, PersonPrincipal, Principal};
use server_scout::sealing::Sealer;
use server_scout::secret::{Purpose, Secret};
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::{OpenError, Scope, Store};
use server_scout_wire::Timestamp;
use tempfile::TempDir;

pub(crate) const EMAIL: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct World {
    pub(crate) services: Services,
    pub(crate) hand: Hand,
    dir: TempDir,
    limits: Limits,
    times: SessionTimes,
    clock: Clock,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let defaults = Config::load(None).unwrap();
        let mut limits = defaults.limits;
        change(&mut limits);
        let (clock, hand) = Clock::manual(Timestamp::from_millis(1_790_000_000_000));
        let times = defaults.sessions;
        let services = start(&dir, &clock, limits, times).await;
        Self {
            services,
            hand,
            dir,
            limits,
            times,
            clock,
        }
    }

    /// Closes the database and opens it again, as a restart does.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            services,
            hand,
            dir,
            limits,
            times,
            clock,
        } = self;
        services.finish();
        let services = start(&dir, &clock, limits, times).await;
        Self {
            services,
            hand,
            dir,
            limits,
            times,
            clock,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An organisation with an owner, and its scope.
    pub(crate) async fn organisation(&self, name: &str, email: &str) -> Scope {
        let password = PASSWORD.to_owned();
        self.services
            .add_person(email, name, None, password)
            .await
            .unwrap();
        self.services.operator_scope(name).await.unwrap()
    }

    /// A new server and whose its key is.
    pub(crate) async fn server(&self, scope: Scope, name: &str) -> (AgentIdentity, Secret) {
        let acting = Acting::operator(scope);
        let (_, key) = self.services.add_server(&acting, name).await.unwrap();
        (self.agent(&key).await.expect("a new key counts"), key)
    }

    pub(crate) async fn agent(&self, key: &Secret) -> Option<AgentIdentity> {
        let credential = Credential::AgentKey(key.expose().to_owned());
        match self.services.authenticate(&credential).await.unwrap() {
            Some(Principal::Agent(agent)) => Some(agent),
            _ => None,
        }
    }

    pub(crate) async fn session_counts(&self, session: &Secret) -> bool {
        let credential = Credential::Session(session.expose().to_owned());
        self.services
            .authenticate(&credential)
            .await
            .unwrap()
            .is_some()
    }

    /// The person that a session or a token stands for.
    pub(crate) async fn person(&self, credential: Credential) -> PersonPrincipal {
        match self.services.authenticate(&credential).await.unwrap() {
            Some(Principal::Person(person)) => person,
            other => panic!("no person: {other:?}"),
        }
    }

    /// Whether a text stands in any file of the database.
    pub(crate) fn files_hold(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|content| {
                content
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            })
    }

    /// The database beside the services, as a command opens it.
    pub(crate) fn store(&self) -> Store {
        Store::open_existing(&self.dir.path().join("test.db")).unwrap()
    }

    /// The services as a command has them: beside the dashboard, without the master key.
    pub(crate) async fn command(&self) -> Services {
        let (clock, limits, times) = (self.clock.clone(), self.limits, self.times);
        Services::start(self.store(), clock, limits, times, None)
            .await
            .unwrap()
    }

    pub(crate) async fn log_in(&self) -> Secret {
        self.services
            .log_in(attempt(EMAIL, PASSWORD))
            .await
            .unwrap()
            .done()
            .unwrap()
            .session
    }
}

pub(crate) fn attempt(email: &str, password: &str) -> LoginAttempt {
    LoginAttempt {
        email: email.to_owned(),
        password: password.to_owned(),
        device: None,
        before: None,
        client: Client {
            address: Some(IpAddr::from([192, 0, 2, 1])),
            ..Client::default()
        },
    }
}

async fn start(dir: &TempDir, clock: &Clock, limits: Limits, times: SessionTimes) -> Services {
    let store = open(&dir.path().join("test.db")).await;
    let key_file = dir.path().join("master.key");
    if !key_file.exists() {
        std::fs::write(&key_file, Secret::generate(Purpose::MasterKey).expose()).unwrap();
    }
    let sealer = Some(Sealer::open_file(&key_file).unwrap());
    Services::start(store, clock.clone(), limits, times, sealer)
        .await
        .unwrap()
}

/// Opens a database. One that was just closed may have a thread that has not ended yet.
async fn open(path: &Path) -> Store {
    for _ in 0..100 {
        match Store::open(path) {
            Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("{} stays locked", path.display());
}

pub(crate) fn first_owner() -> FirstOwner {
    FirstOwner {
        email: EMAIL.to_owned(),
        password: PASSWORD.to_owned(),
        organisation: "Acme".to_owned(),
    }
}

/// The smallest report, `cpu` percent at `at`, with further members.
pub(crate) fn report(at: Timestamp, cpu: f64, more: &str) -> String {
    format!(
        r#"{{"timestamp":"{at}","cpu_usage":{cpu},"memory_usage":78.1,"disk_usage":23.4{more}}}"#
    )
}
