//! The page behind an invitation's link.

use poem::web::{Data, Path};
use poem::{Request, Response, handler};
use server_scout_ui::views::{InvitationJoinView, InvitationView};

use super::super::guard::{Access, Fields, Visitor, check_token, see_other};
use super::super::problem::Failure;
use super::super::{App, client};
use super::first_owner::unreferred;
use super::login::{sentence, with_session};
use super::organisations::renewed;
use super::{Declared, Routes, again, frame, html};
use crate::domain::ServiceError;
use crate::domain::accounts::Password;
use crate::domain::invitations::{NewMember, OpenInvitation};

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let public = Access::Public;
    route.at(
        "/invitation/:token",
        pages.get(public, show).post(pages.guard(public, accept)),
    )
}

/// Looks only; mail scanners and previews may follow a link.
#[handler]
async fn show(
    Data(app): Data<&App>,
    request: &Request,
    Path(token): Path<String>,
) -> poem::Result<Response> {
    let open = app.services().look_at_invitation(&token).await;
    let open = open.map_err(Failure::from)?;
    let page = match Visitor::of(request).await? {
        Some(visitor) => app.pages().invitation_join(&join_view(&visitor, open)),
        None => app.pages().invitation(&view(open)),
    };
    Ok(unreferred(html(page)?))
}

/// With a session it is that person who joins; without one, somebody new.
#[handler]
async fn accept(
    Data(app): Data<&App>,
    request: &Request,
    Path(token): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    if let Some(visitor) = Visitor::of(request).await? {
        // The page is open to anybody, so it is only known here that a session asks for a change.
        check_token(request, Some(&fields.take("csrf_token")))?;
        let joined = app.services().accept_as_member(&visitor.person, &token);
        let session = joined.await.map_err(Failure::from)?;
        return Ok(unreferred(renewed("/servers", &session)));
    }
    let form = NewMember {
        name: fields.take("name"),
        password: fields.take("password"),
    };
    let name = form.name.clone();
    let accepted = app
        .services()
        .accept_as_new(&token, form, client::of(request));
    match accepted.await {
        Ok(session) => Ok(unreferred(with_session(see_other("/servers"), &session))),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let open = app.services().look_at_invitation(&token).await;
            let mut view = view(open.map_err(Failure::from)?);
            view.name = name;
            view.error = Some(sentence(&error));
            Ok(unreferred(again(app.pages().invitation(&view), error)?))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

fn view(open: OpenInvitation) -> InvitationView {
    InvitationView {
        organisation: open.organisation,
        email: open.email,
        role: open.role.to_string(),
        has_account: open.has_account,
        password_min: Password::MIN,
        ..InvitationView::default()
    }
}

fn join_view(visitor: &Visitor, open: OpenInvitation) -> InvitationJoinView {
    InvitationJoinView {
        frame: frame(visitor),
        may_join: open.email == visitor.person.identity.email,
        organisation: open.organisation,
        email: open.email,
        role: open.role.to_string(),
    }
}
