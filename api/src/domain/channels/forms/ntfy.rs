//! ntfy: a message as JSON to the server's root.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, bearing, below, post, short, short_bytes};
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
        "message": short_bytes(&message.text(), TEXT_BYTES),
        "priority": priority,
        "click": envelope.dashboard,
    });
    let request = post(below(settings, "/")?, &body)?;
    match &settings.token {
        Some(token) => bearing(request, token),
        None => Some(request),
    }
}

const TITLE: usize = 200;
/// The whole body has at most twice as many as the text may have, 4096.
const TEXT_BYTES: usize = 2800;
const URGENT: u8 = 5;
const HIGH: u8 = 4;
const NORMAL: u8 = 3;
