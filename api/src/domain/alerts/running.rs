//! The task behind alerting: from the start of the program to its end.

use std::time::Duration;

use server_scout_wire::Timestamp;

use super::Alerts;
use crate::alerting::{Before, Change, Engine, Outcome};
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Organisation};
use crate::store::{
    Scope, StoreError, alert_notices, alert_states, incidents, maintenance, placements,
};

impl Services {
    /// Starts alerting: reads rules, open incidents and what led up to the last end. To be called once,
    /// before anything arrives.
    pub async fn open_alerts(&self) -> Result<(), ServiceError> {
        let now = self.clock().now();
        *self.alerts().engine() = Engine::new(now);
        for scope in self.store().read(placements::organisations).await? {
            self.refresh_alerts(scope).await?;
        }
        let (open, boots, kept) = self
            .store()
            .write(move |c| {
                let open = incidents::restore(c, now.before(REMEMBERED))?;
                Ok((open, alert_states::boots(c)?, alert_states::take(c)?))
            })
            .await?;
        let known = self.live().known();
        let mut engine = self.alerts().engine();
        for (server, before) in boots {
            engine.remember(server, before);
        }
        for (server, heard_at, newest) in known {
            engine.remember(
                server,
                Before {
                    heard_at,
                    newest,
                    boot: None,
                },
            );
        }
        for (_, server, place, instance) in open {
            engine.restore(server, place, instance);
        }
        for (_, server, place, tracks) in kept {
            engine.go_on(server, place, tracks);
        }
        let changes = engine.sweep(now);
        drop(engine);
        self.alerts().queue(changes);
        Ok(())
    }

