//! What questions about a thousand servers cost, and what they cost those who ask for a chart meanwhile.
//!
//! An example and no benchmark, so that it is built with the profile of what is shipped.
//! `cargo run --release -p server-scout --example a_fleet` makes up two hours of reports every five seconds;
//! `FLEET_SERVERS=N` has another number of servers, `FLEET_REPORTS=N` of reports of each.

#![expect(clippy::unwrap_used, reason = "a measurement may fail loudly")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use server_scout::clock::{Clock, Hand};
use server_scout::config::Config;
use server_scout::domain::Services;
use server_scout::domain::accounts::LoginAttempt;
use server_scout::domain::acting::Acting;
use server_scout::domain::client::Client;
use server_scout::domain::fleet::{FleetQuestion, Wanted};
use server_scout::domain::metrics_export::{ExportOf, ExportQuestion, Fineness};
use server_scout::domain::principal::{Credential, PersonPrincipal, Principal};
use server_scout::domain::selection::Selection;
use server_scout::domain::servers::ServerQuery;
use server_scout::store::Store;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::walk::Values;
use server_scout::timeseries::{Combine, RankedBy, Ranking, Window};
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Metric, Report, Timestamp};

/// The beginning of a half-day of the store.
const START: i64 = 20_717 * 86_400_000;
const REPORTS: u64 = 1440;
const BATCH: u64 = 120;
const INTERVAL: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_hours(1);
const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "correct horse battery";
const TIMES: usize = 9;

struct World {
    services: Services,
    agents: Vec<AgentIdentity>,
    metrics: Vec<Metric>,
    _dir: tempfile::TempDir,
}

#[tokio::main]
async fn main() {
    let count = std::env::var("FLEET_SERVERS").ok();
    let count = count.map_or(1000, |count| count.parse().unwrap());
    let (world, hand) = World::new(count).await;
    println!("{count} servers, {} series each", world.metrics.len());
    let reports = std::env::var("FLEET_REPORTS").ok();
    let reports = reports.map_or(REPORTS, |count| count.parse().unwrap());
    for first in (0..reports).step_by(usize::try_from(BATCH).unwrap()) {
        hand.advance(INTERVAL * u32::try_from(BATCH).unwrap());
        for some in world.agents.chunks(50) {
            join_all(some.iter().map(|agent| world.send(*agent, first))).await;
        }
        world.services.fold(Timestamp::default()).await.unwrap();
    }
    println!("the last hour, in the log and in small segments:");
    world.ask_all().await;
    world.export().await;
    hand.advance(Duration::from_hours(12));
    world.services.fold(world.now()).await.unwrap();
    hand.advance(HOUR);
    world.services.merge_due().await.unwrap();
    println!("all since then, rolled up:");
    world.ask_all().await;
}

impl World {
    async fn new(count: usize) -> (Self, Hand) {
        let dir = tempfile::tempdir().unwrap();
        let defaults = Config::load(None).unwrap();
        let (clock, hand) = Clock::manual(Timestamp::from_millis(START));
        let store = Store::open(&dir.path().join("a_fleet.db")).unwrap();
        let (limits, times) = (defaults.limits, defaults.sessions);
        let services = Services::start(store, clock, limits, times, None);
        let services = services.await.unwrap();
        let person = services.add_person(EMAIL, "Acme", None, PASSWORD.to_owned());
        person.await.unwrap();
        let scope = services.operator_scope("Acme").await.unwrap();
        let acting = Acting::operator(scope);
        let mut agents = Vec::with_capacity(count);
        for number in 0..count {
            let name = format!("web-{number:04}");
            let (_, key) = services.add_server(&acting, &name).await.unwrap();
            let credential = Credential::AgentKey(key.expose().to_owned());
            let Some(Principal::Agent(agent)) = services.authenticate(&credential).await.unwrap()
            else {
                panic!("a new key counts");
            };
            agents.push(agent);
        }
        let plain = Metric::ALL.iter();
        let plain = plain.filter(|metric| metric.describe().label.is_none());
        let world = Self {
            services,
            agents,
            metrics: plain.copied().take(20).collect(),
            _dir: dir,
        };
        (world, hand)
    }

    fn now(&self) -> Timestamp {
        self.services.clock().now()
    }

