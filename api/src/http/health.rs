//! Whether the dashboard is alive, and whether it can write.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, Route, get, handler};

use super::App;
use super::problem::Failure;

/// A probe's answer counts for so long, so that strangers cannot make the disk busy.
const FRESH: Duration = Duration::from_secs(1);

/// When the last probe was, and whether it went well.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, bool)>>);

pub(super) fn routes(route: Route) -> Route {
    route.at("/healthz", get(alive)).at("/readyz", get(ready))
}

#[handler]
fn alive() -> &'static str {
    "ok\n"
}

#[handler]
async fn ready(Data(app): Data<&App>) -> poem::Result<Response> {
    let writes = if let Some(writes) = app.0.readiness.known() {
        writes
    } else {
        let writes = app.services().probe().await.is_ok();
        app.0.readiness.remember(writes);
        writes
    };
    if writes {
        Ok(Response::builder().status(StatusCode::OK).body("ok\n"))
    } else {
        Err(Failure::busy().into())
    }
}

impl Readiness {
    fn known(&self) -> Option<bool> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(at, _)| at.elapsed() < FRESH)
            .map(|(_, writes)| writes)
    }

    fn remember(&self, writes: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), writes));
    }
}
