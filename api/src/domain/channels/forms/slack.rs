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

/// Nothing in it rings or links: the three characters that Slack reads become entities, and what Mattermost and
/// Rocket.Chat read is parted by a space of no width, as a backslash would show in Slack.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let www = c == '.' && ends_with_www(&escaped);
        if www || (c == '/' && escaped.ends_with(':')) {
            escaped.push(APART);
        }
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
        if PARTED.contains(c) {
            escaped.push(APART);
        }
    }
    escaped
}

fn ends_with_www(text: &str) -> bool {
    let mut last = text.chars().rev();
    (0..3).all(|_| last.next().is_some_and(|c| c.eq_ignore_ascii_case(&'w')))
}

/// They begin a person, a channel and a tag, and part the two halves of a link.
const PARTED: &str = "@~#]";
const APART: char = '\u{200b}';
/// Characters of a header block, and of a section's text.
const TITLE: usize = 150;
const TEXT: usize = 3000;
