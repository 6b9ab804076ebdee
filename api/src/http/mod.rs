//! The edge: routes, principals, pages. A handler parses, asks one service, and answers.

pub mod api;
mod assets;
mod ca;
mod client;
mod credentials;
mod edge;
mod event_export;
mod exposition;
mod guard;
mod headers;
mod health;
mod incident_cursor;
mod incident_export;
mod internals;
pub mod listen;
mod metrics_export;
mod organisation_export;
mod paged_export;
mod pages;
mod problem;
mod pulse;
mod routes;
pub mod serve;
mod spreadsheet;
mod streams;

use std::sync::Arc;

use poem::EndpointExt as _;
use poem::endpoint::BoxEndpoint;
use server_scout_ui::{Pages, UiError};
use tokio::sync::watch;

use self::problem::Failure;
pub use self::routes::DeclaredRoute;
use self::routes::{Declared, Routes};
use self::streams::{Bounds, OpenStream, Streams};
use crate::config::Config;
use crate::domain::Services;
use crate::domain::principal::PersonPrincipal;
use crate::secret::Secret;
use crate::tls::{AgentsTrust, SharedTrust};

/// What every handler can reach.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    services: Services,
    pages: Pages,
    config: Config,
    agents_trust: Option<SharedTrust>,
    streams: Streams,
    /// Exports and questions about many servers.
    readings: Streams,
    charts: Streams,
    readiness: health::Readiness,
    stopping: watch::Receiver<bool>,
}

/// Why the edge cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A route without a declared principal.
    #[error("the route {0} declares no principal")]
    Undeclared(String),
    /// The pages.
    #[error(transparent)]
    Ui(#[from] UiError),
}

impl App {
    /// Puts together what the handlers need. Streams end when `stopping` turns true.
    pub fn new(
        services: Services,
        config: Config,
        agents_trust: Option<SharedTrust>,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, BuildError> {
        services.bind_passkeys(&config.public_url);
        Ok(Self(Arc::new(Inner {
            services,
            pages: Pages::new()?,
            config,
            agents_trust,
            streams: Streams::new(Bounds::LIVE),
            readings: Streams::new(Bounds::READING),
            charts: Streams::new(Bounds::CHARTS),
            readiness: health::Readiness::default(),
            stopping,
        })))
    }

    fn services(&self) -> &Services {
        &self.0.services
    }

    /// A place among the exports and questions about many servers, once there is one.
    async fn reading(&self, person: &PersonPrincipal) -> Result<OpenStream, Failure> {
        let place = self.0.readings.wait(&person.identity).await;
        place.ok_or_else(Failure::too_many_readings)
    }

    /// A place among the charts, once there is one.
    async fn charting(&self, person: &PersonPrincipal) -> Result<OpenStream, Failure> {
        let place = self.0.charts.wait(&person.identity).await;
        place.ok_or_else(Failure::too_many_readings)
    }

    fn pages(&self) -> &Pages {
        &self.0.pages
    }

    fn config(&self) -> &Config {
        &self.0.config
    }

    /// The whole address of a one-time link, for the one answer that shows it.
    fn link(&self, page: &str, secret: &Secret) -> String {
        let public_url = self.config().public_url.as_str();
        format!("{public_url}/{page}/{}", secret.expose())
    }

    /// What agents must be given to trust this dashboard's own CA, if it has one.
    fn agents_trust(&self) -> Option<Arc<AgentsTrust>> {
        self.0.agents_trust.as_ref().map(SharedTrust::now)
    }
}

/// Every route behind the edge. A route without a declared principal is an error here, so that a
/// program that has one does not start.
pub fn routes(app: App) -> Result<BoxEndpoint<'static>, BuildError> {
    let (pages, mut table) = declared(&app).into_parts();
    let (api, operations) = api::service(app.clone())?;
    table.extend(operations);
    let route = pages.nest("/api/v1", api).map_to_response();
    let allowed = routes::allowed(&table);
    Ok(edge::Edge::new(app, allowed, route).boxed())
}

/// Every route with its declared principal, for people and tests that want to go through them.
pub fn table(app: App) -> Result<Vec<DeclaredRoute>, BuildError> {
    let (_, mut table) = declared(&app).into_parts();
    let (_, operations) = api::service(app)?;
    table.extend(operations);
    Ok(table)
}

fn declared(app: &App) -> Routes {
    let pages = Declared { app };
    let routes = health::routes(&pages, Routes::new());
    let routes = assets::routes(&pages, routes);
    let routes = ca::routes(&pages, routes);
    let routes = exposition::routes(&pages, routes);
    pages::routes(&pages, routes)
}
