//! The tenant scope: the only way to a repository of tenant data.

use crate::id::{Id, Organisation};

/// Permission to touch the data of one organisation.
///
/// Only this store makes one, and only for a credential that it has just found valid (see
/// `credentials`) or for the operator at the command line. Every repository of tenant data asks for
/// one, so a query without a tenant does not compile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scope {
    organisation: Id<Organisation>,
}

impl Scope {
    pub(super) fn of(organisation: Id<Organisation>) -> Self {
        Self { organisation }
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
}
