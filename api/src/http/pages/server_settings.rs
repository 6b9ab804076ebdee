//! What people say of a server, its groups, and its end.

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{Choice, ServerDeletionView, ServerSettingsView};
use server_scout_wire::Tag;

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::servers::{GROUP_FIELD, found, group_ids};
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::servers::{ServerChange, ServerOverview};

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
    route
        .at(
            "/servers/:id/settings",
            pages.get(session, show).post(pages.guard(session, change)),
        )
        .at("/servers/:id/groups", pages.post(session, change_groups))
        .at(
            "/servers/:id/delete",
            pages
                .get(session, ask_deletion)
                .post(pages.guard(session, delete)),
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Saved,
    GroupsSaved,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(query): Query<SettingsQuery>,
) -> poem::Result<Response> {
    let server = found(app, &visitor, &id).await?;
    visitor.person.scope(Right::Write).map_err(Failure::from)?;
    let mut view = view(app, &visitor, &server).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().server_settings(&view))?)
}

#[handler]
async fn change(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let server = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let (name, tags) = (fields.take("name"), fields.take("tags"));
    let description = fields.take("description");
    let words = tags.split([' ', ',']).filter(|word| !word.is_empty());
    let change = ServerChange {
        name: Some(name.clone()),
        description: Some(description.clone()),
        tags: Some(words.map(str::to_owned).collect()),
        paused: None,
    };
    let id = server.row.id;
    match app.services().change_server(&acting, id, change).await {
        Ok(_) => Ok(see_other(&format!("/servers/{id}/settings?done=saved"))),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = ServerSettingsView {
                typed_name: name,
                description,
                tags,
                error: Some(sentence(&error)),
                ..view(app, &visitor, &server).await?
            };
            Ok(again(app.pages().server_settings(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
async fn change_groups(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let server = found(app, &visitor, &id).await?;
    let groups = group_ids(&fields.take_ticked(GROUP_FIELD))?;
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let seen = app.services().see_groups(scope, &groups).await;
    seen.map_err(Failure::from)?;
    let acting = visitor.person.acting(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let id = server.row.id;
    let changed = app.services().set_server_groups(&acting, id, groups);
    changed.await.map_err(Failure::from)?;
    Ok(see_other(&format!(
        "/servers/{id}/settings?done=groups-saved"
    )))
}

#[handler]
async fn ask_deletion(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let server = found(app, &visitor, &id).await?;
    visitor.person.scope(Right::Write).map_err(Failure::from)?;
    let view = deletion(&visitor, &server, None);
    Ok(html(app.pages().server_deletion(&view))?)
}

#[handler]
async fn delete(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let server = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    if fields.take("name").trim() != server.row.name {
        let view = deletion(&visitor, &server, Some(OTHER_NAME.to_owned()));
        let mut response = html(app.pages().server_deletion(&view))?;
        Failure::invalid("name", "is not the name of this server").decorate(&mut response);
        return Ok(response);
    }
    let deleted = app.services().delete_server(&acting, server.row.id);
    deleted.await.map_err(Failure::from)?;
    Ok(see_other("/servers"))
}

async fn view(
    app: &App,
    visitor: &Visitor,
    server: &ServerOverview,
) -> Result<ServerSettingsView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let groups = app.services().groups(scope).await?;
    let choices = groups.iter().map(|group| Choice {
        id: group.row.id.to_string(),
        name: group.row.name.clone(),
        chosen: server.groups.iter().any(|own| own.id == group.row.id),
    });
    let words = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    Ok(ServerSettingsView {
        frame: frame(visitor),
        id: server.row.id.to_string(),
        name: server.row.name.clone(),
        typed_name: server.row.name.clone(),
        description: server.row.description.clone(),
        tags: words(&server.tags.of_people).join(" "),
        agent_tags: words(&server.tags.of_agent),
        groups: choices.collect(),
        may_group: visitor.person.may(Right::Administer),
        notice: None,
        error: None,
    })
}

fn deletion(
    visitor: &Visitor,
    server: &ServerOverview,
    error: Option<String>,
) -> ServerDeletionView {
    ServerDeletionView {
        frame: frame(visitor),
        id: server.row.id.to_string(),
        name: server.row.name.clone(),
        error,
    }
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Saved => "Saved.",
            Self::GroupsSaved => "The groups are saved.",
        }
    }
}

const OTHER_NAME: &str = "That is not the name of this server. Nothing was deleted.";
