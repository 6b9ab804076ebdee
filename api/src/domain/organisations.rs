//! A person's organisations: which there are, making one, going to another, leaving.

use super::acting::Acting;
use super::audit::{Action, Object};
use super::names::Name;
use super::people::{is_last_owner, take_out};
use super::principal::{Means, PersonPrincipal};
use super::{ServiceError, Services};
use crate::access::{Right, Role};
use crate::id::{Id, Organisation};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::members::{self, Membership};
use crate::store::{organisations, sessions};

impl Services {
    /// The organisations that the person belongs to, the one joined first before the others. A
    /// token sees its own alone.
    pub async fn memberships(&self, by: &PersonPrincipal) -> Result<Vec<Membership>, ServiceError> {
        // Not a right in this organisation: whoever can do nothing here may go elsewhere.
        by.own_right(Right::Read)?;
        let here = by.identity.scope.organisation();
        let (person, everywhere) = (by.person(), session(by).is_ok());
        let mut all = self
            .store()
            .read(move |c| members::of_person(c, person))
            .await?;
        all.retain(|membership| everywhere || membership.organisation == here);
        Ok(all)
    }

    /// Makes an organisation that the person owns. Whoever owns none cannot: the first one comes
    /// from the operator.
    pub async fn create_organisation(
        &self,
        by: &PersonPrincipal,
        name: &str,
    ) -> Result<Id<Organisation>, ServiceError> {
        let (actor, _) = by.own_change_fresh()?;
        let name = Name::parse("name", name)?;
        self.check_unreserved(&name)?;
        let (audit, person, now) = (self.audit(), by.person(), self.clock().now());
        let limit = self.0.limits.organisations_per_person;
        let bound = i64::try_from(limit).unwrap_or(i64::MAX);
        self.store()
            .write(move |c| {
                let owned = organisations::owned_by(c, person)?;
                if owned == 0 || bound == 0 {
                    return Ok(Err(ServiceError::Forbidden));
                }
                if owned >= bound {
                    let reason = format!("is one too many: a person may own {limit} organisations");
                    return Ok(Err(ServiceError::invalid("name", reason)));
                }
                let scope = organisations::create(c, name.as_str(), now)?;
                members::join(c, scope, person, Role::Owner, now)?;
                let (acting, made) = (
                    Acting { scope, by: actor },
                    Object::organisation(scope, name.as_str()),
                );
                audit.record(c, now, &acting, Action::OrganisationAdded, &made, "")?;
                Ok(Ok(scope.organisation()))
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?
    }

    /// Whether the person may make another organisation.
    pub async fn may_create_organisation(
        &self,
        by: &PersonPrincipal,
    ) -> Result<bool, ServiceError> {
        let person = by.person();
        let owned = self
            .store()
            .read(move |c| organisations::owned_by(c, person))
            .await?;
        let limit = i64::try_from(self.0.limits.organisations_per_person).unwrap_or(i64::MAX);
        Ok((1..limit).contains(&owned))
    }

    /// Gives the organisation another name.
    pub async fn rename_organisation(
        &self,
        by: &PersonPrincipal,
        name: &str,
    ) -> Result<(), ServiceError> {
        let acting = by.acting_fresh(Right::Administer)?;
        let name = Name::parse("name", name)?;
        self.check_unreserved(&name)?;
        let (audit, now) = (self.audit(), self.clock().now());
        let before = by.identity.organisation.clone();
        self.store()
            .write(move |c| {
                organisations::rename(c, acting.scope, name.as_str())?;
                let renamed = Object::organisation(acting.scope, name.as_str());
                let detail = format!("before: {before}");
                let action = Action::OrganisationRenamed;
                audit.record(c, now, &acting, action, &renamed, &detail)
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))
    }

    /// Lets the session go on in another of the person's organisations, under a new id.
    pub async fn switch_organisation(
        &self,
        by: &PersonPrincipal,
        organisation: Id<Organisation>,
    ) -> Result<Secret, ServiceError> {
        let before = session(by)?;
        let (audit, actor, now) = (self.audit(), by.actor(), self.clock().now());
        let fresh = Secret::generate(Purpose::Session);
        let (after, person) = (fresh.hash(), by.person());
        self.store()
            .write(move |c| {
                let scope = members::enter(c, person, organisation)?;
                let acting = Acting { scope, by: actor };
                let action = Action::SessionMoved;
                audit.record(c, now, &acting, action, &Object::none(), "")?;
                sessions::move_to(c, &before, &after, scope)?;
                members::note_use(c, person, organisation)
            })
            .await?;
        Ok(fresh)
    }

    /// Takes the person out of one of their organisations.
    pub async fn leave_organisation(
        &self,
        by: &PersonPrincipal,
        organisation: Id<Organisation>,
    ) -> Result<(), ServiceError> {
        let (actor, _) = by.own_change_fresh()?;
        let (audit, person, now) = (self.audit(), by.person(), self.clock().now());
        self.store()
            .write(move |c| {
                let scope = members::belonging(c, person, organisation)?;
                let member = members::find(c, scope, person)?;
                if is_last_owner(c, scope, &member)? {
                    return Ok(Err(ServiceError::LastOwner));
                }
                let acting = Acting { scope, by: actor };
                let left = Object::person(person, &member.email);
                let role = member.role.as_str();
                audit.record(c, now, &acting, Action::PersonLeft, &left, role)?;
                take_out(c, scope, person)?;
                Ok(Ok(()))
            })
            .await?
    }
}

/// The session that asks; a token stays in its organisation.
pub(super) fn session(by: &PersonPrincipal) -> Result<SecretHash, ServiceError> {
    match by.means {
        Means::Session(hash) => Ok(hash),
        Means::Token(_) => Err(ServiceError::Forbidden),
    }
}

const NAME_TAKEN: &str = "exists already on this dashboard";
