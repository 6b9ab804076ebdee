//! The live stream: newest values as they arrive, and changes of status.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::Stream;
use poem::web::sse::Event;
use poem_openapi::param::Query;
use poem_openapi::payload::EventStream;
use poem_openapi::types::ToJSON as _;
use poem_openapi::{Object, OpenApi};
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, interval};

use super::super::App;
use super::super::problem::Failure;
use super::super::streams::OpenStream;
use super::auth::PersonAuth;
use super::schema::{NewestValue, Time};
use super::servers::server_id;
use crate::access::Right;
use crate::domain::alerts::IncidentNews;
use crate::domain::live::{self, Listener, ValuesEvent};
use crate::domain::principal::Means;
use crate::domain::status::Status;
use crate::id::{Id, Server};
use crate::store::live::Sight;

pub(super) struct LiveApi(pub(super) App);

/// How often statuses are compared and the credential is asked for again.
const TICK: Duration = Duration::from_secs(1);
/// A comment line, so that proxies do not think the stream is dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event of the stream: `values` when a report arrived, `status` when only the status changed,
/// `incident` when something happened to an incident.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct LiveEvent {
    /// The server's id.
    server: String,
    /// `online`, `late`, `offline`, `paused`, `waiting` or `clock-wrong`.
    status: String,
    /// When the values were read; only with values.
    timestamp: Option<Time>,
    /// When the values arrived; only with values.
    received_at: Option<Time>,
    /// When the last report arrived; only without values.
    last_seen: Option<Time>,
    /// The values of the report. Counters come as their growth per second.
    values: Option<Vec<NewestValue>>,
    /// What happened to an incident; only with incidents.
    incident: Option<LiveIncident>,
}

/// What happened to an incident.
#[derive(Clone, Debug, Object)]
pub(super) struct LiveIncident {
    /// The incident's id.
    id: String,
    /// `warning` or `critical`, as of now or of its end.
    severity: String,
    /// `opened`, `escalated`, `eased`, `reminded` or `resolved`.
    change: String,
}

#[OpenApi]
impl LiveApi {
    /// Follow the newest values
    ///
    /// Server-sent events: `values` for each report that arrives, `status` when only the status of
    /// a server changed, `incident` when something happened to an incident, `missed` when the listener was too slow and should ask for the history.
    /// The stream ends when its credential does.
    #[oai(path = "/live", method = "get", operation_id = "follow_live")]
    async fn follow_live(
        &self,
        person: PersonAuth,
        /// Only this server.
        server: Query<Option<String>>,
    ) -> Result<EventStream<futures_util::stream::BoxStream<'static, Option<LiveEvent>>>, Failure>
    {
        let scope = person.0.scope(Right::Read)?;
        let only = server.0.map(|id| server_id(&id)).transpose()?;
        if let Some(id) = only {
            self.0.services().server(scope, id).await?;
        }
        let means = person.0.means;
        let place = self
            .0
            .0
            .streams
            .open(&person.0.identity)
            .ok_or_else(Failure::too_many_streams)?;
        let sight = self.0.services().sight(scope).await?;
        let follower = Follower::new(self.0.clone(), sight, means, only, place);
        let stream: futures_util::stream::BoxStream<'static, Option<LiveEvent>> =
            Box::pin(follower.events());
        Ok(EventStream::new(stream)
            .keep_alive(KEEP_ALIVE)
            .to_event(to_event))
    }
}

fn to_event(event: Option<LiveEvent>) -> Event {
    match event {
        None => Event::message("{}").event_type("missed"),
        Some(event) => {
            let kind = if event.incident.is_some() {
                "incident"
            } else if event.values.is_some() {
                "values"
            } else {
                "status"
            };
            Event::message(event.to_json_string()).event_type(kind)
        }
    }
}

/// One listener.
struct Follower {
    app: App,
    means: Means,
    only: Option<Id<Server>>,
    listener: Listener,
    incidents: broadcast::Receiver<IncidentNews>,
    stopping: watch::Receiver<bool>,
    tick: Interval,
    generation: Option<i64>,
    checked: u32,
    statuses: HashMap<Id<Server>, Status>,
    pending: Vec<LiveEvent>,
    _place: OpenStream,
}

enum Heard {
    Live(live::Heard),
    Incident(IncidentNews),
    Stopping,
    Tick,
}

impl Follower {
    fn new(
        app: App,
        sight: Sight,
        means: Means,
        only: Option<Id<Server>>,
        place: OpenStream,
    ) -> Self {
        Self {
            listener: app.services().live().listen(sight),
            incidents: app.services().follow_incidents(),
            stopping: app.0.stopping.clone(),
            app,
            means,
            only,
            tick: interval(TICK),
            generation: None,
            checked: 0,
            statuses: HashMap::new(),
            pending: Vec::new(),
            _place: place,
        }
    }

