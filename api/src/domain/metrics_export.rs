//! Taking the samples or roll-ups of a range along, of one server or of many.
//!
//! What is read is in memory portion by portion, and whoever asks is asked for their right before each.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::Connection as _;
use server_scout_wire::Metric;

use super::audit::{Action, Object};
use super::principal::{Means, PersonPrincipal};
use super::selection::{Selected, Selection};
use super::{ServiceError, Services};
use crate::access::Right;
use crate::id::{Id, Server};
use crate::store::series::{self, SeriesKey};
use crate::store::walk::{Values, Walk};
use crate::store::{Scope, StoreError, organisations, servers};
use crate::timeseries::roll_up::Resolution;
use crate::timeseries::{Shown, Window};

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct ExportQuestion {
    /// Of which servers.
    pub servers: ExportOf,
    /// Which metrics; all when there is none.
    pub metrics: Vec<Metric>,
    /// Of when. Its points do not matter.
    pub window: Window,
    /// How finely.
    pub fineness: Fineness,
}

/// Whose metrics are exported.
#[derive(Clone, Debug)]
pub enum ExportOf {
    /// One server's.
    One(Id<Server>),
    /// Those of many.
    Many(Selection),
}

/// How finely metrics are exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fineness {
    /// As finely as the whole range is kept.
    Finest,
    /// The samples themselves.
    Samples,
    /// Roll-ups.
    RollUps(Resolution),
}

/// An export that is being read.
pub struct MetricsExport {
    services: Services,
    scope: Scope,
    means: Means,
    metrics: Arc<[Metric]>,
    resolution: Option<Resolution>,
    range: Range<i64>,
    servers: std::vec::IntoIter<Selected>,
    at: Option<OfServer>,
    /// With which generation the right was asked for, and when.
    asked: Option<(i64, Instant)>,
}

/// The server that is being read.
struct OfServer {
    server: Arc<Selected>,
    names: Arc<HashMap<i64, SeriesKey>>,
    walk: Walk,
}

/// Some of what a server has: one series after the other, each in order of time.
#[derive(Clone, Debug)]
pub struct Portion {
    /// Which server.
    pub server: Arc<Selected>,
    /// Its series.
    pub series: Vec<(SeriesKey, Values)>,
}

impl Services {
    /// Begins an export, which is an audit event.
    pub async fn export_metrics(
        &self,
        person: &PersonPrincipal,
        question: ExportQuestion,
    ) -> Result<MetricsExport, ServiceError> {
        let scope = person.scope(Right::Read)?;
        let ExportQuestion {
            servers,
            metrics,
            window,
            fineness,
        } = question;
        let resolution = match fineness {
            Fineness::Samples => None,
            Fineness::RollUps(resolution) => Some(resolution),
            Fineness::Finest => {
                let age = self.clock().now().since(window.from());
                self.retention_of(scope).await?.finest(age)
            }
        };
        let (servers, object, words) = match servers {
            ExportOf::One(id) => {
                let row = self.store().read(move |c| servers::get(c, scope, id));
                let name = row.await?.name;
                let object = Object::server(id, &name);
                (vec![Selected { id, name }], object, String::new())
            }
            ExportOf::Many(selection) => {
                let words = selection.words();
                let selected = self.selected(scope, selection, MOST).await?;
                let name = self.store().read(move |c| organisations::name(c, scope));
                let object = Object::organisation(scope, &name.await?);
                (selected, object, words)
            }
        };
        self.note_metrics_export(person, object, words, window)
            .await?;
        Ok(MetricsExport {
            services: self.clone(),
            scope,
            means: person.means,
            metrics: metrics.into(),
            resolution,
            range: window.from().as_millis()..window.to().as_millis(),
            servers: servers.into_iter(),
            at: None,
            asked: None,
        })
    }

