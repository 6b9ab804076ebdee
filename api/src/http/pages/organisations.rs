//! The organisation's own settings, and a person's organisations.

use poem::http::header;
use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{
    OrganisationRow, OrganisationView, OrganisationsView, Section, Settings,
};

use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, credentials};
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::id::{Id, Organisation};
use crate::secret::Secret;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let (session, fresh) = (Access::Session, Access::Fresh);
    route
        .at(
            "/settings/organisation",
            pages
                .get(session, settings)
                .post(pages.guard(fresh, rename)),
        )
        .at(
            "/account/organisations",
            pages.get(session, list).post(pages.guard(fresh, add)),
        )
        .at("/account/organisations/leave", pages.post(fresh, leave))
        .at("/organisations/switch", pages.post(session, switch))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneQuery {
    done: Option<Done>,
}

/// What was just done.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Left,
    Renamed,
}

#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "extractors are handed over whole"
)]
fn settings(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<DoneQuery>,
) -> poem::Result<Response> {
    let name = visitor.person.identity.organisation.clone();
    let mut view = settings_view(&visitor, name);
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().organisation(&view))?)
}

#[handler]
async fn rename(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let name = fields.take("name");
    match app
        .services()
        .rename_organisation(&visitor.person, &name)
        .await
    {
        Ok(()) => Ok(see_other("/settings/organisation?done=renamed")),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let mut view = settings_view(&visitor, name);
            view.error = Some(sentence(&error));
            Ok(again(app.pages().organisation(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<DoneQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().organisations(&view))?)
}

/// Makes an organisation and goes there.
#[handler]
async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let name = fields.take("name");
    let services = app.services();
    match services.create_organisation(&visitor.person, &name).await {
        Ok(made) => go_to(app, &visitor, made).await,
        Err(error) => refused(app, &visitor, error, name).await,
    }
}

#[handler]
async fn switch(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let organisation = organisation_id(&fields.take("organisation"))?;
    go_to(app, &visitor, organisation).await
}

#[handler]
async fn leave(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let organisation = organisation_id(&fields.take("organisation"))?;
    let here = visitor.person.identity.scope.organisation();
    let services = app.services();
    match services
        .leave_organisation(&visitor.person, organisation)
        .await
    {
        Ok(()) if organisation == here => Ok(see_other("/login")),
        Ok(()) => Ok(see_other("/account/organisations?done=left")),
        Err(error) => refused(app, &visitor, error, String::new()).await,
    }
}

async fn go_to(app: &App, visitor: &Visitor, to: Id<Organisation>) -> poem::Result<Response> {
    let services = app.services();
    let session = services.switch_organisation(&visitor.person, to).await;
    Ok(renewed("/servers", &session.map_err(Failure::from)?))
}

/// To a page, with the session's new id.
pub(super) fn renewed(path: &str, session: &Secret) -> Response {
    let mut response = see_other(path);
    let cookie = credentials::session_cookie(session);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

async fn refused(
    app: &App,
    visitor: &Visitor,
    error: ServiceError,
    name: String,
) -> poem::Result<Response> {
    if !matches!(
        error,
        ServiceError::Conflict { .. } | ServiceError::Invalid { .. } | ServiceError::LastOwner
    ) {
        return Err(Failure::from(error).into());
    }
    let mut view = view(app, visitor).await?;
    view.name = name;
    view.error = Some(sentence(&error));
    Ok(again(app.pages().organisations(&view), error)?)
}

fn settings_view(visitor: &Visitor, name: String) -> OrganisationView {
    OrganisationView {
        frame: frame(visitor),
        settings: Settings::at(Section::Organisation, visitor.person.may(Right::Administer)),
        name,
        may_change: visitor.person.may(Right::Administer),
        notice: None,
        error: None,
    }
}

async fn view(app: &App, visitor: &Visitor) -> Result<OrganisationsView, Failure> {
    let services = app.services();
    let here = visitor.person.identity.scope.organisation();
    let all = services.memberships(&visitor.person).await?;
    let rows = all.iter().map(|membership| {
        let current = membership.organisation == here;
        OrganisationRow {
            id: membership.organisation.to_string(),
            name: membership.name.clone(),
            role: membership.role.to_string(),
            current,
            open: !current && !membership.suspended,
            suspended: membership.suspended,
        }
    });
    Ok(OrganisationsView {
        frame: frame(visitor),
        organisations: rows.collect(),
        may_add: services.may_create_organisation(&visitor.person).await?,
        name: String::new(),
        notice: None,
        error: None,
    })
}

fn organisation_id(text: &str) -> Result<Id<Organisation>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Left => "You have left it.",
            Self::Renamed => "Renamed.",
        }
    }
}
