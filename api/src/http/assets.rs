//! Style sheets, scripts and images: embedded, named by their content, kept for ever by browsers.

use poem::http::{HeaderValue, header};
use poem::web::Path;
use poem::{IntoResponse as _, Response, Route, get, handler};
use server_scout_ui::assets;

use super::problem::Failure;

pub(super) fn routes(route: Route) -> Route {
    route.at("/assets/:name", get(asset))
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
