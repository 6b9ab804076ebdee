//! Access tokens: what lets a program act for a person.

use std::time::Duration;

use server_scout_wire::Timestamp;

use super::acting::Acting;
use super::audit::{Action, Object};
use super::names::Name;
use super::principal::PersonPrincipal;
use super::{ServiceError, Services};
use crate::access::{Right, TokenScope};
use crate::id::{AccessToken, Id};
use crate::secret::{Purpose, Secret};
use crate::store::tokens::{self, NewToken, TokenPlace, TokenRow};

/// What somebody asks for who makes a token.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// What to call it.
    pub name: String,
    /// What it may do at most.
    pub scope: TokenScope,
    /// For how many days; 90 unless said otherwise.
    pub days: Option<u32>,
}

/// Some tokens, those made last first, and where to go on.
#[derive(Clone, Debug)]
pub struct TokenPage {
    /// The tokens.
    pub tokens: Vec<TokenRow>,
    /// The one to go on after, when there are more.
    pub next: Option<TokenPlace>,
}

impl Services {
    /// Makes an access token for the person who asks, who must have proved lately who they are. A
    /// token makes none.
    pub async fn make_token(
        &self,
        person: &PersonPrincipal,
        request: TokenRequest,
    ) -> Result<(TokenRow, Secret), ServiceError> {
        let (by, _) = person.own_change_fresh()?;
        let scope = person.scope(Right::Read)?;
        let name = Name::parse("name", &request.name)?;
        let days = request.days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MAX_DAYS).contains(&days) {
            let reason = format!("must be 1 to {MAX_DAYS}");
            return Err(ServiceError::invalid("days", reason));
        }
        if request.scope.right() > person.right {
            let role = person.identity.role;
            let reason = format!(
                "must not be {}: your role, {role}, does not include it",
                request.scope
            );
            return Err(ServiceError::invalid("scope", reason));
        }
        let token = Secret::generate(Purpose::AccessToken);
        let (audit, now) = (self.audit(), self.clock().now());
        let new = NewToken {
            person: person.person(),
            hash: token.hash(),
            name: name.as_str().to_owned(),
            scope: request.scope,
            expires_at: now.after(DAY * days),
        };
        let acting = Acting { scope, by };
        let made = self
            .store()
            .write(move |c| {
                if tokens::count(c, scope, new.person)? >= OF_A_PERSON {
                    return Ok(None);
                }
                let row = tokens::create(c, scope, &new, now)?;
                let object = Object::token(row.id, &row.name);
                let detail = row.scope.as_str();
                audit.record(c, now, &acting, Action::TokenAdded, &object, detail)?;
                Ok(Some(row))
            })
            .await?;
        let row = made.ok_or(ServiceError::Conflict {
            member: "token",
            reason: "is one too many: you may have 50 here; revoke one first",
        })?;
        Ok((row, token))
    }

    /// The person's own tokens in the organisation, those made last first.
    pub async fn own_tokens(
        &self,
        person: &PersonPrincipal,
    ) -> Result<Vec<TokenRow>, ServiceError> {
        let scope = person.scope(Right::Read)?;
        let whose = Some(person.person());
        let limit = i64::try_from(OF_A_PERSON).unwrap_or(i64::MAX);
        let list = move |c: &mut _| tokens::list(c, scope, whose, None, limit);
        Ok(self.store().read(list).await?)
    }

    /// The tokens of every member, those made last first, for admins.
    pub async fn all_tokens(
        &self,
        person: &PersonPrincipal,
        after: Option<TokenPlace>,
        limit: usize,
    ) -> Result<TokenPage, ServiceError> {
        let scope = person.scope(Right::Administer)?;
        if !(1..=MAX_PAGE).contains(&limit) {
            let reason = format!("must be 1 to {MAX_PAGE}");
            return Err(ServiceError::invalid("limit", reason));
        }
        let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let list = move |c: &mut _| tokens::list(c, scope, None, after, more);
        let mut tokens = self.store().read(list).await?;
        let more = tokens.len() > limit;
        tokens.truncate(limit);
        let place = |token: &TokenRow| (token.created_at, token.id);
        let next = tokens.last().filter(|_| more).map(place);
        Ok(TokenPage { tokens, next })
    }

    /// Revokes a token, at once: an own one, or as an admin anybody's. To others it does not exist.
    pub async fn revoke_token(
        &self,
        person: &PersonPrincipal,
        id: Id<AccessToken>,
    ) -> Result<(), ServiceError> {
        let scope = person.scope(Right::Read)?;
        let row = self
            .store()
            .read(move |c| tokens::get(c, scope, id))
            .await?;
        let own = row.person == person.person();
        if !own && !person.may(Right::Administer) {
            return Err(ServiceError::NotFound);
        }
        if own {
            person.own_right(Right::Administer)?;
        }
        let acting = if own {
            person.acting(Right::Read)?
        } else {
            person.acting_fresh(Right::Administer)?
        };
        let (audit, now) = (self.audit(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                tokens::revoke(c, scope, id)?;
                let object = Object::token(id, &row.name);
                audit.record(c, now, &acting, Action::TokenRevoked, &object, &row.email)
            })
            .await?)
    }

    /// Removes tokens that ended long ago.
    pub(super) async fn sweep_tokens(&self, now: Timestamp) -> Result<usize, ServiceError> {
        let before = now.before(LISTED_AFTER_END);
        Ok(self
            .store()
            .write(move |c| tokens::sweep(c, before))
            .await?)
    }
}

/// Tokens of a person in an organisation, with those that have expired and are still listed.
pub const OF_A_PERSON: usize = 50;
/// Days that a token lasts unless said otherwise.
pub const DEFAULT_DAYS: u32 = 90;
/// Days that a token lasts at most.
pub const MAX_DAYS: u32 = 365;
/// How long a token is still listed after its end, for people to see why a program stopped.
pub const LISTED_AFTER_END: Duration = DAY.saturating_mul(30);

const DAY: Duration = Duration::from_hours(24);
const MAX_PAGE: usize = 200;
