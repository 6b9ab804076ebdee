//! The people of an organisation, and who is invited.

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{InvitationRow, PeopleView, PersonRow, RoleOption, Section, Settings};
use server_scout_wire::Timestamp;

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::{Right, Role};
use crate::domain::ServiceError;
use crate::domain::people::MemberChange;
use crate::id::{Id, Person};
use crate::store::members::MemberRow;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let fresh = Access::Fresh;
    route
        .at("/settings/people", pages.get(Access::Session, show))
        .at("/settings/people/role", pages.post(fresh, change_role))
        .at(
            "/settings/people/standing",
            pages.post(fresh, change_standing),
        )
        .at("/settings/people/invite", pages.post(fresh, invite))
        .at(
            "/settings/people/invitations/end",
            pages.post(fresh, end_invitation),
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleQuery {
    after: Option<String>,
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Changed,
    Removed,
    Invited,
    InvitationEnded,
}

/// What is shown beside the people.
#[derive(Default)]
struct Shown {
    after: Option<String>,
    link: Option<String>,
    link_for: String,
    email: String,
    notice: Option<String>,
    error: Option<String>,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<PeopleQuery>,
) -> poem::Result<Response> {
    let shown = Shown {
        after: query.after,
        notice: query.done.map(|done| done.words().to_owned()),
        ..Shown::default()
    };
    Ok(html(
        app.pages().people(&view(app, &visitor, shown).await?),
    )?)
}

#[handler]
async fn change_role(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = person_id(&fields.take("person"))?;
    let change = MemberChange {
        role: Some(role(&fields.take("role"))?),
        ..MemberChange::default()
    };
    let changed = app.services().change_member(&visitor.person, id, change);
    answer(app, &visitor, changed.await.map(drop), "changed").await
}

#[handler]
async fn change_standing(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = person_id(&fields.take("person"))?;
    let suspended = |suspended| MemberChange {
        suspended: Some(suspended),
        ..MemberChange::default()
    };
    let (services, by) = (app.services(), &visitor.person);
    let (done, word) = match fields.take("standing").as_str() {
        "suspend" => (
            services
                .change_member(by, id, suspended(true))
                .await
                .map(drop),
            "changed",
        ),
        "resume" => (
            services
                .change_member(by, id, suspended(false))
                .await
                .map(drop),
            "changed",
        ),
        "remove" => (services.remove_member(by, id).await, "removed"),
        _ => return Err(Failure::invalid("standing", "must be suspend, resume or remove").into()),
    };
    answer(app, &visitor, done, word).await
}

#[handler]
async fn invite(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let email = fields.take("email");
    let role = role(&fields.take("role"))?;
    let invited = app.services().invite(&visitor.person, &email, role).await;
    match invited {
        Ok(invited) => {
            let Some(secret) = invited.link else {
                return Ok(see_other("/settings/people?done=invited"));
            };
            let shown = Shown {
                link: Some(app.link("invitation", &secret)),
                link_for: invited.row.email,
                ..Shown::default()
            };
            Ok(html(
                app.pages().people(&view(app, &visitor, shown).await?),
            )?)
        }
        Err(error) => refused(app, &visitor, error, email).await,
    }
}

#[handler]
async fn end_invitation(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = fields.take("invitation");
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let ended = app.services().end_invitation(&visitor.person, id).await;
    answer(app, &visitor, ended, "invitation-ended").await
}

async fn answer(
    app: &App,
    visitor: &Visitor,
    done: Result<(), ServiceError>,
    word: &str,
) -> poem::Result<Response> {
    match done {
        Ok(()) => Ok(see_other(&format!("/settings/people?done={word}"))),
        Err(error) => refused(app, visitor, error, String::new()).await,
    }
}

/// The page again, with what was wrong.
async fn refused(
    app: &App,
    visitor: &Visitor,
    error: ServiceError,
    email: String,
) -> poem::Result<Response> {
    if !matches!(
        error,
        ServiceError::Conflict { .. }
            | ServiceError::Invalid { .. }
            | ServiceError::LastOwner
            | ServiceError::TooManyAttempts { .. }
    ) {
        return Err(Failure::from(error).into());
    }
    let shown = Shown {
        email,
        error: Some(sentence(&error)),
        ..Shown::default()
    };
    Ok(again(
        app.pages().people(&view(app, visitor, shown).await?),
        error,
    )?)
}

async fn view(app: &App, visitor: &Visitor, shown: Shown) -> Result<PeopleView, Failure> {
    let services = app.services();
    let scope = visitor.person.scope(Right::Administer)?;
    let page = services.members(scope, shown.after, AT_A_TIME).await?;
    let invitations = services.invitations(scope).await?;
    let invitation = |row: &crate::store::invitations::InvitationRow| InvitationRow {
        id: row.id.to_string(),
        email: row.email.clone(),
        role: row.role.to_string(),
        by: row.by.clone().unwrap_or_default(),
        until: to_the_minute(row.expires_at),
    };
    Ok(PeopleView {
        frame: frame(visitor),
        settings: Settings::at(Section::People, true),
        people: page
            .members
            .iter()
            .map(|row| person(visitor, row))
            .collect(),
        next_after: page.next,
        invitations: invitations.iter().map(invitation).collect(),
        roles: options(visitor, Role::Viewer),
        mails: services.has_mail(),
        link: shown.link,
        link_for: shown.link_for,
        email: shown.email,
        notice: shown.notice,
        error: shown.error,
    })
}

fn person(visitor: &Visitor, row: &MemberRow) -> PersonRow {
    PersonRow {
        id: row.person.to_string(),
        email: row.email.clone(),
        name: row.name.clone(),
        role: row.role.to_string(),
        joined: to_the_minute(row.joined_at),
        suspended: row.suspended_at.is_some(),
        own: row.person == visitor.person.person(),
        changeable: row.role != Role::Owner || visitor.person.may(Right::Own),
        roles: options(visitor, row.role),
    }
}

/// The roles that the visitor can give.
fn options(visitor: &Visitor, selected: Role) -> Vec<RoleOption> {
    let roles = [Role::Viewer, Role::Member, Role::Admin, Role::Owner];
    let givable = |role: &Role| *role != Role::Owner || visitor.person.may(Right::Own);
    let option = |role: Role| RoleOption {
        word: role.to_string(),
        selected: role == selected,
    };
    roles.into_iter().filter(givable).map(option).collect()
}

/// `2026-01-31 10:30Z`: for people and, as HTML allows a space there, for programs.
fn to_the_minute(time: Timestamp) -> String {
    let text: String = time.to_string().chars().take(16).collect();
    format!("{}Z", text.replace('T', " "))
}

fn person_id(text: &str) -> Result<Id<Person>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

fn role(text: &str) -> Result<Role, Failure> {
    text.parse()
        .map_err(|reason: &str| Failure::invalid("role", reason))
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Changed => "Changed. Their sessions here have ended.",
            Self::Removed => "Removed.",
            Self::Invited => "The invitation is on its way.",
            Self::InvitationEnded => "The invitation opens nothing any more.",
        }
    }
}

/// People on one page.
const AT_A_TIME: usize = 100;
