//! The pages: view models filled from the services.

mod account;
mod agent_keys;
mod alerts;
mod audit;
mod channel_link;
mod confirm;
mod data;
mod first_owner;
mod groups;
mod invitation;
mod login;
mod member_groups;
mod organisations;
mod people;
mod profile;
mod requirement;
mod reset;
mod retention;
mod second_factor;
mod second_step;
mod server_export;
mod server_settings;
mod servers;
mod tokens;

use poem::{IntoResponse as _, Response};
use server_scout_ui::UiError;
use server_scout_ui::views::Frame;

use super::guard::{Access, Visitor, see_other};
use super::problem::Failure;
pub(super) use super::routes::{Declared, Routes};
use crate::domain::ServiceError;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let public = Access::Public;
    let session = Access::Session;
    let route = confirm::routes(pages, route);
    let route = agent_keys::routes(pages, route);
    let route = alerts::routes(pages, route);
    let route = audit::routes(pages, route);
    let route = people::routes(pages, route);
    let route = organisations::routes(pages, route);
    let route = profile::routes(pages, route);
    let route = channel_link::routes(pages, route);
    let route = invitation::routes(pages, route);
    let route = reset::routes(pages, route);
    let route = data::routes(pages, route);
    let route = second_factor::routes(pages, route);
    let route = second_step::routes(pages, route);
    let route = requirement::routes(pages, route);
    let route = retention::routes(pages, route);
    let route = groups::routes(pages, route);
    let route = member_groups::routes(pages, route);
    let route = server_export::routes(pages, route);
    let route = server_settings::routes(pages, route);
    let route = tokens::routes(pages, route);
    route
        .at("/", pages.get(session, home))
        .at(
            "/login",
            pages
                .get(public, login::show)
                .post(pages.guard(public, login::log_in)),
        )
        .at("/account", pages.get(session, account::show))
        .at(
            "/account/password",
            pages.post(session, account::change_password),
        )
        .at(
            "/account/sessions/end",
            pages.post(session, account::end_session),
        )
        .at(
            "/account/sessions/end-others",
            pages.post(session, account::end_others),
        )
        .at("/logout", pages.post(session, login::log_out))
        .at(
            "/first-owner/:token",
            pages
                .get(public, first_owner::show)
                .post(pages.guard(public, first_owner::create)),
        )
        .at(
            "/servers",
            pages
                .get(session, servers::list)
                .post(pages.guard(Access::Fresh, servers::add)),
        )
        .at("/settings", pages.get(session, settings))
        .at("/servers/new", pages.get(Access::Fresh, servers::new))
        .at("/servers/:id", pages.get(session, servers::show))
        .at("/servers/:id/pause", pages.post(session, servers::pause))
        .at("/servers/:id/resume", pages.post(session, servers::resume))
}

#[poem::handler]
fn home() -> Response {
    see_other("/servers")
}

#[poem::handler]
fn settings() -> Response {
    see_other("/settings/organisation")
}

fn html(page: Result<String, UiError>) -> Result<Response, Failure> {
    match page {
        Ok(html) => Ok(html
            .with_content_type("text/html; charset=utf-8")
            .into_response()),
        Err(error) => {
            tracing::error!("cannot show a page: {error}");
            Err(Failure::internal())
        }
    }
}

/// A page once more, with the status of what was wrong.
fn again(page: Result<String, UiError>, wrong: ServiceError) -> Result<Response, Failure> {
    let mut response = html(page)?;
    Failure::from(wrong).decorate(&mut response);
    Ok(response)
}

fn frame(visitor: &Visitor) -> Frame {
    Frame {
        organisation: visitor.person.identity.organisation.clone(),
        person: visitor.person.identity.email.clone(),
        csrf_token: visitor.csrf_token.clone(),
        open_incidents: visitor.open_incidents,
    }
}
