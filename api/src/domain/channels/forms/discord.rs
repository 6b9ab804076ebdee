//! Discord: a channel's webhook.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, post, short, whole};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let color = match (message.is_over(), message.is_critical()) {
        (true, _) => GREEN,
        (false, true) => RED,
        (false, false) => ORANGE,
    };
    let body = json!({
        "embeds": [{
            "title": short(&escaped(&message.title()), TITLE),
            "description": short(&escaped(&message.text()), TEXT),
            "color": color,
            "timestamp": message.at,
        }],
        "allowed_mentions": { "parse": [] },
    });
    post(whole(settings)?, &body)
}

/// Discord reads Markdown; a backslash makes a mark a character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if MARKS.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

const MARKS: &str = "\\*_~`|[]()<>#@";
const TITLE: usize = 256;
const TEXT: usize = 4096;
const GREEN: u32 = 0x2e_7d32;
const ORANGE: u32 = 0xed_6c02;
const RED: u32 = 0xc6_2828;
