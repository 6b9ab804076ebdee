//! Taking all data of an organisation along, and deleting it for good.

use poem::http::header;
use poem::web::Data;
use poem::{Response, handler};
use server_scout_ui::views::{DataView, Section, Settings};

use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, credentials, organisation_export};
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route
        .at("/settings/data", pages.get(Access::Session, show))
        .at("/settings/data/export", pages.get(Access::Fresh, export))
        .at("/settings/data/delete", pages.post(Access::Fresh, delete))
}

#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "extractors are handed over whole"
)]
fn show(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    Ok(html(app.pages().data(&view(&visitor)))?)
}

#[handler]
async fn export(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    Ok(organisation_export::export(app, &visitor.person).await?)
}

#[handler]
async fn delete(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let acting = visitor.person.acting_fresh(Right::Own);
    let acting = acting.map_err(Failure::from)?;
    let name = fields.take("name");
    match app.services().delete_organisation(&acting, &name).await {
        Ok(()) => {
            let mut response = see_other("/login");
            let headers = response.headers_mut();
            headers.insert(header::SET_COOKIE, credentials::no_session_cookie());
            Ok(response)
        }
        Err(error @ ServiceError::Invalid { .. }) => {
            let mut view = view(&visitor);
            view.error = Some(sentence(&error));
            Ok(again(app.pages().data(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

fn view(visitor: &Visitor) -> DataView {
    DataView {
        frame: frame(visitor),
        settings: Settings::at(Section::Data, visitor.person.may(Right::Administer)),
        may_own: visitor.person.may(Right::Own),
        error: None,
    }
}
