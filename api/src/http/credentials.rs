//! The credentials of a request: one or none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use poem::Request;
use poem::http::{HeaderValue, header};
use ring::hmac;

use super::problem::Failure;
use crate::domain::principal::Credential;
use crate::secret::Secret;

/// The session cookie's name. The prefix makes browsers insist on Secure, Path=/ and no Domain.
pub(super) const SESSION_COOKIE: &str = "__Host-server-scout";
/// The cookie of a browser that has logged in before.
const DEVICE_COOKIE: &str = "__Host-server-scout-device";
/// The cookie of a login that waits for a second factor.
const STEP_COOKIE: &str = "__Host-server-scout-login";
/// The agent key's header.
pub(super) const AGENT_KEY_HEADER: &str = "x-api-key";

/// The credential that the request presents. Two are refused, also two of a kind: which of them
/// would count must never be a matter of order.
pub(super) fn of(request: &Request) -> Result<Option<Credential>, Failure> {
    let mut found: Option<Credential> = None;
    let mut add = |credential: Credential| match found.replace(credential) {
        None => Ok(()),
        Some(_) => Err(Failure::two_principals()),
    };
    for value in request.headers().get_all(AGENT_KEY_HEADER) {
        add(Credential::AgentKey(text(value)))?;
    }
    for value in request.headers().get_all(header::AUTHORIZATION) {
        let text = text(value);
        let token = text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        add(Credential::AccessToken(
            token
                .map(|(_, token)| token.trim().to_owned())
                .unwrap_or_default(),
        ))?;
    }
    for value in request.headers().get_all(header::COOKIE) {
        for cookie in Cookie::split_parse(text(value)).flatten() {
            if cookie.name() == SESSION_COOKIE {
                add(Credential::Session(cookie.value().to_owned()))?;
            }
        }
    }
    Ok(found)
}

/// The device token that the request carries, if it carries exactly one.
pub(super) fn device(request: &Request) -> Option<String> {
    only_cookie(request, DEVICE_COOKIE)
}

/// The login that waits for a second factor, if the request carries exactly one.
pub(super) fn login_step(request: &Request) -> Option<String> {
    only_cookie(request, STEP_COOKIE)
}

fn only_cookie(request: &Request, name: &str) -> Option<String> {
    let lines = request.headers().get_all(header::COOKIE).iter();
    let mut tokens = lines
        .flat_map(|line| Cookie::split_parse(text(line)).flatten())
        .filter(|cookie| cookie.name() == name);
    let token = tokens.next()?.value().to_owned();
    tokens.next().is_none().then_some(token)
}

/// The header that gives a browser its session.
pub(super) fn session_cookie(session: &Secret) -> HeaderValue {
    header_of(&base_cookie(SESSION_COOKIE, session.expose()).build())
}

/// The header that lets a browser be recognised at its next login. It opens nothing by itself.
pub(super) fn device_cookie(device: &Secret) -> HeaderValue {
    let year = cookie::time::Duration::days(365);
    header_of(
        &base_cookie(DEVICE_COOKIE, device.expose())
            .max_age(year)
            .build(),
    )
}

/// The header that lets a browser go on with a login that waits for a second factor.
pub(super) fn step_cookie(step: &Secret) -> HeaderValue {
    let life = cookie::time::Duration::minutes(5);
    let cookie = base_cookie(STEP_COOKIE, step.expose()).max_age(life);
    header_of(&cookie.same_site(SameSite::Strict).build())
}

/// The header that takes it away.
pub(super) fn no_step_cookie() -> HeaderValue {
    header_of(&base_cookie(STEP_COOKIE, "").removal().build())
}

/// The header that takes it away.
pub(super) fn no_session_cookie() -> HeaderValue {
    header_of(&base_cookie(SESSION_COOKIE, "").removal().build())
}

/// The token that forms of a session carry. It follows from the session's id, which only the
/// browser knows, so it needs no place of its own and ends with the session.
pub(super) fn csrf_token(session_id: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, session_id.as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"csrf-token"))
}

fn base_cookie<'a>(name: &'static str, value: &'a str) -> cookie::CookieBuilder<'a> {
    Cookie::build((name, value))
        .http_only(true)
        .path("/")
        .same_site(SameSite::Lax)
        .secure(true)
}

fn header_of(cookie: &Cookie<'_>) -> HeaderValue {
    // Our own secrets are made of URL-safe characters, which every header can hold.
    HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn text(value: &HeaderValue) -> String {
    value.to_str().unwrap_or_default().to_owned()
}