    async fn note_metrics_export(
        &self,
        person: &PersonPrincipal,
        object: Object,
        words: String,
        window: Window,
    ) -> Result<(), ServiceError> {
        let acting = person.acting(Right::Read)?;
        self.count_change(person.person())?;
        let (audit, now) = (self.audit(), self.clock().now());
        let mut detail = format!("{} to {}", window.from(), window.to());
        if !words.is_empty() {
            detail = format!("{words}, {detail}");
        }
        self.store()
            .write(move |c| {
                audit.record(c, now, &acting, Action::MetricsExported, &object, &detail)
            })
            .await?;
        Ok(())
    }
}

impl MetricsExport {
    /// How finely it is; none for the samples themselves.
    #[must_use]
    pub fn resolution(&self) -> Option<Resolution> {
        self.resolution
    }

    /// The next portion; none at the end. Whoever lost the right meanwhile gets an error.
    pub async fn next(&mut self) -> Result<Option<Portion>, ServiceError> {
        loop {
            self.ask_again().await?;
            let Some(mut at) = self.at.take() else {
                let Some(server) = self.servers.next() else {
                    return Ok(None);
                };
                self.at = Some(self.begin(server).await?);
                continue;
            };
            let (scope, heads) = (self.scope, self.services.store().heads());
            let read = self.services.store().read_portion(move |c| {
                // Before the transaction: what is folded meanwhile is known there.
                let positions = heads.of(at.server.id);
                c.transaction(|c| {
                    servers::get(c, scope, at.server.id)?;
                    let stretch = at.walk.next(c, scope, &positions)?;
                    Ok::<_, StoreError>((at, stretch))
                })
            });
            let (at, stretch) = read.await?;
            let Some(stretch) = stretch else {
                continue;
            };
            let named = stretch.into_iter();
            let named = named.filter_map(|(id, found)| Some((at.names.get(&id)?.clone(), found)));
            let series: Vec<(SeriesKey, Values)> = named.collect();
            let server = Arc::clone(&at.server);
            self.at = Some(at);
            if !series.is_empty() {
                return Ok(Some(Portion { server, series }));
            }
        }
    }

    async fn begin(&self, server: Selected) -> Result<OfServer, ServiceError> {
        let (scope, id, metrics) = (self.scope, server.id, Arc::clone(&self.metrics));
        let names = self.services.store().read(move |c| {
            let all: &[Metric] = if metrics.is_empty() {
                Metric::ALL
            } else {
                &metrics
            };
            series::of_metrics(c, scope, id, all)
        });
        let names = names.await?;
        let walked = names.iter();
        let walked = walked.map(|(id, key)| (*id, Shown::of(key.metric)));
        let walk = Walk::new(server.id, walked.collect(), self.resolution, &self.range);
        Ok(OfServer {
            server: Arc::new(server),
            names: Arc::new(names.into_iter().collect()),
            walk,
        })
    }

    /// The credential must still count and show what it showed, or there is an error. To be asked for
    /// before anything is handed out.
    pub async fn ask_again(&mut self) -> Result<(), ServiceError> {
        let generation = self.services.generation()?;
        let lately = |(known, at): (i64, Instant)| known == generation && at.elapsed() < AGAIN;
        if self.asked.is_some_and(lately) {
            return Ok(());
        }
        let found = self.services.ask_again(self.means).await?;
        let scope = found.and_then(|person| person.scope(Right::Read).ok());
        if scope != Some(self.scope) {
            return Err(ServiceError::Unauthenticated);
        }
        if let Some(at) = &self.at {
            let (scope, server) = (self.scope, at.server.id);
            let store = self.services.store();
            store.read(move |c| servers::get(c, scope, server)).await?;
        }
        self.asked = Some((generation, Instant::now()));
        Ok(())
    }
}

/// What ends by time is asked for so often; every other change of rights is known at once.
const AGAIN: Duration = Duration::from_secs(1);
/// Servers of one export.
const MOST: usize = 5000;
