//! Who asks: from a credential to a principal, and from a principal to a scope.

use std::time::Duration;

use server_scout_wire::Timestamp;

use super::acting::{Acting, Actor, Who};
use super::client::Client;
use super::{ServiceError, Services};
use crate::access::{Right, Role, TokenScope};
use crate::id::{AccessToken, Id, Person};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::credentials::{AgentIdentity, PersonIdentity};
use crate::store::{Scope, credentials, sessions, tokens};

/// A credential as presented: at most one of them stands in a request.
pub enum Credential {
    /// `Authorization: Bearer`.
    AccessToken(String),
    /// `X-API-Key`.
    AgentKey(String),
    /// The session cookie.
    Session(String),
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Principal {
    /// An agent, for one server.
    Agent(AgentIdentity),
    /// A person or a program with a person's rights.
    Person(PersonPrincipal),
}

/// A person, by session or by access token.
#[derive(Clone, Debug)]
pub struct PersonPrincipal {
    /// Who and where.
    pub identity: PersonIdentity,
    /// The highest right; none for a token of scope `metrics`.
    pub right: Option<Right>,
    /// The highest right over the person's own account: all for a session, what its scope says for
    /// a token.
    pub own: Option<Right>,
    /// By what.
    pub means: Means,
    /// The token, when it is one.
    pub token: Option<TokenUse>,
    /// Whether they have proved lately who they are, which weighty changes ask of a session.
    pub fresh: bool,
    /// From where.
    pub client: Client,
}

/// How long a proof of who somebody is counts for weighty changes.
pub const PROOF_LIFE: Duration = Duration::from_mins(15);

/// By what a person is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Means {
    /// A session, by the hash of its id.
    Session(SecretHash),
    /// An access token, by its hash.
    Token(SecretHash),
}

/// An access token that is used.
#[derive(Clone, Copy, Debug)]
pub struct TokenUse {
    /// Which.
    pub id: Id<AccessToken>,
    /// When it was used before, to the minute.
    pub used_at: Option<Timestamp>,
}

impl Principal {
    /// The same principal, from where the request came.
    #[must_use]
    pub fn from_client(self, client: Client) -> Self {
        match self {
            Self::Agent(agent) => Self::Agent(agent),
            Self::Person(person) => Self::Person(PersonPrincipal { client, ..person }),
        }
    }
}

impl PersonPrincipal {
    /// The scope of the person's organisation, if they have `right` there.
    pub fn scope(&self, right: Right) -> Result<Scope, ServiceError> {
        if self.identity.lacks_factor {
            return Err(ServiceError::SecondFactorRequired);
        }
        if self.right.is_some_and(|highest| highest >= right) {
            Ok(self.identity.scope)
        } else {
            Err(ServiceError::Forbidden)
        }
    }

    /// The scope of what `/metrics` shows: by a token of scope `metrics` alone, which every collector
    /// can be given, because it opens nothing else.
    pub fn exposed(&self) -> Result<Scope, ServiceError> {
        if self.identity.lacks_factor {
            return Err(ServiceError::SecondFactorRequired);
        }
        match self.own {
            None => Ok(self.identity.scope),
            Some(_) => Err(ServiceError::Forbidden),
        }
    }

    /// The right to a change, and who makes it.
    pub fn acting(&self, right: Right) -> Result<Acting, ServiceError> {
        let scope = self.scope(right)?;
        Ok(Acting {
            scope,
            by: self.actor_judged(Some((scope, right))),
        })
    }

    /// The right to a weighty change: a session must have proved lately whose it is. A program with
    /// a token cannot be asked, and a token with that right was made by somebody who had proved it.
    pub fn acting_fresh(&self, right: Right) -> Result<Acting, ServiceError> {
        let acting = self.acting(right)?;
        if matches!(self.means, Means::Session(_)) && !self.fresh {
            return Err(ServiceError::ProofNeeded);
        }
        Ok(acting)
    }

    /// The right to change the own account: by a session that has proved lately whose it is.
    pub fn own_change_fresh(&self) -> Result<(Actor, SecretHash), ServiceError> {
        match self.means {
            Means::Token(_) => Err(ServiceError::Forbidden),
            Means::Session(_) if !self.fresh => Err(ServiceError::ProofNeeded),
            Means::Session(session) => Ok((self.actor(), session)),
        }
    }

    /// Whether they have a right over their own account. A program has none while its organisation
    /// requires a second factor that the person lacks; the person keeps theirs, to set one up.
    pub fn own_right(&self, right: Right) -> Result<(), ServiceError> {
        if matches!(self.means, Means::Token(_)) && self.identity.lacks_factor {
            return Err(ServiceError::SecondFactorRequired);
        }
        match self.own {
            Some(highest) if highest >= right => Ok(()),
            _ => Err(ServiceError::Forbidden),
        }
    }

    /// Who they are to the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor_judged(None)
    }

    fn actor_judged(&self, judged: Option<(Scope, Right)>) -> Actor {
        let (person, email) = (self.identity.person, self.identity.email.clone());
        let who = match self.means {
            Means::Session(_) => Who::Person(person, email),
            Means::Token(_) => Who::Token(person, email),
        };
        Actor::let_in(who, self.client.clone(), self.means, judged)
    }

    /// Whether they have `right`.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.scope(right).is_ok()
    }
}

