//! Slack: an incoming webhook, and Mattermost's and Rocket.Chat's that take the same.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, post, short, whole};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let (title, text) = (envelope.message.title(), envelope.message.text());
    let body = json!({
        "text": short(&escaped(&title), TEXT),
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": short(&title, TITLE), "emoji": false } },
            { "type": "section", "text": { "type": "plain_text", "text": short(&text, TEXT), "emoji": false } },
        ],
    });
    post(whole(settings)?, &body)
}

/// The three characters that Slack reads in a text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Characters of a header block, and of a section's text.
const TITLE: usize = 150;
const TEXT: usize = 3000;
