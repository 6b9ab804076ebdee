//! Whether the dashboard is alive, and whether it can write.

use std::time::{Duration, Instant};

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};
use tokio::sync::Mutex;

use super::App;
use super::guard::Access;
use super::problem::Failure;
use super::routes::{Declared, Routes};
use crate::config::OutboundMode;

/// Whether what goes to channels is sent, by whichever process is to.
pub(super) async fn sends(app: &App) -> bool {
    let separate = app.config().outbound.mode == OutboundMode::Separate;
    !separate || matches!(app.services().somebody_sends().await, Ok(true))
}

/// A probe's answer counts for so long, so that strangers cannot make the disk busy.
const FRESH: Duration = Duration::from_secs(1);

/// When the last probe was, and whether it went well.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, bool)>>);

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route
        .at("/healthz", pages.get(Access::Public, alive))
        .at("/readyz", pages.get(Access::Public, ready))
}

#[handler]
fn alive() -> &'static str {
    "ok\n"
}

#[handler]
async fn ready(Data(app): Data<&App>) -> poem::Result<Response> {
    if app.0.readiness.ask(app).await {
        Ok(Response::builder().status(StatusCode::OK).body("ok\n"))
    } else {
        Err(Failure::busy().into())
    }
}

impl Readiness {
    /// Probes, unless it was just done. Who asks meanwhile waits for that answer.
    async fn ask(&self, app: &App) -> bool {
        let mut last = self.0.lock().await;
        if let Some((_, writes)) = last.filter(|(at, _)| at.elapsed() < FRESH) {
            return writes;
        }
        let writes = app.services().probe().await.is_ok() && sends(app).await;
        *last = Some((Instant::now(), writes));
        writes
    }
}
