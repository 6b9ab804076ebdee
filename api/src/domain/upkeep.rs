//! What is done in the background: old reports and ended sessions go, the disk is probed.

use std::time::Duration;

use super::{ServiceError, Services};
use crate::store::{probe, reports};

impl Services {
    /// Removes what has expired, for as long as the program runs.
    pub async fn keep_clean(self) {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tick.tick().await;
            if let Err(error) = self.clean().await {
                tracing::warn!("cannot remove what has expired: {error}");
            }
        }
    }

    async fn clean(&self) -> Result<(), ServiceError> {
        let now = self.clock().now();
        self.sweep_sessions(now).await?;
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
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Writes to the database, to find out whether that is possible.
    pub async fn probe(&self) -> Result<(), ServiceError> {
        let now = self.clock().now();
        Ok(self.store().write(move |c| probe::write(c, now)).await?)
    }
}

const AT_A_TIME: i64 = 5000;
const EVERY: Duration = Duration::from_mins(1);
