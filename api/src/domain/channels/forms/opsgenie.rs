//! Opsgenie: an alert for each incident, closed with it.

use hyper::header::AUTHORIZATION;
use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, below, filled, part, post, short, with};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let alias = message.key().unwrap_or(envelope.id);
    let request = if message.is_over() {
        let path = format!("/v2/alerts/{}/close?identifierType=alias", part(alias));
        post(
            below(settings, &path)?,
            &json!({ "source": "Server Scout" }),
        )?
    } else {
        let first = message.incidents.first();
        let priority = match (first, message.is_critical()) {
            (None, _) => "P5",
            (Some(_), true) => "P1",
            (Some(_), false) => "P3",
        };
        let body = filled(json!({
            "message": short(&message.title(), TITLE),
            "alias": alias,
            "description": short(&message.text(), TEXT),
            "entity": first.map(|told| short(&told.tells.server_name, ENTITY)),
            "source": "Server Scout",
            "priority": priority,
        }));
        post(below(settings, "/v2/alerts")?, &body)?
    };
    let key = format!("GenieKey {}", settings.token.as_deref()?);
    with(request, AUTHORIZATION, &key)
}

const TITLE: usize = 130;
const ENTITY: usize = 512;
const TEXT: usize = 15_000;
