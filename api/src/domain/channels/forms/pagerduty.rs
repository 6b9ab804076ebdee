//! `PagerDuty`: Events API version 2. An incident is an alert, and its end resolves it.

use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, below, post, short};
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
    let mut body = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": key,
        "client": "Server Scout",
        "client_url": envelope.dashboard,
        "payload": {
            "summary": short(&message.title(), SUMMARY),
            "source": short(source, SOURCE),
            "severity": severity,
            "timestamp": message.at,
        },
    });
    if let Some(told) = first {
        body["payload"]["component"] = short(&told.tells.measure, SOURCE).into();
        // An event has at most 512 kB.
        let details = serde_json::to_value(&told.tells).ok();
        if let Some(details) = details.filter(|all| all.to_string().len() <= DETAILS_BYTES) {
            body["payload"]["custom_details"] = details;
        }
    }
    post(target, &body)
}

const SUMMARY: usize = 1024;
/// It names no limit.
const SOURCE: usize = 255;
const DETAILS_BYTES: usize = 64 * 1024;
