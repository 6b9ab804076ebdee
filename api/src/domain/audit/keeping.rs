//! What keeps the chains in the background: sealing what commands left, writing heads to the service
//! log, and closing what is older than its retention.

use std::collections::HashMap;
use std::time::Duration;

use super::{Action, Audit, Object, chain};
use crate::domain::acting::Actor;
use crate::domain::{ServiceError, Services};
use crate::store::StoreError;
use crate::store::audit::{self, ChainRow, EventRow, InboxRow};

/// How long an event is kept.
const RETENTION: Duration = Duration::from_hours(400 * 24);

impl Services {
    /// Seals what commands leave and writes the heads of chains that grew to the service log, for as
    /// long as the program runs.
    pub async fn keep_audited(self) {
        let mut told = HashMap::new();
        loop {
            // Several events in a row are told as one head.
            let changed = async {
                self.0.audit.0.changed.notified().await;
                tokio::time::sleep(LULL).await;
            };
            let _ = tokio::time::timeout(EVERY, changed).await;
            if let Err(error) = self.audit_once(&mut told).await {
                tracing::warn!("cannot keep the audit log: {error}");
            }
        }
    }

    async fn audit_once(&self, told: &mut HashMap<i64, i64>) -> Result<(), ServiceError> {
        self.seal_what_commands_left().await?;
        for chain in self.store().read(audit::chains).await? {
            if told.insert(chain.organisation_id, chain.count) != Some(chain.count) {
                tell(&chain);
            }
        }
        Ok(())
    }

    /// Puts what commands have left into the chains.
    pub async fn seal_what_commands_left(&self) -> Result<(), ServiceError> {
        while self.store().read(audit::anything_left).await? {
            let audit = self.0.audit.clone();
            let sealed = self.store().write(move |c| audit.take_in(c)).await?;
            if sealed == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Closes every chain up to what is older than its retention.
    pub(in crate::domain) async fn close_old_events(&self) -> Result<(), ServiceError> {
        let before = self.clock().now().before(RETENTION);
        let now = self.clock().now();
        for chain in self.store().read(audit::chains).await? {
            let audit = self.0.audit.clone();
            let (number, which) = (chain.organisation_id, chain.chain());
            self.store()
                .write(move |c| {
                    let Some(key) = &audit.0.key else {
                        return Ok(());
                    };
                    let Some(last) = audit::last_before(c, number, before)? else {
                        return Ok(());
                    };
                    audit::close(c, &last, &chain::seal_checkpoint(key, &last))?;
                    let detail = format!("up to number {}", last.number);
                    let what = (Action::AuditClosed, &Object::none(), detail.as_str());
                    audit.record_in(c, now, which, &Actor::dashboard(), what)
                })
                .await?;
        }
        Ok(())
    }
}

impl Audit {
    fn take_in(&self, connection: &mut diesel::SqliteConnection) -> Result<usize, StoreError> {
        let Some(key) = &self.0.key else {
            return Ok(0);
        };
        let left = audit::take_left(connection, AT_A_TIME)?;
        for row in &left {
            self.seal_and_append(connection, key, &mut by_operator(row))?;
        }
        Ok(left.len())
    }
}

/// What stands in the inbox is told as the operator's, whatever it says: only commands write there.
fn by_operator(left: &InboxRow) -> EventRow {
    let operator = Actor::operator();
    EventRow {
        organisation_id: left.chain,
        number: 0,
        at: left.at,
        actor_kind: operator.who.kind().to_owned(),
        actor_name: String::new(),
        person_id: None,
        action: left.action.clone(),
        object_kind: left.object_kind.clone(),
        object_id: left.object_id.clone(),
        object_name: left.object_name.clone(),
        detail: left.detail.clone(),
        address: String::new(),
        user_agent: String::new(),
        seal: Vec::new(),
    }
}

fn tell(stands: &ChainRow) {
    tracing::info!("audit head {}", super::head_of(stands));
}

const AT_A_TIME: i64 = 500;
const EVERY: Duration = Duration::from_secs(5);
const LULL: Duration = Duration::from_millis(500);
