//! Groups of servers.

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{GroupRow, GroupView, GroupsView, Section, Settings};

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::store::groups;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
    route
        .at(
            "/settings/groups",
            pages.get(session, list).post(pages.guard(session, add)),
        )
        .at(
            "/settings/groups/:id",
            pages.get(session, show).post(pages.guard(session, rename)),
        )
        .at("/settings/groups/:id/delete", pages.post(session, delete))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupsQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Added,
    Renamed,
    Deleted,
}

#[handler]
async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<GroupsQuery>,
) -> poem::Result<Response> {
    let mut view = list_view(app, &visitor).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().groups(&view))?)
}

#[handler]
async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let acting = visitor.person.acting(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let name = fields.take("name");
    match app.services().add_group(&acting, &name).await {
        Ok(_) => Ok(see_other("/settings/groups?done=added")),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = GroupsView {
                typed_name: name,
                error: Some(sentence(&error)),
                ..list_view(app, &visitor).await?
            };
            Ok(again(app.pages().groups(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let group = found(app, &visitor, &id).await?;
    let change = visitor.person.scope(Right::Administer);
    change.map_err(Failure::from)?;
    Ok(html(app.pages().group(&group_view(&visitor, &group)))?)
}

#[handler]
async fn rename(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let group = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let name = fields.take("name");
    match app.services().rename_group(&acting, group.id, &name).await {
        Ok(_) => Ok(see_other("/settings/groups?done=renamed")),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = GroupView {
                typed_name: name,
                error: Some(sentence(&error)),
                ..group_view(&visitor, &group)
            };
            Ok(again(app.pages().group(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
async fn delete(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let group = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let deleted = app.services().delete_group(&acting, group.id);
    deleted.await.map_err(Failure::from)?;
    Ok(see_other("/settings/groups?done=deleted"))
}

async fn found(app: &App, visitor: &Visitor, id: &str) -> Result<groups::GroupRow, Failure> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().group(scope, id).await?)
}

async fn list_view(app: &App, visitor: &Visitor) -> Result<GroupsView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let groups = app.services().groups(scope).await?;
    let rows = groups.into_iter().map(|group| GroupRow {
        id: group.row.id.to_string(),
        name: group.row.name,
        servers: group.servers,
    });
    Ok(GroupsView {
        frame: frame(visitor),
        settings: Settings::at(Section::Groups, visitor.person.may(Right::Administer)),
        groups: rows.collect(),
        may_change: visitor.person.may(Right::Administer),
        typed_name: String::new(),
        notice: None,
        error: None,
    })
}

fn group_view(visitor: &Visitor, group: &groups::GroupRow) -> GroupView {
    GroupView {
        frame: frame(visitor),
        settings: Settings::at(Section::Groups, visitor.person.may(Right::Administer)),
        id: group.id.to_string(),
        name: group.name.clone(),
        typed_name: group.name.clone(),
        error: None,
    }
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Added => "The group is made. Put servers into it on their settings pages.",
            Self::Renamed => "The group has another name.",
            Self::Deleted => "The group is deleted. Its servers are still there.",
        }
    }
}
