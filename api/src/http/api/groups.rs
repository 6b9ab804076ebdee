//! Groups of servers, and which of them a member sees.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::schema::{GroupName, Time};
use super::servers::{Gone, group_id, group_ids, server_id};
use crate::access::Right;
use crate::domain::groups::GroupOverview;
use crate::id::{self, Id};
use crate::store::Scope;
use crate::store::groups::GroupRow;
use crate::store::member_groups::MemberLimits;

pub(super) struct GroupsApi(pub(super) App);

/// A group to make, or its other name.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct NewGroup {
    /// Its name: 1 to 64 characters, unique in the organisation.
    #[oai(validator(max_length = 256))]
    name: String,
}

/// What to change of a group.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct GroupChange {
    /// Another name.
    #[oai(validator(max_length = 256))]
    name: String,
}

/// A group of servers.
#[derive(Clone, Debug, Object)]
pub(super) struct Group {
    /// Its opaque id.
    id: String,
    /// Its name.
    name: String,
    /// When it was made.
    created_at: Time,
}

/// A group with what is in it.
#[derive(Clone, Debug, Object)]
pub(super) struct CountedGroup {
    /// The group.
    group: Group,
    /// How many servers are in it.
    servers: u64,
}

/// The groups, by name.
#[derive(Clone, Debug, Object)]
pub(super) struct GroupList {
    /// All groups; there are at most 200.
    items: Vec<CountedGroup>,
}

/// Which servers a member is to see.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct MemberGroupsChange {
    /// Whether the member sees the servers of these groups alone, and not all.
    limited: bool,
    /// The ids of the groups; none without `limited`.
    #[oai(validator(max_items = 200))]
    groups: Vec<String>,
}

/// Which servers a member sees.
#[derive(Clone, Debug, Object)]
pub(super) struct MemberGroups {
    /// Whether the member sees the servers of these groups alone. Owners and admins see all, whatever
    /// stands here.
    limited: bool,
    /// The groups.
    groups: Vec<GroupName>,
}

#[derive(ApiResponse)]
enum AddedGroupResponse {
    /// The group was made.
    #[oai(status = 201)]
    Added(Json<Group>),
}

