//! The tenant scope: the only way to a repository of tenant data.

use diesel::dsl::{AsExprOf, auto_type, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::shown_server;
use crate::id::{Id, Organisation, Person, Server};

/// Permission to touch the data of one organisation, or what one of its members sees of it.
///
/// Only this store makes one, and only for a credential that it has just found valid (see
/// `credentials`) or for the operator at the command line. Every repository of tenant data asks for
/// one, so a query without a tenant does not compile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scope {
    organisation: Id<Organisation>,
    /// The member whose groups say which servers there are; none where all are.
    only: Option<Id<Person>>,
}

impl Scope {
    pub(super) fn of(organisation: Id<Organisation>) -> Self {
        Self {
            organisation,
            only: None,
        }
    }

    /// What a member sees who is limited to the servers of some groups.
    pub(super) fn limited(organisation: Id<Organisation>, member: Id<Person>) -> Self {
        Self {
            organisation,
            only: Some(member),
        }
    }

    /// A scope of a made-up organisation.
    #[cfg(test)]
    pub(crate) fn for_test(number: u8) -> Self {
        Self::of(
            format!("{number:016x}")
                .parse()
                .unwrap_or_else(|_| Id::random()),
        )
    }

    /// The organisation whose data may be touched.
    #[must_use]
    pub fn organisation(self) -> Id<Organisation> {
        self.organisation
    }

    /// Whether only the servers of some groups are there.
    #[must_use]
    pub fn is_limited(self) -> bool {
        self.only.is_some()
    }

    /// True in a query where every server of the organisation is there.
    pub(super) fn unlimited(self) -> AsExprOf<bool, Bool> {
        self.only.is_none().into_sql::<Bool>()
    }

    /// The member to ask for where not every server is; nobody has the other id.
    pub(super) fn member(self) -> Id<Person> {
        self.only.unwrap_or(Id::NOBODY)
    }
}

/// Whether the scope shows the server, for queries of what belongs to one. The organisation is theirs
/// to compare.
#[auto_type]
pub(super) fn shows(scope: Scope, server: Id<Server>) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let member: Id<Person> = scope.member();
    let unlimited: AsExprOf<bool, Bool> = scope.unlimited();
    let shown = shown_server::table
        .filter(shown_server::organisation_id.eq(organisation))
        .filter(shown_server::person_id.eq(member))
        .filter(shown_server::server_id.eq(server));
    unlimited.or(exists(shown))
}
