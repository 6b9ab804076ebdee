//! Gotify: a message of an application.

use hyper::header::HeaderName;
use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, below, post, short, with};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let priority = match (message.is_over(), message.is_critical()) {
        (false, true) => 8,
        (false, false) => 5,
        (true, _) => 2,
    };
    let body = json!({
        "title": short(&message.title(), TITLE),
        "message": short(&message.text(), TEXT),
        "priority": priority,
    });
    let request = post(below(settings, "/message")?, &body)?;
    let name = HeaderName::from_static("x-gotify-key");
    with(request, name, settings.token.as_deref()?)
}

/// It names no limit; nobody reads more on a telephone.
const TITLE: usize = 250;
const TEXT: usize = 8000;
