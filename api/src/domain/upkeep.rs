//! What is done in the background: old reports and ended sessions go, the disk is probed.

use std::time::Duration;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::{ServiceError, Services};
use crate::store::expiry::Portion;
use crate::store::{
    Scope, StoreError, Urgency, WriteContext, empty_series, expiry, probe, removal, retention,
    servers,
};
use crate::timeseries::roll_up::Resolution;

impl Services {
    /// Removes what has expired, for as long as the program runs.
    pub async fn keep_clean(self) {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.0.upkeep_due.notified() => {}
            }
            if let Err(error) = self.clean().await {
                tracing::warn!("cannot remove what has expired: {error}");
            }
        }
    }

    /// Removes what has expired, once.
    pub async fn clean(&self) -> Result<(), ServiceError> {
        self.remove_deleted().await?;
        self.remove_ended_organisations().await?;
        let now = self.clock().now();
        self.sweep_sessions(now).await?;
        self.keep_agent_keys().await?;
        self.sweep_second_factors(now).await?;
        self.sweep_links(now).await?;
        self.sweep_tokens(now).await?;
        self.close_old_events().await?;
        self.remove_expired(now).await?;
        self.sweep_alerts(now).await?;
        self.sweep_deliveries(now).await?;
        self.sweep_mails(now).await?;
        Ok(self.store().give_back_many_pages().await?)
    }

    /// Removes what organisations no longer keep.
    async fn remove_expired(&self, now: Timestamp) -> Result<(), ServiceError> {
        for (scope, said) in self.store().read(retention::of_all).await? {
            let kept = self.effective(said);
            let before = now.before(kept.raw);
            let samples = move |c: &mut SqliteConnection| expiry::remove_samples(c, scope, before);
            let mut any = self.remove_portions(samples).await?;
            for resolution in Resolution::ALL {
                let before = now.before(kept.of(resolution));
                let roll_ups = move |c: &mut SqliteConnection| {
                    expiry::remove_roll_ups(c, scope, resolution, before)
                };
                any |= self.remove_portions(roll_ups).await?;
            }
            if any {
                self.remove_empty_series(scope).await?;
            }
        }
        Ok(())
    }

    /// Removes portion after portion until nothing is left. Whether there was anything.
    async fn remove_portions(
        &self,
        remove: impl Fn(&mut SqliteConnection) -> Result<Portion, StoreError> + Copy + Send + 'static,
    ) -> Result<bool, ServiceError> {
        let mut any = false;
        loop {
            let portion = self.store().write(remove).await?;
            any |= portion.any;
            if !portion.more {
                return Ok(any);
            }
            // Reports that arrive meanwhile come first.
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Removes the series of an organisation of which nothing is stored.
    async fn remove_empty_series(&self, scope: Scope) -> Result<(), ServiceError> {
        for server in self.store().read(move |c| servers::ids(c, scope)).await? {
            let look = move |c: &mut SqliteConnection| empty_series::unfolded(c, scope, server);
            if self.store().read_long(look).await?.is_empty() {
                continue;
            }
            let remove =
                move |context: &mut WriteContext<'_>| empty_series::remove(context, scope, server);
            self.store()
                .writer()
                .submit(Urgency::Now, remove, |_| ())
                .await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Removes what deleted servers left behind, portion by portion.
    pub async fn remove_deleted(&self) -> Result<(), ServiceError> {
        let remove = |context: &mut WriteContext<'_>| {
            let removed = removal::remove_some(context.connection, AT_A_TIME)?;
            if let Some(server) = removed {
                context.intake.forget(server);
                // The organisation may have room for other series.
                context.series.forget();
            }
            Ok(removed)
        };
        let mut any = false;
        while let Some(server) = self
            .store()
            .writer()
            .submit(Urgency::Now, remove, |_| ())
            .await?
        {
            // A report that was on its way may have made it known again.
            self.live().remove(server);
            self.store().heads().remove(server);
            any = true;
            tokio::time::sleep(PAUSE).await;
        }
        if any {
            // Some may hold what was folded of it.
            self.store().give_back_pages().await?;
        }
        Ok(())
    }

    /// Has the background work done soon.
    pub(super) fn wake_upkeep(&self) {
        self.0.upkeep_due.notify_one();
    }

    /// Writes to the database, to find out whether that is possible.
    pub async fn probe(&self) -> Result<(), ServiceError> {
        let now = self.clock().now();
        Ok(self.store().write(move |c| probe::write(c, now)).await?)
    }
}

const AT_A_TIME: i64 = 2000;
const PAUSE: Duration = Duration::from_millis(50);
const EVERY: Duration = Duration::from_mins(1);
