//! Telegram: the bot API's `sendMessage`, without a parse mode.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, below, part, post, short};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let token = part(settings.token.as_deref()?).replace("%3A", ":");
    let message = envelope.message;
    let text = format!("{}\n\n{}", message.title(), message.text());
    let body = json!({
        "chat_id": settings.recipient.as_deref()?,
        "text": short(&text, TEXT),
        "link_preview_options": { "is_disabled": true },
    });
    post(below(settings, &format!("/bot{token}/sendMessage"))?, &body)
}

const TEXT: usize = 4096;
