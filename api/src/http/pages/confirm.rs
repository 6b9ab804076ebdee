//! Proving again who one is, before a weighty change.

use poem::web::{Data, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use server_scout_ui::views::ConfirmView;

use super::super::guard::{Access, Fields, OwnPath, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, credentials};
use super::login::{sentence, with_session};
use super::{Declared, Routes, frame, html};
use crate::domain::ServiceError;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route.at(
        "/confirm",
        pages
            .get(Access::Session, show)
            .post(pages.guard(Access::Session, confirm)),
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmQuery {
    next: Option<String>,
}

#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "extractors are handed over whole"
)]
fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ConfirmQuery>,
) -> poem::Result<Response> {
    let next = own_path(query.next.as_deref());
    Ok(html(app.pages().confirm(&view(&visitor, &next, None)))?)
}

#[handler]
async fn confirm(
    Data(app): Data<&App>,
    request: &Request,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let next = own_path(Some(&fields.take("next")));
    let password = fields.take("password");
    let device = credentials::device(request);
    let proof = app
        .services()
        .prove_by_password(&visitor.person, password, device);
    match proof.await {
        Ok(session) => Ok(with_session(see_other(next.as_str()), &session)),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::TooManyAttempts { .. })) => {
            let view = view(&visitor, &next, Some(sentence(&error)));
            let mut response = html(app.pages().confirm(&view))?;
            Failure::from(error).decorate(&mut response);
            Ok(response)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// Where to go afterwards; what is no path of ours leads to the account.
fn own_path(text: Option<&str>) -> OwnPath {
    text.and_then(OwnPath::parse).unwrap_or_default()
}

fn view(visitor: &Visitor, next: &OwnPath, error: Option<String>) -> ConfirmView {
    ConfirmView {
        frame: frame(visitor),
        next: next.as_str().to_owned(),
        error,
    }
}
