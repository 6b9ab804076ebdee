//! How long an organisation keeps what.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::audit::{Action, Object};
use super::principal::PersonPrincipal;
use super::{ServiceError, Services};
use crate::access::Right;
use crate::id::{Id, Organisation};
use crate::store::retention::{self, Kept};
use crate::store::{Scope, organisations, series};
use crate::timeseries::segment::period_of;
use crate::timeseries::{BytesADay, Retention};

/// What organisations have said, for those who ask often.
#[derive(Default)]
pub(super) struct Retentions(Mutex<HashMap<Id<Organisation>, Retention>>);

/// What an organisation keeps, and what it could.
#[derive(Clone, Copy, Debug)]
pub struct RetentionView {
    /// What it keeps.
    pub kept: Retention,
    /// The operator's ceilings.
    pub ceilings: Retention,
    /// About how many bytes that is.
    pub bytes: u64,
    /// What a day of each takes, in bytes, by what its servers sent of late.
    pub a_day: BytesADay,
    /// How many series it has.
    pub series: u64,
}

impl RetentionView {
    /// About how many bytes another retention would be.
    #[must_use]
    pub fn bytes_of(&self, retention: &Retention) -> u64 {
        retention.bytes(&self.a_day)
    }
}

impl Services {
    /// How long the organisation keeps what, with what that costs.
    pub async fn retention(&self, scope: Scope) -> Result<RetentionView, ServiceError> {
        let kept = self.retention_of(scope).await?;
        let today = period_of(self.clock().now().as_millis());
        let (series, samples) = self
            .store()
            .read(move |c| {
                let series = series::count(c, scope)?;
                // The last two half-days that are over.
                let samples = retention::bytes_of_samples(c, scope, today - 2..=today - 1)?;
                Ok((series, samples))
            })
            .await?;
        let series = series as u64;
        let a_day = BytesADay::new(u64::try_from(samples).unwrap_or(0), series);
        Ok(RetentionView {
            kept,
            ceilings: self.0.limits.retention,
            bytes: kept.bytes(&a_day),
            a_day,
            series,
        })
    }

    /// Changes how long the organisation keeps what. What is older goes within minutes.
    pub async fn set_retention(
        &self,
        by: &PersonPrincipal,
        new: Retention,
    ) -> Result<(), ServiceError> {
        let acting = by.acting_fresh(Right::Administer)?;
        self.check_retention(&new)?;
        let scope = acting.scope;
        let (audit, now) = (self.audit(), self.clock().now());
        let before = self.retention_of(scope).await?;
        self.store()
            .write(move |c| {
                retention::set(c, scope, &stored(&new))?;
                let name = organisations::name(c, scope)?;
                let object = Object::organisation(scope, &name);
                let detail = format!("before: {}; now: {}", words(&before), words(&new));
                audit.record(c, now, &acting, Action::RetentionChanged, &object, &detail)
            })
            .await?;
        self.retentions().insert(scope.organisation(), new);
        self.wake_upkeep();
        Ok(())
    }

    fn check_retention(&self, new: &Retention) -> Result<(), ServiceError> {
        let ceilings = &self.0.limits.retention;
        for (name, kept, ceiling) in [
            ("raw", new.raw, ceilings.raw),
            ("minute", new.minute, ceilings.minute),
            ("quarter_hour", new.quarter_hour, ceilings.quarter_hour),
            ("hour", new.hour, ceilings.hour),
        ] {
            if !(Retention::SHORTEST..=ceiling).contains(&kept) {
                let longest = ceiling.as_secs();
                let reason = format!("must be 3600 to {longest} seconds");
                return Err(ServiceError::invalid(name, reason));
            }
        }
        if !new.is_ordered() {
            let reason = "must not be kept longer than what is coarser";
            return Err(ServiceError::invalid("raw", reason));
        }
        Ok(())
    }

    /// How long the organisation keeps what, within the operator's ceilings.
    pub(super) async fn retention_of(&self, scope: Scope) -> Result<Retention, ServiceError> {
        let organisation = scope.organisation();
        if let Some(known) = self.retentions().get(&organisation) {
            return Ok(*known);
        }
        let said = self.store().read(move |c| retention::of(c, scope)).await?;
        let kept = self.effective(said);
        self.retentions().insert(organisation, kept);
        Ok(kept)
    }

    /// What is kept, by what an organisation has said.
    pub(super) fn effective(&self, said: Option<Kept>) -> Retention {
        let said = said.map_or_else(Retention::default, |kept| Retention {
            raw: seconds(kept.raw),
            minute: seconds(kept.minute),
            quarter_hour: seconds(kept.quarter_hour),
            hour: seconds(kept.hour),
        });
        said.within(&self.0.limits.retention)
    }

    fn retentions(&self) -> std::sync::MutexGuard<'_, HashMap<Id<Organisation>, Retention>> {
        let known = &self.0.retentions.0;
        known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stored(retention: &Retention) -> Kept {
    let whole = |kept: Duration| i64::try_from(kept.as_secs()).unwrap_or(i64::MAX);
    Kept {
        raw: whole(retention.raw),
        minute: whole(retention.minute),
        quarter_hour: whole(retention.quarter_hour),
        hour: whole(retention.hour),
    }
}

fn seconds(stored: i64) -> Duration {
    Duration::from_secs(u64::try_from(stored).unwrap_or(0))
}

fn words(kept: &Retention) -> String {
    format!(
        "raw {} s, minute {} s, quarter_hour {} s, hour {} s",
        kept.raw.as_secs(),
        kept.minute.as_secs(),
        kept.quarter_hour.as_secs(),
        kept.hour.as_secs()
    )
}
