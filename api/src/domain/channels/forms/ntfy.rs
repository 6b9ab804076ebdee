//! ntfy: a message as JSON to the server's root.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, bearing, below, post, short};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let priority = match (message.is_over(), message.is_critical()) {
        (false, true) => URGENT,
        (false, false) => HIGH,
        (true, _) => NORMAL,
    };
    let body = json!({
        "topic": settings.recipient.as_deref()?,
        "title": short(&message.title(), TITLE),
        "message": short(&message.text(), TEXT),
        "priority": priority,
        "click": envelope.dashboard,
    });
    let request = post(below(settings, "/")?, &body)?;
    match &settings.token {
        Some(token) => bearing(request, token),
        None => Some(request),
    }
}

const TITLE: usize = 250;
/// A message has at most 4096 bytes.
const TEXT: usize = 1000;
const URGENT: u8 = 5;
const HIGH: u8 = 4;
const NORMAL: u8 = 3;
