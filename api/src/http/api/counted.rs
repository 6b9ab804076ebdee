//! An answer that counts until it is taken.

use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::ToJSON;

use super::super::streams::{Held, OpenStream};

/// JSON, and the place that it keeps among the answers that are counted.
pub(super) struct Counted<T> {
    answer: Json<T>,
    place: OpenStream,
}

impl<T> Counted<T> {
    pub(super) fn new(answer: T, place: OpenStream) -> Self {
        Self {
            answer: Json(answer),
            place,
        }
    }
}

impl<T: ToJSON> IntoResponse for Counted<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        response.extensions_mut().insert(Held::from(self.place));
        response
    }
}

impl<T: ToJSON> ApiResponse for Counted<T> {
    fn meta() -> MetaResponses {
        Json::<T>::meta()
    }

    fn register(registry: &mut Registry) {
        <Json<T> as ApiResponse>::register(registry);
    }
}
