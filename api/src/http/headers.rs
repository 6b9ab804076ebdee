//! The headers that stand on every answer but an agent's receipt.

use poem::Response;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What an answer is, as far as its headers depend on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// Of the API: nothing in it is ever a document, so its policy allows nothing at all.
    Data,
    /// A page, or what a page is made of.
    Page,
    /// What an agent's key got: no browser can come by it.
    Receipt,
}

/// Adds the headers. What a handler set itself stays.
pub(super) fn add(response: &mut Response, content: Content, host_is_local: bool) {
    let headers = response.headers_mut();
    let policy = match content {
        Content::Data => POLICY_OF_DATA,
        Content::Page => POLICY_OF_PAGES,
        // An agent gets one every few seconds: they are longer than what it is told. Nothing keeps
        // the answer to a POST that does not say for how long (RFC 9110, section 9.3.3), and JSON
        // needs no character set (RFC 8259, section 11).
        Content::Receipt => {
            headers.insert(header::CONTENT_TYPE, JSON);
            return;
        }
    };
    add_missing(headers, &header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add_missing(headers, &header::CACHE_CONTROL, "no-store");
    add_missing(headers, &header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in &EVERY_FOR_BROWSERS {
        add_missing(headers, name, value);
    }
    add_missing(headers, &header::REFERRER_POLICY, "same-origin");
    // On this name it would also bind every other program that a developer runs on this machine.
    if !host_is_local {
        add_missing(
            headers,
            &header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000",
        );
    }
}

fn add_missing(headers: &mut HeaderMap, name: &HeaderName, value: &'static str) {
    if !headers.contains_key(name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const POLICY_OF_DATA: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// No inline script or style, nothing from another host, no markup made by scripts.
const POLICY_OF_PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static EVERY_FOR_BROWSERS: [(HeaderName, &str); 6] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];