    /// Evaluates and stores, for as long as the program runs.
    pub async fn keep_alerted(self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ticks: u64 = 0;
        let mut say_at = 0;
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    ticks += 1;
                    self.evaluate_alerts().await;
                    if ticks >= say_at && self.say_evaluated().await {
                        say_at = ticks + SAY_TICKS;
                    }
                    if ticks.is_multiple_of(REFRESH_TICKS) {
                        self.refresh_all_alerts(ticks / REFRESH_TICKS).await;
                    }
                }
                // What organisations say is read once a second at most.
                () = self.alerts().0.due.notified() => self.store_alerts().await,
            }
        }
    }

    /// Lets a second pass: silence, reminders, windows that open and close; and stores what follows.
    pub async fn evaluate_alerts(&self) {
        let changes = self.alerts().engine().tick(self.clock().now());
        self.alerts().waiting().extend(changes);
        self.refresh_stale_alerts().await;
        self.store_alerts().await;
    }

    /// Says that alerts are evaluated, for heartbeats. Not while something could not be stored.
    async fn say_evaluated(&self) -> bool {
        let stored = self.alerts().waiting().is_empty();
        stored && self.keep_evaluated(self.clock().now()).await
    }

    /// Keeps what led up to now, at an orderly end.
    pub async fn keep_alert_states(&self) -> Result<(), ServiceError> {
        self.store_alerts().await;
        let (kept, boots) = {
            let engine = self.alerts().engine();
            (engine.kept(), engine.boots().collect::<Vec<_>>())
        };
        Ok(self
            .store()
            .write(move |c| {
                alert_states::keep_boots(c, &boots)?;
                alert_states::keep(c, &kept)
            })
            .await?)
    }

    /// Removes incidents that an organisation no longer keeps: as long as its hourly roll-ups.
    pub(in crate::domain) async fn sweep_alerts(&self, now: Timestamp) -> Result<(), ServiceError> {
        for scope in self.store().read(placements::organisations).await? {
            let before = now.before(self.retention_of(scope).await?.hour);
            while self
                .store()
                .write(move |c| incidents::remove_ended(c, scope, before, AT_A_TIME))
                .await?
            {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(self
            .store()
            .write(move |c| {
                maintenance::sweep(c, now.before(WINDOWS_KEPT))?;
                alert_notices::sweep(c, now.before(NOTICES_KEPT))
            })
            .await?)
    }

    /// Takes in what an organisation says now: rules, windows, servers. What follows is stored when this
    /// returns.
    pub(in crate::domain) async fn refresh_alerts(&self, scope: Scope) -> Result<(), ServiceError> {
        let id = scope.organisation();
        // One at a time, or an older answer could come last.
        let turn = self.alerts().0.storing.lock().await;
        let said = self.store().read(move |c| placements::of(c, scope)).await?;
        let now = self.clock().now();
        let changes = if let Some(configuration) = said {
            self.alerts().scopes().insert(id, scope);
            self.alerts().engine().configure(id, configuration, now)
        } else {
            self.alerts().scopes().remove(&id);
            self.alerts().engine().forget_organisation(id);
            Vec::new()
        };
        self.alerts().waiting().extend(changes);
        drop(turn);
        self.store_alerts().await;
        Ok(())
    }

    async fn refresh_stale_alerts(&self) {
        let stale: Vec<Id<Organisation>> = self.alerts().stale().drain().collect();
        for id in stale {
            let scope = self.alerts().scopes().get(&id).copied();
            let refreshed = match scope {
                Some(scope) => self.refresh_alerts(scope).await,
                None => self.find_new_organisations().await,
            };
            if let Err(error) = refreshed {
                tracing::warn!("cannot read alert rules: {error}");
            }
        }
    }

    /// What commands changed shows after a minute at the latest.
    async fn refresh_all_alerts(&self, minute: u64) {
        if let Err(error) = self.find_new_organisations().await {
            tracing::warn!("cannot read alert rules: {error}");
        }
        self.spawn_checks(minute);
    }

    async fn find_new_organisations(&self) -> Result<(), ServiceError> {
        let known: Vec<Scope> = self.alerts().scopes().values().copied().collect();
        let mut all = self.store().read(placements::organisations).await?;
        // Those that are gone are asked for a last time.
        all.extend(
            known
                .into_iter()
                .filter(|scope| !all.contains(scope))
                .collect::<Vec<_>>(),
        );
        for scope in all {
            self.refresh_alerts(scope).await?;
        }
        Ok(())
    }

    /// Stores what waits, in order.
    pub(in crate::domain) async fn store_alerts(&self) {
        let _turn = self.alerts().0.storing.lock().await;
        loop {
            let some: Vec<Change> = {
                let mut waiting = self.alerts().waiting();
                let count = waiting.len().min(CHANGES_AT_A_TIME);
                waiting.drain(..count).collect()
            };
            if some.is_empty() {
                return;
            }
            match self.store_changes(some.clone()).await {
                Ok(outcomes) => self.settle(&some, &outcomes),
                Err(error) => {
                    tracing::warn!("cannot store incidents; they wait: {error}");
                    let mut waiting = self.alerts().waiting();
                    for change in some.into_iter().rev() {
                        waiting.push_front(change);
                    }
                    let now = self.clock().now();
                    self.alerts().engine().cannot_store(now);
                    return;
                }
            }
        }
    }

    async fn store_changes(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, StoreError> {
        self.store()
            .write(move |c| {
                changes
                    .iter()
                    .map(|change| incidents::apply(c, change))
                    .collect()
            })
            .await
    }

    fn settle(&self, changes: &[Change], outcomes: &[Outcome]) {
        let now = self.clock().now();
        let alerts: &Alerts = self.alerts();
        let mut more = Vec::new();
        {
            let mut engine = alerts.engine();
            for (change, outcome) in changes.iter().zip(outcomes) {
                if *outcome == Outcome::Stored {
                    alerts.0.news.tell(change);
                }
                more.extend(engine.settle(change, *outcome, now));
            }
        }
        alerts.waiting().extend(more);
    }
}

const TICK: Duration = Duration::from_secs(1);
const REFRESH_TICKS: u64 = 60;
/// How often is said that alerts are evaluated.
const SAY_TICKS: u64 = 15;
/// For how long after its end an incident counts: the longest cooldown.
const REMEMBERED: Duration = Duration::from_hours(24);
const CHANGES_AT_A_TIME: usize = 500;
const AT_A_TIME: i64 = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// How long windows that are over are shown.
const WINDOWS_KEPT: Duration = Duration::from_hours(30 * 24);
/// What nobody has taken by then is told to nobody any more.
const NOTICES_KEPT: Duration = Duration::from_hours(24);
