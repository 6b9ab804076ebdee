//! The dead man's switch: an address that hears at intervals that alerts are evaluated here.

use server_scout_wire::Timestamp;
use zeroize::Zeroizing;

use crate::domain::acting::Acting;
use crate::domain::audit::{Action, Object};
use crate::domain::channels::settings::words;
use crate::domain::{ServiceError, Services};
use crate::outbound::Target;
use crate::store::heartbeats::{self, HeartbeatRow, SaidHeartbeat};
use crate::store::{Scope, StoreError};

/// What somebody says of a heartbeat.
#[derive(Clone)]
pub struct NewHeartbeat {
    /// Where it goes; none keeps the address that there is.
    pub address: Option<String>,
    /// `GET` or `POST`; GET unless said otherwise.
    pub method: Option<String>,
    /// Minutes from one to the next.
    pub every_minutes: u32,
}

impl Services {
    /// The organisation's heartbeat, if it has one.
    pub async fn heartbeat(&self, scope: Scope) -> Result<Option<HeartbeatRow>, ServiceError> {
        match self.store().read(move |c| heartbeats::get(c, scope)).await {
            Ok(row) => Ok(Some(row)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets the heartbeat up, or changes it. The next is due at once.
    pub async fn set_heartbeat(
        &self,
        acting: &Acting,
        new: NewHeartbeat,
    ) -> Result<HeartbeatRow, ServiceError> {
        let said = SaidHeartbeat {
            method: method(new.method.as_deref())?,
            every_minutes: every(new.every_minutes)?,
        };
        let (scope, now) = (acting.scope, self.clock().now());
        let target = match new.address {
            Some(address) => Some(self.heartbeat_target(scope, &address).await?),
            None => None,
        };
        let (sealer, audit, acting) = (self.sealer()?, self.audit(), acting.clone());
        let set = self.store().write(move |c| {
            let row = match &target {
                Some(target) => {
                    let content = Zeroizing::new(target.as_str().as_bytes().to_vec());
                    let seal = |place: &_| Ok(sealer.seal(place, &content)?);
                    heartbeats::set(c, scope, &target.shown(), said, seal, now)?
                }
                None => match heartbeats::change(c, scope, said, now) {
                    Err(StoreError::NotFound) => return Ok(None),
                    changed => changed?,
                },
            };
            let object = Object::heartbeat(row.id, &row.shown);
            let detail = format!("{} every {} min", row.method, row.every_minutes);
            audit.record(c, now, &acting, Action::HeartbeatSet, &object, &detail)?;
            Ok(Some(row))
        });
        let missing = || ServiceError::invalid("address", "must be there, as there is none yet");
        set.await?.ok_or_else(missing)
    }

    /// Removes the heartbeat. Who waits for it hears nothing more.
    pub async fn remove_heartbeat(&self, acting: &Acting) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        let removed = self.store().write(move |c| {
            let row = heartbeats::get(c, scope)?;
            heartbeats::remove(c, scope)?;
            let object = Object::heartbeat(row.id, &row.shown);
            audit.record(c, now, &acting, Action::HeartbeatRemoved, &object, "")
        });
        Ok(removed.await?)
    }

    /// Keeps that all alert rules were evaluated just now, which heartbeats hang on. False when it could
    /// not be kept.
    pub(in crate::domain) async fn keep_evaluated(&self, now: Timestamp) -> bool {
        let kept = self.store().write(move |c| heartbeats::evaluated(c, now));
        kept.await.is_ok()
    }

    async fn heartbeat_target(&self, scope: Scope, address: &str) -> Result<Target, ServiceError> {
        let target = Target::parse(address.trim())
            .map_err(|error| ServiceError::invalid("address", words(&error.to_string())))?;
        self.check_target(scope, &target).await?;
        Ok(target)
    }
}

fn method(word: Option<&str>) -> Result<&'static str, ServiceError> {
    match word {
        None | Some("GET") => Ok("GET"),
        Some("POST") => Ok("POST"),
        Some(_) => Err(ServiceError::invalid("method", "must be GET or POST")),
    }
}

fn every(minutes: u32) -> Result<i32, ServiceError> {
    let bounded = i32::try_from(minutes)
        .ok()
        .filter(|minutes| (1..=MOST_MINUTES).contains(minutes));
    bounded.ok_or_else(|| {
        ServiceError::invalid("every_minutes", format!("must be 1 to {MOST_MINUTES}"))
    })
}

/// A day.
const MOST_MINUTES: i32 = 1440;
