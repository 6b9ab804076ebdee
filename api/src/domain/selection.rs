//! Which servers a question or an export is about.

use std::sync::Arc;

use super::server_query::ServerQuery;
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::servers::ServerRow;
use crate::store::{Scope, groups, servers};

/// Some servers of an organisation.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All that the query lets through; its page does not matter.
    Fitting(ServerQuery),
    /// These, each of which must be there.
    These(Vec<Id<Server>>),
}

/// A server that was selected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selected {
    /// Its id.
    pub id: Id<Server>,
    /// Its name.
    pub name: String,
}

impl Selection {
    /// The most servers that can be named.
    pub const MAX_NAMED: usize = 200;

    /// What it says, for the audit log; empty for all servers.
    #[must_use]
    pub fn words(&self) -> String {
        let query = match self {
            Self::These(ids) => return format!("{} servers", ids.len()),
            Self::Fitting(query) => query,
        };
        let words = [
            query.group.map(|group| format!("group {group}")),
            query.tag.as_ref().map(|tag| format!("tag {tag}")),
            query
                .status
                .map(|status| format!("status {}", status.as_str())),
            query
                .protection
                .map(|protection| format!("protection {}", protection.as_str())),
            query.search.as_ref().map(|part| format!("search {part}")),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        words.join(", ")
    }
}

impl Services {
    /// The servers of a selection, by name, at most `most`: more are refused.
    pub(super) async fn selected(
        &self,
        scope: Scope,
        selection: Selection,
        most: usize,
    ) -> Result<Vec<Selected>, ServiceError> {
        let mut rows = match selection {
            Selection::These(ids) => self.named(scope, ids).await?,
            Selection::Fitting(query) => self.fitting(scope, query, most).await?,
        };
        if rows.len() > most {
            let reason = format!(
                "must select at most {most} servers: narrow them down by group, tag or search"
            );
            return Err(ServiceError::invalid("servers", reason));
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        let selected = rows.into_iter().map(|row| Selected {
            id: row.id,
            name: row.name,
        });
        Ok(selected.collect())
    }

    async fn named(
        &self,
        scope: Scope,
        mut ids: Vec<Id<Server>>,
    ) -> Result<Vec<ServerRow>, ServiceError> {
        ids.sort_unstable_by_key(|id| id.as_i64());
        ids.dedup();
        if ids.len() > Selection::MAX_NAMED {
            let reason = format!("must name at most {} servers", Selection::MAX_NAMED);
            return Err(ServiceError::invalid("servers", reason));
        }
        let found = self.store().read(move |c| {
            let each = ids.into_iter().map(|id| servers::get(c, scope, id));
            each.collect()
        });
        Ok(found.await?)
    }

    async fn fitting(
        &self,
        scope: Scope,
        query: ServerQuery,
        most: usize,
    ) -> Result<Vec<ServerRow>, ServiceError> {
        let filter = query.filter()?;
        let (live, now) = (Arc::clone(self.live()), self.clock().now());
        let found = self.store().read(move |c| {
            if let Some(group) = filter.group {
                groups::get(c, scope, group)?;
            }
            let wanted = |row: &ServerRow| query.keeps(row, &live, now);
            servers::list(c, scope, &filter, "", most + 1, wanted)
        });
        Ok(found.await?)
    }
}
