//! Which servers are asked for.

use server_scout_wire::label::is_visible;
use server_scout_wire::{Protection, Tag, Timestamp};

use super::ServiceError;
use super::live::Live;
use super::status::Status;
use crate::id::{Group, Id};
use crate::store::servers::{ServerFilter, ServerRow};

/// Which servers are asked for; what is none is not asked.
#[derive(Clone, Debug, Default)]
pub struct ServerQuery {
    /// In this group.
    pub group: Option<Id<Group>>,
    /// With this tag, whoever set it.
    pub tag: Option<String>,
    /// In this condition now.
    pub status: Option<Status>,
    /// Whose agent says this of its sandbox.
    pub protection: Option<Protection>,
    /// With this in the name, in capitals or not.
    pub search: Option<String>,
    /// Whose names come after this.
    pub after: Option<String>,
    /// At most so many, 1 to 200; 100 unless said otherwise.
    pub limit: Option<usize>,
}

impl ServerQuery {
    /// What the store can answer of it.
    pub(super) fn filter(&self) -> Result<ServerFilter, ServiceError> {
        let tag = self.tag.as_deref().map(Tag::new).transpose();
        let tag = tag.map_err(|why| ServiceError::invalid("tag", why.to_string()))?;
        let search = self.search.as_deref().map(str::trim);
        let readable =
            |text: &str| text.chars().count() <= MAX_SEARCH && text.chars().all(is_visible);
        if !search.is_none_or(readable) {
            let reason = format!("must have at most {MAX_SEARCH} visible characters");
            return Err(ServiceError::invalid("search", reason));
        }
        Ok(ServerFilter {
            group: self.group,
            tag,
            search: search.filter(|part| !part.is_empty()).map(str::to_owned),
        })
    }

    /// Whether what the store cannot answer of it lets a server through.
    pub(super) fn keeps(&self, server: &ServerRow, live: &Live, now: Timestamp) -> bool {
        let in_status = |status| live.status(server, now) == status;
        let says = |protection| server.protection() == protection;
        self.status.is_none_or(in_status) && self.protection.is_none_or(says)
    }
}

/// Of a name, which has no more.
const MAX_SEARCH: usize = 64;
