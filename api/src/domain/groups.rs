//! Groups of servers: by which they are found, and which say what a limited member sees.

use super::acting::Acting;
use super::audit::{Action, Object};
use super::names::Name;
use super::{ServiceError, Services};
use crate::access::Role;
use crate::id::{Group, Id, Person, Server};
use crate::store::groups::{self, GroupRow};
use crate::store::member_groups::{self, MemberLimits};
use crate::store::{Scope, StoreError, people, servers};

/// A group as people see it.
#[derive(Clone, Debug)]
pub struct GroupOverview {
    /// What is stored.
    pub row: GroupRow,
    /// How many servers are in it.
    pub servers: usize,
}

impl Services {
    /// The groups that the scope shows, by name.
    pub async fn groups(&self, scope: Scope) -> Result<Vec<GroupOverview>, ServiceError> {
        let (rows, sizes) = self
            .store()
            .read(move |c| Ok((groups::list(c, scope)?, groups::sizes(c, scope)?)))
            .await?;
        let overview = |row: GroupRow| {
            let servers = sizes.get(&row.id).copied().unwrap_or_default();
            GroupOverview {
                row,
                servers: usize::try_from(servers).unwrap_or_default(),
            }
        };
        Ok(rows.into_iter().map(overview).collect())
    }

    /// Whether these groups are all there to be seen; not found when one is not.
    pub async fn see_groups(&self, scope: Scope, ids: &[Id<Group>]) -> Result<(), ServiceError> {
        let all = self.store().read(move |c| groups::list(c, scope)).await?;
        let there = |id: &Id<Group>| all.iter().any(|row| row.id == *id);
        if ids.iter().all(there) {
            Ok(())
        } else {
            Err(ServiceError::NotFound)
        }
    }

    /// One group.
    pub async fn group(&self, scope: Scope, id: Id<Group>) -> Result<GroupRow, ServiceError> {
        Ok(self
            .store()
            .read(move |c| groups::get(c, scope, id))
            .await?)
    }

    /// Makes a group.
    pub async fn add_group(&self, acting: &Acting, name: &str) -> Result<GroupRow, ServiceError> {
        let name = Name::parse("name", name)?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                if groups::list(c, scope)?.len() >= MAX_GROUPS {
                    return Ok(None);
                }
                let row = groups::create(c, scope, name.as_str(), now)?;
                let group = Object::group(row.id, &row.name);
                audit.record(c, now, &acting, Action::GroupAdded, &group, "")?;
                Ok(Some(row))
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?
            .ok_or_else(|| {
                let reason =
                    format!("is one too many: an organisation may have {MAX_GROUPS} groups");
                ServiceError::invalid("name", reason)
            })
    }

