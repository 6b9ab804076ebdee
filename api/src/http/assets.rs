//! Style sheets, scripts and images: embedded, named by their content, kept for ever by browsers.

use poem::http::{HeaderValue, header};
use poem::web::Path;
use poem::{IntoResponse as _, Response, handler};
use server_scout_ui::assets;

use super::guard::Access;
use super::problem::Failure;
use super::routes::{Declared, Routes};

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route.at("/assets/:name", pages.get(Access::Public, asset))
}

#[handler]
fn asset(Path(name): Path<String>) -> poem::Result<Response> {
    let asset = assets::find(&name).ok_or_else(Failure::not_found)?;
    let mut response = asset
        .bytes
        .with_content_type(asset.content_type)
        .into_response();
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, forever);
    Ok(response)
}
