//! Alerting over a fresh database, with a clock that the test moves.

use std::time::Duration;

use server_scout::alerting::{NoticeKind, Reach};
use server_scout::domain::acting::Acting;
use server_scout::domain::alerts::{IncidentQuery, IncidentView, RuleChange};
use server_scout::domain::client::Client;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::{Scope, alert_notices};
use server_scout_wire::Timestamp;

use super::{EMAIL, World, report};

const STEP: Duration = Duration::from_secs(5);

/// An organisation with one server, and alerting.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) scope: Scope,
    pub(crate) agent: AgentIdentity,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let scope = world.organisation("Acme", EMAIL).await;
        let (agent, _) = world.server(scope, "web").await;
        world.services.open_alerts().await.unwrap();
        Self {
            world,
            scope,
            agent,
        }
    }

    pub(crate) fn acting(&self) -> Acting {
        Acting::operator(self.scope)
    }

    pub(crate) async fn send(&self, at: Timestamp, cpu: f64) {
        let body = report(at, cpu, "");
        let sent = self
            .world
            .services
            .ingest(self.agent, Client::default(), body.into());
        sent.await.unwrap();
        self.world.services.evaluate_alerts().await;
    }

    /// Reports every five seconds, for so long.
    pub(crate) async fn report(&self, seconds: u64, cpu: f64) {
        for _ in 0..seconds / STEP.as_secs() {
            self.world.hand.advance(STEP);
            self.send(self.world.now(), cpu).await;
        }
    }

    /// Nobody reports, for so long.
    pub(crate) async fn silence(&self, seconds: u64) {
        for _ in 0..seconds / STEP.as_secs() {
            self.world.hand.advance(STEP);
            self.world.services.evaluate_alerts().await;
        }
    }

    pub(crate) async fn incidents(&self) -> Vec<IncidentView> {
        let all = self
            .world
            .services
            .incidents(self.scope, IncidentQuery::default());
        all.await.unwrap().0
    }

    /// Rule, state and reason of the end of each incident, the oldest first.
    pub(crate) async fn told(&self) -> Vec<(String, &'static str, Option<String>)> {
        let incidents = self.incidents().await;
        let told = incidents.iter().rev().map(|view| {
            let row = &view.row;
            (row.rule_name.clone(), view.state(), row.end_reason.clone())
        });
        told.collect()
    }

    /// Kinds of the notices that are due, bundle by bundle.
    pub(crate) async fn notices(&self) -> Vec<Vec<NoticeKind>> {
        let (store, later) = (
            self.world.store(),
            self.world.now().after(Duration::from_mins(1)),
        );
        let mut bundles = Vec::new();
        loop {
            let taken = store
                .write(move |c| {
                    let Some(due) = alert_notices::due(c, later)? else {
                        return Ok(None);
                    };
                    let part = alert_notices::part(c, due.bundle, i64::MAX)?;
                    alert_notices::remove(c, due.bundle, &part.notices)?;
                    Ok(Some(part))
                })
                .await
                .unwrap();
            let Some(taken) = taken else {
                return bundles;
            };
            bundles.push(taken.notices.iter().map(|row| row.kind).collect());
        }
    }

    pub(crate) async fn restart(self) -> Self {
        let Self {
            world,
            scope,
            agent,
        } = self;
        world.services.keep_alert_states().await.unwrap();
        let world = world.restart().await;
        world.services.open_alerts().await.unwrap();
        Self {
            world,
            scope,
            agent,
        }
    }
}

/// A rule about the CPU that is critical at once.
pub(crate) fn rule(name: &str, reach: Reach) -> RuleChange {
    RuleChange {
        name: name.to_owned(),
        enabled: true,
        kind: "threshold".to_owned(),
        reach,
        metric: Some("cpu_usage".to_owned()),
        label: None,
        label_pattern: None,
        comparison: None,
        warning: None,
        critical: Some(95.0),
        recovery: None,
        severity: None,
        sustain: Some(0),
        share: None,
        cooldown: None,
        remind_every: None,
        remind_limit: None,
        channels: Vec::new(),
    }
}
