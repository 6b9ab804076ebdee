//! What is done in the background: old reports and ended sessions go, the disk is probed.

use std::time::Duration;

use super::{ServiceError, Services};
use crate::store::{probe, removal, reports};

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
        let before = now.before(self.0.limits.retention);
        loop {
            let removed = self
                .store()
                .write(move |c| reports::remove_old(c, before, AT_A_TIME))
                .await?;
            if i64::try_from(removed).unwrap_or(i64::MAX) < AT_A_TIME {
                return Ok(());
            }
            // Reports that arrive meanwhile come first.
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Removes what deleted servers left behind, portion by portion.
    pub async fn remove_deleted(&self) -> Result<(), ServiceError> {
        while let Some(server) = self
            .store()
            .write(|c| removal::remove_some(c, AT_A_TIME))
            .await?
        {
            // A report that was on its way may have made it known again.
            self.live().remove(server);
            tokio::time::sleep(PAUSE).await;
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
