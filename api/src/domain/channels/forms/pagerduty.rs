//! `PagerDuty`: Events API version 2. An incident is an alert, and its end resolves it.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, below, filled, post, short};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let target = below(settings, "/v2/enqueue")?;
    let key = message.key().unwrap_or(envelope.id);
    let routing_key = settings.token.as_deref()?;
    if message.is_over() {
        let body = json!({
            "routing_key": routing_key,
            "event_action": "resolve",
            "dedup_key": key,
        });
        return post(target, &body);
    }
    let first = message.incidents.first();
    let source = first.map_or("Server Scout", |told| told.tells.server_name.as_str());
    let severity = match (first, message.is_critical()) {
        (None, _) => "info",
        (Some(_), true) => "critical",
        (Some(_), false) => "warning",
    };
    // An event has at most 512 kB.
    let details = first.and_then(|told| serde_json::to_value(&told.tells).ok());
    let details = details.filter(|details| details.to_string().len() <= DETAILS_BYTES);
    let payload = filled(json!({
        "summary": short(&message.title(), SUMMARY),
        "source": short(source, SOURCE),
        "severity": severity,
        "timestamp": message.at,
        "component": first.map(|told| short(&told.tells.measure, SOURCE)),
        "custom_details": details,
    }));
    let body = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": key,
        "client": "Server Scout",
        "client_url": envelope.dashboard,
        "payload": payload,
    });
    post(target, &body)
}

const SUMMARY: usize = 1024;
/// It names no limit.
const SOURCE: usize = 255;
const DETAILS_BYTES: usize = 64 * 1024;
