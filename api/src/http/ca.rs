//! The own CA, for everybody: it is no secret, and who trusts it already can follow its rotation.
//! No path has the name of a file in the data directory; a test tries them all.

use poem::web::Data;
use poem::{IntoResponse as _, Response, handler};

use super::App;
use super::guard::Access;
use super::problem::Failure;
use super::routes::{Declared, Routes};

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route.at("/trust.pem", pages.get(Access::Public, ca))
}

#[handler]
fn ca(Data(app): Data<&App>) -> poem::Result<Response> {
    let trust = app.agents_trust().ok_or_else(Failure::not_found)?;
    Ok(trust
        .pem
        .clone()
        .with_content_type("application/x-pem-file")
        .into_response())
}