    /// Gives a group another name.
    pub async fn rename_group(
        &self,
        acting: &Acting,
        id: Id<Group>,
        name: &str,
    ) -> Result<GroupRow, ServiceError> {
        let name = Name::parse("name", name)?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let before = groups::get(c, scope, id)?;
                if before.name != name.as_str() {
                    groups::rename(c, scope, id, name.as_str())?;
                    let group = Object::group(id, &before.name);
                    audit.record(c, now, &acting, Action::GroupRenamed, &group, name.as_str())?;
                }
                groups::get(c, scope, id)
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))
    }

    /// Deletes a group. Its servers stay; members who were limited to it see them no more.
    pub async fn delete_group(&self, acting: &Acting, id: Id<Group>) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let group = Object::group(id, &groups::get(c, scope, id)?.name);
                groups::delete(c, scope, id)?;
                audit.record(c, now, &acting, Action::GroupDeleted, &group, "")
            })
            .await?;
        self.refresh_alerts(scope).await
    }

    /// Puts a server into a group or takes it out. What is so already stays so.
    pub async fn set_in_group(
        &self,
        acting: &Acting,
        group: Id<Group>,
        server: Id<Server>,
        inside: bool,
    ) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let name = servers::get(c, scope, server)?.name;
                let object = Object::group(group, &groups::get(c, scope, group)?.name);
                let (action, changed) = if inside {
                    let put = groups::add_server(c, scope, group, server)?;
                    (Action::GroupServerAdded, put)
                } else {
                    let taken = groups::remove_server(c, scope, group, server)?;
                    (Action::GroupServerRemoved, taken)
                };
                if changed {
                    audit.record(c, now, &acting, action, &object, &name)?;
                }
                Ok(())
            })
            .await?;
        self.refresh_alerts(scope).await
    }

    /// Puts a server into these groups and takes it out of all others.
    pub async fn set_server_groups(
        &self,
        acting: &Acting,
        server: Id<Server>,
        wanted: Vec<Id<Group>>,
    ) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let name = servers::get(c, scope, server)?.name;
                for id in &wanted {
                    groups::get(c, scope, *id)?;
                }
                for group in groups::list(c, scope)? {
                    let (action, changed) = if wanted.contains(&group.id) {
                        let put = groups::add_server(c, scope, group.id, server)?;
                        (Action::GroupServerAdded, put)
                    } else {
                        let taken = groups::remove_server(c, scope, group.id, server)?;
                        (Action::GroupServerRemoved, taken)
                    };
                    if changed {
                        let object = Object::group(group.id, &group.name);
                        audit.record(c, now, &acting, action, &object, &name)?;
                    }
                }
                Ok(())
            })
            .await?;
        self.refresh_alerts(scope).await
    }

    /// What a member sees: all servers, or those of some groups.
    pub async fn member_groups(
        &self,
        scope: Scope,
        person: Id<Person>,
    ) -> Result<MemberLimits, ServiceError> {
        let found = self
            .store()
            .read(move |c| member_groups::get(c, scope, person));
        Ok(found.await?)
    }

    /// Limits a member to the servers of some groups; with none, lets the member see all. Owners and
    /// admins see all, always.
    pub async fn set_member_groups(
        &self,
        acting: &Acting,
        person: Id<Person>,
        limits: Option<Vec<Id<Group>>>,
    ) -> Result<MemberLimits, ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                if member_groups::get(c, scope, person)?.role >= Role::Admin && limits.is_some() {
                    return Ok(None);
                }
                let detail = match &limits {
                    None => {
                        member_groups::unlimit(c, scope, person)?;
                        "all servers".to_owned()
                    }
                    Some(groups) => {
                        member_groups::limit(c, scope, person, groups)?;
                        names(c, scope, groups)?
                    }
                };
                let member = Object::person(person, &people::email(c, person)?);
                let action = Action::PersonGroupsChanged;
                audit.record(c, now, &acting, action, &member, &detail)?;
                Ok(Some(member_groups::get(c, scope, person)?))
            })
            .await?
            .ok_or_else(|| {
                let reason = "cannot be limited for an owner or admin, who see every server";
                ServiceError::invalid("groups", reason)
            })
    }

    /// The groups that a new server goes into: the chosen ones, and for a limited member at least
    /// one; the only one when there is no choice.
    pub(super) async fn groups_of_new(
        &self,
        scope: Scope,
        chosen: Vec<Id<Group>>,
    ) -> Result<Vec<Id<Group>>, ServiceError> {
        if chosen.len() > MAX_GROUPS {
            let reason = format!("must be at most {MAX_GROUPS}");
            return Err(ServiceError::invalid("groups", reason));
        }
        if !chosen.is_empty() || !scope.is_limited() {
            return Ok(chosen);
        }
        let own = self.store().read(move |c| groups::list(c, scope)).await?;
        match own.as_slice() {
            [only] => Ok(vec![only.id]),
            [] => Err(ServiceError::invalid(
                "groups",
                "must name one of yours, and you have none; ask an admin for one",
            )),
            _ => Err(ServiceError::invalid(
                "groups",
                "must name one of yours, or you would not see the server",
            )),
        }
    }
}

fn names(
    connection: &mut diesel::SqliteConnection,
    scope: Scope,
    ids: &[Id<Group>],
) -> Result<String, StoreError> {
    let mut names = Vec::with_capacity(ids.len());
    for id in ids {
        names.push(groups::get(connection, scope, *id)?.name);
    }
    Ok(if names.is_empty() {
        "no server".to_owned()
    } else {
        names.join(", ")
    })
}

/// Groups of an organisation.
pub const MAX_GROUPS: usize = 200;
const NAME_TAKEN: &str = "is the name of another group already";
