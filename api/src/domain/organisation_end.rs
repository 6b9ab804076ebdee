//! Deleting an organisation, for good.

use super::acting::{Acting, Actor};
use super::audit::{Action, Object, head_of};
use super::{ServiceError, Services};
use crate::store::audit::{self, Chain};
use crate::store::{StoreError, organisation_end, organisations};

impl Services {
    /// Deletes the organisation that the owner acts in, when they have typed its name. Its people,
    /// credentials and servers are gone at once, their data and the free pages soon after. Its audit
    /// chain goes, too; where it stood is left in the installation's.
    pub async fn delete_organisation(
        &self,
        acting: &Acting,
        typed_name: &str,
    ) -> Result<(), ServiceError> {
        let (audit, now) = (self.audit(), self.clock().now());
        let (scope, by) = (acting.scope, acting.by.clone());
        let typed = typed_name.trim().to_owned();
        let gone = self
            .store()
            .write(move |c| {
                by.ask_again(c)?;
                if organisations::name(c, scope)? != typed {
                    return Ok(None);
                }
                let servers = organisation_end::end(c, scope, now)?;
                let stood = head_of(&audit::remove(c, scope)?);
                let object = Object::organisation(scope, "");
                let what = (Action::OrganisationDeleted, &object, stood.as_str());
                // Who did it is known by nobody here any more.
                audit.record_in(c, now, Chain::Installation, &Actor::dashboard(), what)?;
                Ok(Some(servers))
            })
            .await
            .map_err(|error: StoreError| ServiceError::from(error))?;
        let servers = gone.ok_or_else(|| {
            ServiceError::invalid("name", "must be the organisation's name, as it is written")
        })?;
        for server in servers {
            self.live().remove(server);
        }
        self.wake_upkeep();
        self.refresh_alerts(scope).await
    }

    /// Removes organisations that have ended and whose servers are gone, and gives their pages back.
    pub(super) async fn remove_ended_organisations(&self) -> Result<(), ServiceError> {
        let mut any = false;
        while self.store().write(organisation_end::remove_one).await? {
            any = true;
        }
        if any {
            self.store().give_back_pages().await?;
        }
        Ok(())
    }
}
