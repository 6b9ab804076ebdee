//! Matrix: a text message to a room, client-server API version 3. The transaction is the message's id, so a
//! second attempt is no second message.

use hyper::Method;
use serde_json::json;

use super::super::settings::Settings;
use super::{Envelope, bearing, below, part, post, short};
use crate::outbound::Request;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let text = format!("{}\n{}", message.title(), message.text());
    // Nobody is mentioned, whatever stands in the text: without this, `@room` would ring.
    let body = json!({ "msgtype": "m.text", "body": short(&text, TEXT), "m.mentions": {} });
    let path = format!(
        "/_matrix/client/v3/rooms/{}/send/m.room.message/{}",
        part(settings.recipient.as_deref()?),
        part(envelope.id),
    );
    let mut request = post(below(settings, &path)?, &body)?;
    request.method = Method::PUT;
    bearing(request, settings.token.as_deref()?)
}

const TEXT: usize = 8000;
