//! Who does something: the actor as the audit log names it, and the right to do it.

use diesel::SqliteConnection;

use super::client::Client;
use super::principal::{Means, token_right};
use crate::access::Right;
use crate::id::{Id, Person};
use crate::store::{Scope, StoreError, credentials};

/// Somebody or something that does what the audit log tells.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// From where.
    pub client: Client,
    /// By what they were let in; none for who needs nothing, or has just used a link up.
    standing: Option<Standing>,
}

/// A credential that was found good before the transaction, and what for.
#[derive(Clone, Copy, Debug)]
struct Standing {
    means: Means,
    /// The right, where it is one in an organisation and not over the own account.
    judged: Option<(Scope, Right)>,
}

/// Who does something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Who {
    /// An agent that reports for a server of this name.
    Agent(String),
    /// The dashboard itself.
    Dashboard,
    /// Whoever holds the command line.
    Operator,
    /// A person with a session.
    Person(Id<Person>, String),
    /// Somebody unknown, such as who fails to log in.
    Stranger,
    /// A program with a person's access token.
    Token(Id<Person>, String),
}

/// Somebody who may change something in an organisation: the scope, and who it is.
///
/// Made where a principal's right was checked, so that what changes anything cannot be called without.
#[derive(Clone, Debug)]
pub struct Acting {
    /// Where.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
}

impl Actor {
    /// Whoever holds the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self {
            who: Who::Operator,
            client: Client::default(),
            standing: None,
        }
    }

    /// The dashboard itself.
    #[must_use]
    pub fn dashboard() -> Self {
        Self {
            who: Who::Dashboard,
            client: Client::default(),
            standing: None,
        }
    }

    /// Somebody unknown.
    #[must_use]
    pub fn stranger(client: Client) -> Self {
        Self {
            who: Who::Stranger,
            client,
            standing: None,
        }
    }

    /// A person.
    #[must_use]
    pub fn person(person: Id<Person>, email: &str, client: Client) -> Self {
        Self {
            who: Who::Person(person, email.to_owned()),
            client,
            standing: None,
        }
    }

    /// The agent of the server of this name.
    #[must_use]
    pub fn agent(server: &str, client: Client) -> Self {
        Self {
            who: Who::Agent(server.to_owned()),
            client,
            standing: None,
        }
    }

    /// A person or their program, let in by `means`; `judged` for a change in an organisation.
    pub(super) fn let_in(
        who: Who,
        client: Client,
        means: Means,
        judged: Option<(Scope, Right)>,
    ) -> Self {
        Self {
            who,
            client,
            standing: Some(Standing { means, judged }),
        }
    }

    /// Asks again, within the transaction of a change, for what was judged before it. Whoever lost it
    /// while the change waited to be written must not change anything any more.
    pub(super) fn ask_again(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        match &self.standing {
            Some(standing) if !standing.counts(connection)? => Err(StoreError::RightLost),
            _ => Ok(()),
        }
    }
}

impl Standing {
    fn counts(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let found = match self.means {
            Means::Session(hash) => credentials::session(connection, &hash)?.map(|session| {
                let highest = session.identity.role.right();
                (session.identity, Some(highest))
            }),
            Means::Token(hash) => credentials::access_token(connection, &hash)?.map(|token| {
                let highest = token_right(token.identity.role, token.scope);
                (token.identity, highest)
            }),
        };
        Ok(match (found, self.judged) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some((identity, highest)), Some((scope, right))) => {
                identity.scope == scope && highest >= Some(right) && !identity.lacks_factor
            }
        })
    }
}

impl Acting {
    /// Whoever holds the command line, in an organisation.
    #[must_use]
    pub fn operator(scope: Scope) -> Self {
        Self {
            scope,
            by: Actor::operator(),
        }
    }

    /// The dashboard itself, in an organisation.
    #[must_use]
    pub fn dashboard(scope: Scope) -> Self {
        Self {
            scope,
            by: Actor::dashboard(),
        }
    }
}

impl Who {
    /// The kind's word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Dashboard => "dashboard",
            Self::Operator => "operator",
            Self::Person(..) => "person",
            Self::Stranger => "stranger",
            Self::Token(..) => "token",
        }
    }

    /// The name; empty where the kind says all.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Agent(name) | Self::Person(_, name) | Self::Token(_, name) => name,
            Self::Dashboard | Self::Operator | Self::Stranger => "",
        }
    }

    /// The person behind it.
    #[must_use]
    pub fn person(&self) -> Option<Id<Person>> {
        match self {
            Self::Person(person, _) | Self::Token(person, _) => Some(*person),
            Self::Agent(_) | Self::Dashboard | Self::Operator | Self::Stranger => None,
        }
    }
}