#[OpenApi]
impl GroupsApi {
    /// List groups
    ///
    /// By name. A member who is limited to some groups sees those.
    #[oai(path = "/groups", method = "get", operation_id = "list_groups")]
    async fn list_groups(&self, person: PersonAuth) -> Result<Json<GroupList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let groups = self.0.services().groups(scope).await?;
        Ok(Json(GroupList {
            items: groups.iter().map(CountedGroup::from).collect(),
        }))
    }

    /// Make a group
    ///
    /// Groups say what limited members see, so it takes an admin.
    #[oai(path = "/groups", method = "post", operation_id = "add_group")]
    async fn add_group(
        &self,
        person: PersonAuth,
        new: Json<NewGroup>,
    ) -> Result<AddedGroupResponse, Failure> {
        let acting = person.0.acting(Right::Administer)?;
        let group = self.0.services().add_group(&acting, &new.0.name).await?;
        Ok(AddedGroupResponse::Added(Json((&group).into())))
    }

    /// Rename a group
    #[oai(path = "/groups/:id", method = "patch", operation_id = "change_group")]
    async fn change_group(
        &self,
        person: PersonAuth,
        /// The group's id.
        id: Path<String>,
        change: Json<GroupChange>,
    ) -> Result<Json<Group>, Failure> {
        let (id, _) = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Administer)?;
        let services = self.0.services();
        let group = services.rename_group(&acting, id, &change.0.name).await?;
        Ok(Json((&group).into()))
    }

    /// Delete a group
    ///
    /// Its servers stay. Members who were limited to it see them no more.
    #[oai(path = "/groups/:id", method = "delete", operation_id = "delete_group")]
    async fn delete_group(
        &self,
        person: PersonAuth,
        /// The group's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let (id, _) = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Administer)?;
        self.0.services().delete_group(&acting, id).await?;
        Ok(Gone::Gone)
    }

    /// Put a server into a group
    #[oai(
        path = "/groups/:id/servers/:server_id",
        method = "put",
        operation_id = "put_server_into_group"
    )]
    async fn put_server_into_group(
        &self,
        person: PersonAuth,
        /// The group's id.
        id: Path<String>,
        /// The server's id.
        server_id: Path<String>,
    ) -> Result<Gone, Failure> {
        self.set_in_group(&person, &id.0, &server_id.0, true).await
    }

    /// Take a server out of a group
    #[oai(
        path = "/groups/:id/servers/:server_id",
        method = "delete",
        operation_id = "take_server_out_of_group"
    )]
    async fn take_server_out_of_group(
        &self,
        person: PersonAuth,
        /// The group's id.
        id: Path<String>,
        /// The server's id.
        server_id: Path<String>,
    ) -> Result<Gone, Failure> {
        self.set_in_group(&person, &id.0, &server_id.0, false).await
    }

    /// Ask which servers a member sees
    #[oai(
        path = "/people/:id/groups",
        method = "get",
        operation_id = "get_member_groups"
    )]
    async fn get_member_groups(
        &self,
        person: PersonAuth,
        /// The person's id.
        id: Path<String>,
    ) -> Result<Json<MemberGroups>, Failure> {
        let (scope, _, limits) = self.member(&person, &id.0).await?;
        person.0.scope(Right::Administer)?;
        self.shown(scope, limits).await
    }

    /// Say which servers a member sees
    ///
    /// It counts from the next request on, on open live streams, too. Owners and admins see all.
    #[oai(
        path = "/people/:id/groups",
        method = "put",
        operation_id = "set_member_groups"
    )]
    async fn set_member_groups(
        &self,
        person: PersonAuth,
        /// The person's id.
        id: Path<String>,
        change: Json<MemberGroupsChange>,
    ) -> Result<Json<MemberGroups>, Failure> {
        let (scope, id, _) = self.member(&person, &id.0).await?;
        let MemberGroupsChange { limited, groups } = change.0;
        let groups = group_ids(&groups)?;
        let services = self.0.services();
        services.see_groups(scope, &groups).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        if !limited && !groups.is_empty() {
            let reason = "must be empty for a member who is not limited";
            return Err(Failure::invalid("groups", reason));
        }
        let groups = limited.then_some(groups);
        let limits = services.set_member_groups(&acting, id, groups).await?;
        self.shown(scope, limits).await
    }
}

impl GroupsApi {
    /// The object first, then the right.
    async fn visible(
        &self,
        person: &PersonAuth,
        id: &str,
    ) -> Result<(Id<id::Group>, GroupRow), Failure> {
        let id = group_id(id)?;
        let scope = person.0.scope(Right::Read)?;
        Ok((id, self.0.services().group(scope, id).await?))
    }

    async fn set_in_group(
        &self,
        person: &PersonAuth,
        group: &str,
        server: &str,
        inside: bool,
    ) -> Result<Gone, Failure> {
        let (group, _) = self.visible(person, group).await?;
        let server = server_id(server)?;
        let services = self.0.services();
        services
            .server(person.0.scope(Right::Read)?, server)
            .await?;
        let acting = person.0.acting(Right::Administer)?;
        services
            .set_in_group(&acting, group, server, inside)
            .await?;
        Ok(Gone::Gone)
    }

    async fn member(
        &self,
        person: &PersonAuth,
        id: &str,
    ) -> Result<(Scope, Id<id::Person>, MemberLimits), Failure> {
        let id = id.parse().map_err(|_| Failure::not_found())?;
        let scope = person.0.scope(Right::Read)?;
        let limits = self.0.services().member_groups(scope, id).await?;
        Ok((scope, id, limits))
    }

    async fn shown(
        &self,
        scope: Scope,
        limits: MemberLimits,
    ) -> Result<Json<MemberGroups>, Failure> {
        let all = self.0.services().groups(scope).await?;
        let theirs = all
            .iter()
            .filter(|group| limits.groups.contains(&group.row.id));
        Ok(Json(MemberGroups {
            limited: limits.limited,
            groups: theirs.map(|group| GroupName::from(&group.row)).collect(),
        }))
    }
}

impl From<&GroupRow> for Group {
    fn from(group: &GroupRow) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name.clone(),
            created_at: Time(group.created_at()),
        }
    }
}

impl From<&GroupOverview> for CountedGroup {
    fn from(group: &GroupOverview) -> Self {
        Self {
            group: (&group.row).into(),
            servers: group.servers as u64,
        }
    }
}