impl Services {
    /// Finds out who presents a credential. None when it is unknown, expired or revoked; which of
    /// these is never told apart.
    pub async fn authenticate(
        &self,
        credential: &Credential,
    ) -> Result<Option<Principal>, ServiceError> {
        match credential {
            Credential::AgentKey(text) => {
                let Some(key) = Secret::parse(Purpose::AgentKey, text) else {
                    return Ok(None);
                };
                let found = self.0.agent_keys.find(self.store(), key.hash()).await?;
                let now = self.clock().now();
                // A successor that was not used in time is no key any more, swept or not.
                let good = found.filter(|key| key.unseen_until.is_none_or(|until| now < until));
                Ok(good.map(Principal::Agent))
            }
            Credential::AccessToken(text) => {
                let Some(token) = Secret::parse(Purpose::AccessToken, text) else {
                    return Ok(None);
                };
                let found = self.token_person(token.hash()).await?;
                Ok(found.map(Principal::Person))
            }
            Credential::Session(text) => {
                let Some(id) = Secret::parse(Purpose::Session, text) else {
                    return Ok(None);
                };
                let Some((person, seen_at)) = self.session_person(id.hash()).await? else {
                    return Ok(None);
                };
                self.touch_session(id.hash(), seen_at).await;
                Ok(Some(Principal::Person(person)))
            }
        }
    }

    /// Finds out who presents a credential, and notes from where, which a token shows.
    pub async fn authenticate_from(
        &self,
        credential: &Credential,
        client: Client,
    ) -> Result<Option<Principal>, ServiceError> {
        let found = self.authenticate(credential).await?;
        let principal = found.map(|principal| principal.from_client(client));
        if let Some(Principal::Person(person)) = &principal {
            self.touch_token(person).await;
        }
        Ok(principal)
    }

    /// Asks again whose a credential is, and what they may see, for streams that stay open; none when
    /// it does not count any more. That is no use of it: an open page alone does not keep a session
    /// alive.
    pub async fn ask_again(&self, means: Means) -> Result<Option<PersonPrincipal>, ServiceError> {
        let found = match means {
            Means::Session(hash) => self.session_person(hash).await?.map(|(person, _)| person),
            Means::Token(hash) => self.token_person(hash).await?,
        };
        Ok(found.filter(|person| !person.identity.lacks_factor))
    }

    /// The person of a session that counts, and when it was last used.
    async fn session_person(
        &self,
        hash: SecretHash,
    ) -> Result<Option<(PersonPrincipal, Timestamp)>, ServiceError> {
        let found = self
            .store()
            .read(move |c| credentials::session(c, &hash))
            .await?;
        let Some(session) = found else {
            return Ok(None);
        };
        let now = self.clock().now();
        let times = self.0.session_times;
        let expired = now.since(session.created_at) >= times.absolute
            || now.since(session.seen_at) >= times.idle;
        if expired {
            return Ok(None);
        }
        let right = Some(session.identity.role.right());
        let means = Means::Session(hash);
        let person = PersonPrincipal {
            identity: session.identity,
            right,
            own: Some(Right::Administer),
            means,
            token: None,
            fresh: now.since(session.proved_at) < PROOF_LIFE,
            client: Client::default(),
        };
        Ok(Some((person, session.seen_at)))
    }

    /// Notes the use, to the minute: a write for every request would cost more than it tells. When
    /// nothing can be written, people can still look.
    async fn touch_session(&self, hash: SecretHash, seen_at: Timestamp) {
        let now = self.clock().now();
        if now.since(seen_at).as_secs() < 60 {
            return;
        }
        let touched = self
            .store()
            .write(move |c| sessions::touch(c, &hash, now))
            .await;
        if let Err(error) = touched {
            tracing::warn!("cannot note that a session was used: {error}");
        }
    }

    /// Notes the use of a token, to the minute, and from where.
    async fn touch_token(&self, person: &PersonPrincipal) {
        let Some(TokenUse { id, used_at }) = person.token else {
            return;
        };
        let now = self.clock().now();
        if used_at.is_some_and(|at| now.since(at).as_secs() < 60) {
            return;
        }
        let from = person.client.shown_address();
        let touched = self
            .store()
            .write(move |c| tokens::touch(c, id, now, &from))
            .await;
        if let Err(error) = touched {
            tracing::warn!("cannot note that an access token was used: {error}");
        }
    }

    async fn token_person(
        &self,
        hash: SecretHash,
    ) -> Result<Option<PersonPrincipal>, ServiceError> {
        let found = self
            .store()
            .read(move |c| credentials::access_token(c, &hash))
            .await?;
        let now = self.clock().now();
        let Some(token) = found.filter(|token| token.expires_at > now) else {
            return Ok(None);
        };
        let right = token_right(token.identity.role, token.scope);
        Ok(Some(PersonPrincipal {
            identity: token.identity,
            right,
            own: token.scope.right(),
            means: Means::Token(hash),
            token: Some(TokenUse {
                id: token.id,
                used_at: token.used_at,
            }),
            fresh: false,
            client: Client::default(),
        }))
    }
}

impl PersonPrincipal {
    /// The person's id.
    #[must_use]
    pub fn person(&self) -> Id<Person> {
        self.identity.person
    }
}

/// A token may do what both its scope and its person's role allow.
pub(super) fn token_right(role: Role, scope: TokenScope) -> Option<Right> {
    scope.right().map(|right| right.min(role.right()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_exceeds_its_person() {
        assert_eq!(
            token_right(Role::Viewer, TokenScope::Admin),
            Some(Right::Read)
        );
        assert_eq!(
            token_right(Role::Owner, TokenScope::Read),
            Some(Right::Read)
        );
        assert_eq!(
            token_right(Role::Member, TokenScope::Write),
            Some(Right::Write)
        );
        assert_eq!(token_right(Role::Owner, TokenScope::Metrics), None);
    }
}
