//! Folding in the background: from the log to segments, from those to half-days with roll-ups.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use server_scout_wire::Timestamp;

use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::{Scope, StoreError, Urgency, WriteContext, folding, merging, reports};

impl Services {
    /// Folds for as long as the program runs.
    pub async fn keep_folded(self) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut merged: Option<Instant> = None;
        loop {
            tick.tick().await;
            let now = self.clock().now();
            if let Err(error) = self.fold(now.before(LONGEST)).await {
                tracing::warn!("cannot fold the report log: {error}");
            }
            // At once at the start: who never lives for a minute merges, too.
            if merged.is_none_or(|at| at.elapsed() >= MERGE_EVERY) {
                if let Err(error) = self.merge_due().await {
                    tracing::warn!("cannot merge folded reports: {error}");
                }
                merged = Some(Instant::now());
            }
        }
    }

    /// Folds the reports of servers that have many, or some from before `before`, and cuts off the log.
    pub async fn fold(&self, before: Timestamp) -> Result<(), ServiceError> {
        for _ in 0..ROUNDS {
            let due = self.store().heads().due(REPORTS, before);
            for some in due.chunks(AT_A_TIME) {
                let folded = some
                    .iter()
                    .map(|(scope, server)| self.fold_one(*scope, *server));
                for outcome in join_all(folded).await {
                    outcome?;
                }
            }
            self.cut_log().await?;
            // Whoever had very many has some left.
            if due.is_empty() {
                break;
            }
        }
        Ok(())
    }

    async fn fold_one(&self, scope: Scope, server: Id<Server>) -> Result<(), ServiceError> {
        let heads = self.store().heads();
        let positions = heads.of(server);
        let now = self.clock().now();
        let prepared = self
            .store()
            .read_long(move |c| folding::prepare(c, scope, server, &positions))
            .await?;
        let Some(fold) = prepared else {
            // Its reports are gone, for example because it was deleted.
            heads.remove(server);
            return Ok(());
        };
        let urgency = Urgency::Soon {
            values: fold.rows(),
        };
        let to = fold.to();
        let work = move |context: &mut WriteContext<'_>| folding::write(context, &fold, now);
        let committed = {
            let heads = self.store().heads();
            move |folded: &bool| {
                if *folded {
                    heads.folded(server, to, now);
                }
            }
        };
        match self.store().writer().submit(urgency, work, committed).await {
            Ok(_) => Ok(()),
            Err(StoreError::NotFound) => {
                heads.remove(server);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn cut_log(&self) -> Result<(), ServiceError> {
        let urgency = Urgency::Soon { values: 0 };
        let cut = self.store().writer().submit(urgency, reports::cut, |()| ());
        Ok(cut.await?)
    }

    /// Merges every half-day that is due.
    pub async fn merge_due(&self) -> Result<(), ServiceError> {
        loop {
            let now = self.clock().now();
            let due = self
                .store()
                .read_long(move |c| merging::due(c, now, MERGES))
                .await?;
            let enough = due.len() < MERGES;
            let mut left = false;
            for one in due {
                let begun = Instant::now();
                let merge = self
                    .store()
                    .read_long(move |c| merging::prepare(c, one))
                    .await?;
                let Some(merge) = merge else {
                    continue;
                };
                left = true;
                let urgency = Urgency::Soon {
                    values: merge.rows(),
                };
                let work =
                    move |context: &mut WriteContext<'_>| merging::write(context, &merge, now);
                match self.store().writer().submit(urgency, work, |_| ()).await {
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
                // All half-days of a fleet end together; what is asked meanwhile comes first.
                tokio::time::sleep(begun.elapsed().min(PAUSE)).await;
            }
            if enough || !left {
                return Ok(());
            }
        }
    }
}

const EVERY: Duration = Duration::from_secs(5);
const MERGE_EVERY: Duration = Duration::from_mins(1);
/// Reports of a server that make a good chunk.
const REPORTS: usize = 240;
/// No report stays in the log for longer.
const LONGEST: Duration = Duration::from_mins(30);
/// Rounds after which something else has its turn, so that nobody who reports very much keeps all others'
/// half-days from being merged.
const ROUNDS: usize = 16;
/// Servers that fold in one transaction.
const AT_A_TIME: usize = 32;
/// Half-days that are looked for at a time.
const MERGES: usize = 64;
const PAUSE: Duration = Duration::from_millis(500);
