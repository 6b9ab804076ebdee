//! A message in the form of each service. Nothing here sends: settings and a message become a request.
//!
//! Names in a message come from hosts and people: bodies are written by a serialiser, and where a
//! service reads markup in a text, what could be markup is escaped.

mod discord;
mod gotify;
mod matrix;
mod ntfy;
mod opsgenie;
mod pagerduty;
mod pushover;
mod slack;
mod teams;
mod telegram;
#[cfg(test)]
mod tests;
pub mod webhook;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use server_scout_wire::Timestamp;
use url::form_urlencoded::byte_serialize;

use super::message::Message;
use super::settings::{Kind, Settings};
use crate::outbound::{Request, Target};

/// What is sent, and how the receiver knows it.
pub struct Envelope<'a> {
    /// The same at every attempt: `msg_` and the delivery's id.
    pub id: &'a str,
    /// When this attempt is made.
    pub at: Timestamp,
    /// What it tells.
    pub message: &'a Message,
    /// Where the dashboard is.
    pub dashboard: &'a str,
}

/// The request for a message; none for mail, and where settings do not fit their kind.
#[must_use]
pub fn request(kind: Kind, settings: &Settings, envelope: &Envelope<'_>) -> Option<Request> {
    match kind {
        Kind::Discord => discord::request(settings, envelope),
        Kind::Email => None,
        Kind::Gotify => gotify::request(settings, envelope),
        Kind::Matrix => matrix::request(settings, envelope),
        Kind::Ntfy => ntfy::request(settings, envelope),
        Kind::Opsgenie => opsgenie::request(settings, envelope),
        Kind::Pagerduty => pagerduty::request(settings, envelope),
        Kind::Pushover => pushover::request(settings, envelope),
        Kind::Slack => slack::request(settings, envelope),
        Kind::Teams => teams::request(settings, envelope),
        Kind::Telegram => telegram::request(settings, envelope),
        Kind::Webhook => webhook::request(settings, envelope),
    }
}

/// A POST of JSON.
fn post(target: Target, body: &impl Serialize) -> Option<Request> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(Request {
        method: Method::POST,
        target,
        headers,
        body: Bytes::from(serde_json::to_vec(body).ok()?),
    })
}

/// An object without the members that have no value: services expect one wherever a member is.
fn filled(object: Value) -> Value {
    match object {
        Value::Object(members) => Value::Object(
            { members.into_iter() }
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        other => other,
    }
}

/// Adds a header that must not be logged.
fn with(mut request: Request, name: HeaderName, value: &str) -> Option<Request> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    request.headers.insert(name, value);
    Some(request)
}

fn bearing(request: Request, token: &str) -> Option<Request> {
    with(request, AUTHORIZATION, &format!("Bearer {token}"))
}

/// An address as it was given.
fn whole(settings: &Settings) -> Option<Target> {
    Target::parse(settings.address.as_deref()?).ok()
}

/// A path below an address.
fn below(settings: &Settings, path: &str) -> Option<Target> {
    let base = settings.address.as_deref()?.trim_end_matches('/');
    Target::parse(&format!("{base}{path}")).ok()
}

/// A part of a path, which cannot become more than one.
fn part(text: &str) -> String {
    byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// At most so many characters, with a mark where some are missing. Those beyond the basic plane count as two,
/// as the strictest services count.
fn short(text: &str, chars: usize) -> String {
    cut(text, chars, char::len_utf16)
}

/// The same of bytes.
fn short_bytes(text: &str, bytes: usize) -> String {
    cut(text, bytes, char::len_utf8)
}

fn cut(text: &str, most: usize, size: impl Fn(char) -> usize) -> String {
    if text.chars().map(&size).sum::<usize>() <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(size(MISSING));
    let fits = |c: &char| match left.checked_sub(size(*c)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push(MISSING);
    kept
}

/// Stands where something was cut off.
const MISSING: char = '…';
