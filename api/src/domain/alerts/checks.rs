//! What reports do not carry: looked up for each server every quarter of an hour, a few each minute.

use std::time::Duration;

use server_scout_wire::{Fact, Label, Metric, Timestamp};

use crate::alerting::slope::hours_until_empty;
use crate::alerting::{CHECKED_EVERY, Measure};
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::{Scope, servers};
use crate::timeseries::Window;

type Values = Vec<(Measure, Option<Label>, f64)>;

impl Services {
    /// Looks up what is due in a minute, beside everything else.
    pub(super) fn spawn_checks(&self, minute: u64) {
        let due = self.due_checks(minute);
        if due.is_empty() {
            return;
        }
        let services = self.clone();
        tokio::spawn(async move {
            for (scope, server, measures) in due {
                if let Err(error) = services.check_server(scope, server, &measures).await {
                    tracing::warn!("cannot look a server's state up: {error}");
                }
            }
        });
    }

    fn due_checks(&self, minute: u64) -> Vec<(Scope, Id<Server>, Vec<Measure>)> {
        let parts = CHECKED_EVERY.as_secs() / 60;
        let asked = self.alerts().engine().asked(&CHECKED);
        let scopes = self.alerts().scopes();
        let due = asked
            .into_iter()
            .filter_map(|(organisation, server, measures)| {
                let part = server.as_i64().unsigned_abs() % parts;
                let scope = scopes.get(&organisation).copied()?;
                (part == minute % parts).then_some((scope, server, measures))
            });
        due.collect()
    }

    /// Looks some measures of a server up, and compares them.
    pub(super) async fn check_server(
        &self,
        scope: Scope,
        server: Id<Server>,
        measures: &[Measure],
    ) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let mut values = Values::new();
        if measures.contains(&Measure::HoursUntilFull) {
            values.extend(self.hours_until_full(scope, server, now).await?);
        }
        if measures.contains(&Measure::AgentOld) {
            values.extend(self.agent_old(scope, server).await?);
        }
        if measures.contains(&Measure::KeyUnusedDays) {
            values.extend(self.key_unused_days(scope, server, now).await?);
        }
        let changes = self.alerts().engine().checked(server, values, now);
        self.alerts().queue(changes);
        Ok(())
    }

    async fn hours_until_full(
        &self,
        scope: Scope,
        server: Id<Server>,
        now: Timestamp,
    ) -> Result<Values, ServiceError> {
        let Ok(window) = Window::new(now.before(LOOKS_BACK), now, POINTS) else {
            return Ok(Values::new());
        };
        let metrics = vec![Metric::MountAvailableBytes];
        let history = self.history(scope, server, metrics, window).await?;
        let step = i64::try_from(history.step.as_millis()).unwrap_or(i64::MAX);
        let from = history.from.as_millis();
        let values = history.series.iter().map(|series| {
            let known = series.average.iter().zip(&series.count).zip(0_i64..);
            let known = known.filter(|((_, count), _)| **count > 0);
            let readings: Vec<(i64, f64)> = known
                .filter_map(|((value, _), place)| Some((from + place * step, (*value)?)))
                .collect();
            let hours = hours_until_empty(&readings).unwrap_or(NEVER);
            (Measure::HoursUntilFull, series.key.label.clone(), hours)
        });
        Ok(values.collect())
    }

    /// Whether the agent's version is older than the dashboard's, where both are versions.
    async fn agent_old(&self, scope: Scope, server: Id<Server>) -> Result<Values, ServiceError> {
        let row = self
            .store()
            .read(move |c| servers::get(c, scope, server))
            .await?;
        let facts = row.host_facts();
        let said = facts.get(Fact::AgentVersion.name());
        let theirs = said.and_then(|text| semver::Version::parse(text).ok());
        let ours = semver::Version::parse(env!("CARGO_PKG_VERSION")).ok();
        let old = theirs.zip(ours).map(|(theirs, ours)| theirs < ours);
        let value = |old| (Measure::AgentOld, None, f64::from(u8::from(old)));
        Ok(old.map(value).into_iter().collect())
    }

    async fn key_unused_days(
        &self,
        scope: Scope,
        server: Id<Server>,
        now: Timestamp,
    ) -> Result<Values, ServiceError> {
        let keys = self.agent_keys(scope, server).await?;
        let usable = keys.iter().filter(|key| key.row.revoked_at().is_none());
        let value = usable.filter_map(|key| {
            let used = key.last_use.as_ref().map(|last| last.at);
            let since = used.unwrap_or(key.row.created_at());
            let days = now.since(since).as_secs_f64() / DAY.as_secs_f64();
            let label = Label::new(&format!("…{}", key.row.ending)).ok()?;
            Some((Measure::KeyUnusedDays, Some(label), days))
        });
        Ok(value.collect())
    }
}

/// What is looked up.
const CHECKED: [Measure; 3] = [
    Measure::HoursUntilFull,
    Measure::AgentOld,
    Measure::KeyUnusedDays,
];
const LOOKS_BACK: Duration = Duration::from_hours(24);
const POINTS: usize = 96;
const DAY: Duration = Duration::from_hours(24);
/// What does not fall is full in a thousand years.
const NEVER: f64 = 8_766_000.0;