    async fn send(&self, agent: AgentIdentity, first: u64) {
        let mut body = vec![b'['];
        for seq in first..first + BATCH {
            let at = Timestamp::from_millis(START);
            let at = at.after(INTERVAL * u32::try_from(seq).unwrap());
            let mut report = Report::new(at, Identity { boot: Boot(7), seq });
            for (place, metric) in (1_u64..).zip(&self.metrics) {
                let value =
                    (seq * place * 7919 + agent.server.as_i64().unsigned_abs() % 97) % 10_000;
                report.push(*metric, None, value as f64 / 100.0);
            }
            if body.len() > 1 {
                body.push(b',');
            }
            body.extend(report.to_json());
        }
        body.push(b']');
        let sent = self
            .services
            .ingest(agent, Client::default(), Bytes::from(body));
        sent.await.unwrap();
    }

    fn question(&self, metrics: usize, wanted: Wanted) -> FleetQuestion {
        let (to, hours) = (self.now(), self.now().since(Timestamp::from_millis(START)));
        let from = to.before(if hours > 3 * HOUR { hours } else { HOUR });
        FleetQuestion {
            servers: Selection::Fitting(ServerQuery::default()),
            metrics: self.metrics.iter().take(metrics).copied().collect(),
            window: Window::new(from, to, 60).unwrap(),
            wanted,
        }
    }

    async fn ask_all(&self) {
        let ranking = Ranking {
            by: RankedBy::Average,
            lowest_first: false,
        };
        let all = Wanted::Combined(Combine::Average);
        self.ask("all as one, 1 metric", self.question(1, all))
            .await;
        self.ask("all as one, 10 metrics", self.question(10, all))
            .await;
        let top = self.question(1, Wanted::Top(10, ranking));
        self.ask("the first ten", top).await;
        let ids = self.agents.iter().take(200).map(|agent| agent.server);
        let each = FleetQuestion {
            servers: Selection::These(ids.collect()),
            ..self.question(1, Wanted::Each)
        };
        self.ask("200, each by itself", each).await;
        self.charts("a chart of one server, alone").await;
        let busy = async {
            loop {
                let question = self.question(10, all);
                let scope = self.agents.first().unwrap().scope;
                self.services.fleet_history(scope, question).await.unwrap();
            }
        };
        tokio::select! {
            () = self.charts("a chart of one server, beside such questions") => {}
            () = busy => {}
        }
    }

    async fn ask(&self, what: &str, question: FleetQuestion) {
        let scope = self.agents.first().unwrap().scope;
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let answer = self.services.fleet_history(scope, question.clone()).await;
            std::hint::black_box(answer.unwrap());
            times.push(begun.elapsed());
        }
        print(what, times);
    }

    async fn charts(&self, what: &str) {
        let question = self.question(10, Wanted::Each);
        let mut times = Vec::new();
        for agent in self.agents.iter().take(100) {
            let begun = Instant::now();
            let (metrics, window) = (question.metrics.clone(), question.window);
            let chart = self
                .services
                .history(agent.scope, agent.server, metrics, window);
            std::hint::black_box(chart.await.unwrap());
            times.push(begun.elapsed());
        }
        print(what, times);
    }

    /// Every sample of one metric.
    async fn export(&self) {
        let person = self.person().await;
        let question = ExportQuestion {
            servers: ExportOf::Many(Selection::Fitting(ServerQuery::default())),
            metrics: self.metrics.iter().take(1).copied().collect(),
            window: Window::new(Timestamp::from_millis(START), self.now(), 1).unwrap(),
            fineness: Fineness::Samples,
        };
        let begun = Instant::now();
        let export = self.services.export_metrics(&person, question);
        let mut export = export.await.unwrap();
        let mut samples = 0;
        while let Some(portion) = export.next().await.unwrap() {
            for (_, values) in portion.series {
                let Values::Samples(values) = values else {
                    panic!("samples were asked for");
                };
                samples += values.len();
            }
        }
        println!("an export reads {samples} samples in {:?}", begun.elapsed());
    }

    async fn person(&self) -> PersonPrincipal {
        let attempt = LoginAttempt {
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned(),
            device: None,
            before: None,
            client: Client::default(),
        };
        let login = self.services.log_in(attempt).await.unwrap();
        let session = login.done().unwrap().session;
        let credential = Credential::Session(session.expose().to_owned());
        match self.services.authenticate(&credential).await.unwrap() {
            Some(Principal::Person(person)) => person,
            _ => panic!("a new session counts"),
        }
    }
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (middle, last) = (times.get(times.len() / 2), times.last());
    let (middle, last) = (middle.unwrap(), last.unwrap());
    println!("{what}: median {middle:?}, slowest {last:?}");
}
