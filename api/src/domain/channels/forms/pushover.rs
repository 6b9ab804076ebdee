//! Pushover: a message as JSON.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, below, filled, post, short};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let priority = i8::from(!message.is_over() && message.is_critical());
    let url = Some(envelope.dashboard).filter(|url| url.len() <= URL);
    let body = filled(json!({
        "token": settings.token.as_deref()?,
        "user": settings.recipient.as_deref()?,
        "title": short(&message.title(), TITLE),
        "message": short(&message.text(), TEXT),
        "priority": priority,
        "url": url,
        "url_title": url.map(|_| "Server Scout"),
    }));
    post(below(settings, "/1/messages.json")?, &body)
}

const TITLE: usize = 250;
const TEXT: usize = 1024;
const URL: usize = 512;
