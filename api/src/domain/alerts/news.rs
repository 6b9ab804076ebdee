//! Who follows incidents hears what happens to them, once it is stored.

use tokio::sync::broadcast;

use crate::alerting::{Change, Severity, What};
use crate::domain::Services;
use crate::id::{Id, Incident, Organisation, Server};

/// What happened to an incident.
#[derive(Clone, Copy, Debug)]
pub struct IncidentNews {
    /// Whose.
    pub organisation: Id<Organisation>,
    /// Of which server.
    pub server: Id<Server>,
    /// Which incident.
    pub incident: Id<Incident>,
    /// How much it matters now.
    pub severity: Severity,
    /// What: `opened`, `escalated`, `eased`, `reminded` or `resolved`.
    pub change: &'static str,
}

/// Tells whoever listens.
pub(super) struct News(broadcast::Sender<IncidentNews>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl News {
    pub(super) fn tell(&self, change: &Change) {
        let news = IncidentNews {
            organisation: change.organisation,
            server: change.server,
            incident: change.incident,
            severity: change.severity,
            change: match change.what {
                What::Open { .. } => "opened",
                What::Escalate => "escalated",
                What::Ease => "eased",
                What::Remind(_) => "reminded",
                What::End(_) => "resolved",
            },
        };
        // Nobody may listen.
        let _ = self.0.send(news);
    }
}

impl Services {
    /// Follows the incidents of every organisation; who listens lets through what may be seen.
    #[must_use]
    pub fn follow_incidents(&self) -> broadcast::Receiver<IncidentNews> {
        self.alerts().0.news.0.subscribe()
    }
}

/// What a slow listener may fall behind before it is told to look again.
const BACKLOG: usize = 256;
