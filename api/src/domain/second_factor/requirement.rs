//! Organisations that require a second factor of everybody, and the operator's way out.

use crate::domain::acting::{Acting, Actor, Who};
use crate::domain::audit::{Action, Object};
use crate::domain::names::Email;
use crate::domain::{ServiceError, Services};
use crate::store::{Scope, StoreError, credentials, people, second_factors};

/// What an organisation asks of its people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Requirement {
    /// Whether a second factor is required.
    pub required: bool,
    /// How many people there are.
    pub members: u32,
    /// How many of them have none.
    pub without: u32,
}

impl Services {
    /// Whether the organisation requires a second factor, and how many people lack one.
    pub async fn second_factor_requirement(
        &self,
        scope: Scope,
    ) -> Result<Requirement, ServiceError> {
        let read = move |c: &mut diesel::SqliteConnection| {
            Ok(Requirement {
                required: second_factors::is_required(c, scope)?,
                members: second_factors::members(c, scope)?,
                without: second_factors::members_without(c, scope)?,
            })
        };
        Ok(self.store().read(read).await?)
    }

    /// Has the organisation require a second factor, or not any more. Only somebody who has one may
    /// ask it of others, so that nobody locks themselves out.
    pub async fn require_second_factor(
        &self,
        acting: &Acting,
        required: bool,
    ) -> Result<(), ServiceError> {
        let (audit, acting, now) = (self.audit(), acting.clone(), self.clock().now());
        let changed = self.store().write(move |c| {
            let person = acting.by.who.person();
            let has = match person {
                Some(person) => second_factors::any(c, person)?,
                None => acting.by.who == Who::Operator,
            };
            if required && !has {
                return Err(StoreError::Conflict);
            }
            if second_factors::is_required(c, acting.scope)? == required {
                return Ok(());
            }
            second_factors::require(c, acting.scope, required)?;
            let action = if required {
                Action::SecondFactorRequired
            } else {
                Action::SecondFactorOptional
            };
            audit.record(c, now, &acting, action, &Object::none(), "")
        });
        changed.await.map_err(|error| match error {
            StoreError::Conflict => ServiceError::invalid(
                "second factor",
                "is missing on your own account; set one up before you ask it of everybody",
            ),
            other => other.into(),
        })
    }

    /// For the operator: removes every second factor of somebody who has lost them, and ends their
    /// sessions. Returns whether there was one.
    pub async fn reset_second_factor(&self, email: &str) -> Result<bool, ServiceError> {
        let email = Email::parse(email)?;
        let (audit, now) = (self.audit(), self.clock().now());
        let reset = self.store().write(move |c| {
            let login = people::by_email(c, email.as_str())?.ok_or(StoreError::NotFound)?;
            let there = second_factors::reset(c, login.person)?;
            let object = Object::person(login.person, email.as_str());
            let scopes = credentials::of_person(c, login.person)?;
            let what = (Action::SecondFactorReset, &object, "");
            audit.record_for(c, now, &scopes, &Actor::operator(), what)?;
            Ok(there)
        });
        reset.await.map_err(|error| match error {
            StoreError::NotFound => ServiceError::invalid("email", "has no account"),
            other => other.into(),
        })
    }
}
