//! Rotating the master key.

use super::acting::Actor;
use super::audit::{Action, Object};
use super::{ServiceError, Services};
use crate::master_key::Rotation;
use crate::store::audit::Chain;

impl Services {
    /// For the operator: seals every secret under the new key. Returns how many there are.
    pub async fn rotate_master_key(&self, rotation: Rotation) -> Result<usize, ServiceError> {
        let (audit, now) = (self.audit(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                let nothing = Object::none();
                let what = (Action::MasterKeyRotated, &nothing, "");
                audit.record_in(c, now, Chain::Installation, &Actor::operator(), what)?;
                rotation.carry_out(c)
            })
            .await?)
    }
}
