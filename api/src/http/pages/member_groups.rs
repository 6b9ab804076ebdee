//! Which servers a member sees.

use poem::web::{Data, Path};
use poem::{Response, handler};
use server_scout_ui::views::{Choice, MemberGroupsView, Section, Settings};

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::servers::{GROUP_FIELD, group_ids};
use super::{Declared, Routes, frame, html};
use crate::access::Right;
use crate::id::{Id, Person};
use crate::store::member_groups::MemberLimits;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let fresh = Access::Fresh;
    route.at(
        "/settings/people/:id/groups",
        pages.get(fresh, show).post(pages.guard(fresh, change)),
    )
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let (id, limits) = found(app, &visitor, &id).await?;
    let scope = visitor.person.scope(Right::Administer);
    let scope = scope.map_err(Failure::from)?;
    let groups = app.services().groups(scope).await.map_err(Failure::from)?;
    let choices = groups.into_iter().map(|group| Choice {
        id: group.row.id.to_string(),
        chosen: limits.groups.contains(&group.row.id),
        name: group.row.name,
    });
    let view = MemberGroupsView {
        frame: frame(&visitor),
        settings: Settings::at(Section::People, true),
        id: id.to_string(),
        email: limits.email,
        limited: limits.limited,
        groups: choices.collect(),
    };
    Ok(html(app.pages().member_groups(&view))?)
}

#[handler]
async fn change(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let (id, _) = found(app, &visitor, &id).await?;
    let groups = group_ids(&fields.take_ticked(GROUP_FIELD))?;
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let seen = app.services().see_groups(scope, &groups).await;
    seen.map_err(Failure::from)?;
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let limits = match fields.take("limited").as_str() {
        "yes" => Some(groups),
        "no" => None,
        _ => return Err(Failure::invalid("limited", "must be yes or no").into()),
    };
    let set = app.services().set_member_groups(&acting, id, limits);
    set.await.map_err(Failure::from)?;
    Ok(see_other("/settings/people?done=changed"))
}

/// The object first, then the right.
async fn found(
    app: &App,
    visitor: &Visitor,
    id: &str,
) -> Result<(Id<Person>, MemberLimits), Failure> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok((id, app.services().member_groups(scope, id).await?))
}
