//! Microsoft Teams: a workflow that is started by a webhook and posts an adaptive card.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, post, short, whole};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    // Text blocks read Markdown; runs of text do not.
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [
                    { "type": "RichTextBlock", "inlines": [
                        { "type": "TextRun", "text": short(&message.title(), TITLE), "weight": "Bolder", "size": "Medium" },
                    ] },
                    { "type": "RichTextBlock", "inlines": [
                        { "type": "TextRun", "text": short(&message.text(), TEXT) },
                    ] },
                ],
                "actions": [
                    { "type": "Action.OpenUrl", "title": "Server Scout", "url": envelope.dashboard },
                ],
            },
        }],
    });
    post(whole(settings)?, &body)
}

/// A card has at most 28 kB.
const TITLE: usize = 250;
const TEXT: usize = 4000;