    fn events(self) -> impl Stream<Item = Option<LiveEvent>> + Send {
        futures_util::stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((event, follower))
        })
    }

    /// The next event; none ends the stream. An empty event means that some were missed.
    async fn next(&mut self) -> Option<Option<LiveEvent>> {
        loop {
            if let Some(event) = self.pending.pop() {
                return Some(Some(event));
            }
            match self.hear().await {
                Heard::Stopping | Heard::Live(live::Heard::Over) => return None,
                Heard::Live(live::Heard::Missed) => return Some(None),
                Heard::Live(live::Heard::Report(report)) => {
                    // Somebody limited is asked about before every report: what a group has just
                    // lost is not to be told.
                    let limited = self.listener.sight().scope().is_limited();
                    if limited && !self.still_allowed().await {
                        return None;
                    }
                    if self.listener.sees(&report) && self.follows(report.server) {
                        return Some(Some(self.values(&report)));
                    }
                }
                Heard::Incident(news) => {
                    let limited = self.listener.sight().scope().is_limited();
                    if limited && !self.still_allowed().await {
                        return None;
                    }
                    let sight = self.listener.sight();
                    if sight.shows(news.organisation, news.server) && self.follows(news.server) {
                        return Some(Some(self.incident(&news)));
                    }
                }
                Heard::Tick => {
                    self.checked += 1;
                    if !self.still_allowed().await {
                        return None;
                    }
                    self.compare_statuses();
                }
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        tokio::select! {
            _ = self.stopping.wait_for(|stopping| *stopping) => Heard::Stopping,
            heard = self.listener.next() => Heard::Live(heard),
            news = self.incidents.recv() => match news {
                Ok(news) => Heard::Incident(news),
                Err(broadcast::error::RecvError::Lagged(_)) => Heard::Live(live::Heard::Missed),
                Err(broadcast::error::RecvError::Closed) => Heard::Stopping,
            },
            _ = self.tick.tick() => Heard::Tick,
        }
    }

    fn follows(&self, server: Id<Server>) -> bool {
        self.only.is_none_or(|only| only == server)
    }

    fn values(&mut self, report: &ValuesEvent) -> LiveEvent {
        let services = self.app.services();
        let newest = services.live().newest(self.listener.sight(), report.server);
        let status = newest.signs.status(services.clock().now());
        self.statuses.insert(report.server, status);
        LiveEvent {
            server: report.server.to_string(),
            status: status.as_str().to_owned(),
            timestamp: Some(Time(report.timestamp)),
            received_at: Some(Time(report.received_at)),
            last_seen: None,
            values: Some(report.values.iter().map(NewestValue::from).collect()),
            incident: None,
        }
    }

    fn incident(&self, news: &IncidentNews) -> LiveEvent {
        let services = self.app.services();
        let newest = services.live().newest(self.listener.sight(), news.server);
        let status = newest.signs.status(services.clock().now());
        LiveEvent {
            server: news.server.to_string(),
            status: status.as_str().to_owned(),
            timestamp: None,
            received_at: None,
            last_seen: None,
            values: None,
            incident: Some(LiveIncident {
                id: news.incident.to_string(),
                severity: news.severity.as_str().to_owned(),
                change: news.change.to_owned(),
            }),
        }
    }

    /// Asks again whenever anybody's rights or groups changed, and every half minute for what ends by
    /// time. When the store cannot say, the stream goes on and asks again at the next tick; that of
    /// somebody limited ends.
    async fn still_allowed(&mut self) -> bool {
        let services = self.app.services();
        let generation = services.generation().ok();
        if generation.is_some() && generation == self.generation && self.checked < 30 {
            return true;
        }
        let limited = self.listener.sight().scope().is_limited();
        let Ok(person) = services.ask_again(self.means).await else {
            return !limited;
        };
        let Some(Ok(scope)) = person.map(|person| person.scope(Right::Read)) else {
            return false;
        };
        let organisation = self.listener.sight().scope().organisation();
        let Ok(sight) = services.sight(scope).await else {
            return !limited;
        };
        self.listener.look(sight);
        self.generation = generation;
        self.checked = 0;
        scope.organisation() == organisation
    }

    fn compare_statuses(&mut self) {
        let services = self.app.services();
        let first = self.statuses.is_empty();
        let now = services.clock().now();
        for (server, status, last_seen) in services.live().statuses(self.listener.sight(), now) {
            let follows = self.only.is_none_or(|only| only == server);
            let before = self.statuses.insert(server, status);
            // What the page was opened with needs no telling, but a new server does.
            if !follows || before == Some(status) || first {
                continue;
            }
            self.pending.push(LiveEvent {
                server: server.to_string(),
                status: status.as_str().to_owned(),
                timestamp: None,
                received_at: None,
                last_seen: last_seen.map(Time),
                values: None,
                incident: None,
            });
        }
    }
}
