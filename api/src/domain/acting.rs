//! Who does something: the actor as the audit log names it, and the right to do it.

use super::client::Client;
use crate::id::{Id, Person};
use crate::store::Scope;

/// Somebody or something that does what the audit log tells.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// From where.
    pub client: Client,
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
        }
    }

    /// The dashboard itself.
    #[must_use]
    pub fn dashboard() -> Self {
        Self {
            who: Who::Dashboard,
            client: Client::default(),
        }
    }

    /// Somebody unknown.
    #[must_use]
    pub fn stranger(client: Client) -> Self {
        Self {
            who: Who::Stranger,
            client,
        }
    }

    /// A person.
    #[must_use]
    pub fn person(person: Id<Person>, email: &str, client: Client) -> Self {
        Self {
            who: Who::Person(person, email.to_owned()),
            client,
        }
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
