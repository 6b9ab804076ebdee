//! How long an organisation keeps its metrics.

use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use std::time::Duration;

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use crate::access::Right;
use crate::domain::retention::RetentionView;
use crate::timeseries::Retention;

pub(super) struct RetentionApi(pub(super) App);

/// How long what is kept. The coarser never shorter than the finer.
#[derive(Clone, Copy, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct RetentionTimes {
    /// The samples themselves, in seconds; reports that are older are too old.
    raw_seconds: u64,
    /// Minimum, average and maximum of each minute, in seconds.
    minute_seconds: u64,
    /// The same of each quarter of an hour, in seconds.
    quarter_hour_seconds: u64,
    /// The same of each hour, in seconds.
    hour_seconds: u64,
}

/// How long what is kept, and what that costs.
#[derive(Clone, Debug, Object)]
pub(super) struct RetentionReport {
    /// What the organisation keeps.
    kept: RetentionTimes,
    /// The operator's ceilings.
    ceilings: RetentionTimes,
    /// About how many bytes that comes to, by what the organisation's servers sent of late.
    bytes: u64,
    /// How many series the organisation has.
    series: u64,
}

#[OpenApi]
impl RetentionApi {
    /// How long metrics are kept
    #[oai(
        path = "/organisation/retention",
        method = "get",
        operation_id = "get_retention"
    )]
    async fn get_retention(&self, person: PersonAuth) -> Result<Json<RetentionReport>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let view = self.0.services().retention(scope).await?;
        Ok(Json(RetentionReport::from(&view)))
    }

    /// Say how long metrics are kept
    ///
    /// At least an hour and at most the operator's ceilings. What is older is deleted within minutes.
    #[oai(
        path = "/organisation/retention",
        method = "put",
        operation_id = "set_retention"
    )]
    async fn set_retention(
        &self,
        person: PersonAuth,
        times: Json<RetentionTimes>,
    ) -> Result<Json<RetentionReport>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let services = self.0.services();
        services.set_retention(&person.0, times.0.into()).await?;
        let view = services.retention(scope).await?;
        Ok(Json(RetentionReport::from(&view)))
    }
}

impl From<&RetentionView> for RetentionReport {
    fn from(view: &RetentionView) -> Self {
        Self {
            kept: view.kept.into(),
            ceilings: view.ceilings.into(),
            bytes: view.bytes,
            series: view.series,
        }
    }
}

impl From<Retention> for RetentionTimes {
    fn from(retention: Retention) -> Self {
        Self {
            raw_seconds: retention.raw.as_secs(),
            minute_seconds: retention.minute.as_secs(),
            quarter_hour_seconds: retention.quarter_hour.as_secs(),
            hour_seconds: retention.hour.as_secs(),
        }
    }
}

impl From<RetentionTimes> for Retention {
    fn from(times: RetentionTimes) -> Self {
        Self {
            raw: Duration::from_secs(times.raw_seconds),
            minute: Duration::from_secs(times.minute_seconds),
            quarter_hour: Duration::from_secs(times.quarter_hour_seconds),
            hour: Duration::from_secs(times.hour_seconds),
        }
    }
}
