//! A webhook of one's own, signed as the Standard Webhooks specification says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use ring::hmac;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::settings::Settings;
use super::{Envelope, post, whole, with};
use crate::outbound::Request;
use crate::secret::random_bytes;

pub(super) fn request(settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    let message = envelope.message;
    let body = json!({
        "type": message.event(),
        "timestamp": message.at,
        "data": message,
    });
    let mut request = post(whole(settings)?, &body)?;
    for (name, value) in &settings.headers {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        request = with(request, name, value)?;
    }
    let seconds = (envelope.at.as_millis() / 1000).to_string();
    let secret = settings.secret.as_deref()?;
    let signature = signature(secret, envelope.id, &seconds, &request.body)?;
    for (name, value) in [
        (ID, envelope.id),
        (TIMESTAMP, seconds.as_str()),
        (SIGNATURE, signature.as_str()),
    ] {
        let value = HeaderValue::from_str(value).ok()?;
        request.headers.insert(HeaderName::from_static(name), value);
    }
    Some(request)
}

/// A new signing key, as receivers expect it.
#[must_use]
pub fn new_secret() -> String {
    let key = Zeroizing::new(random_bytes::<32>());
    format!("{PREFIX}{}", STANDARD.encode(key.as_slice()))
}

/// `v1,` and the HMAC of id, time and body; none when the secret is none.
pub(super) fn signature(secret: &str, id: &str, seconds: &str, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &Zeroizing::new(key));
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    Some(format!("v1,{}", STANDARD.encode(context.sign())))
}

const PREFIX: &str = "whsec_";
pub(in super::super) const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
