//! The headers that stand on every answer.

use poem::Response;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Adds the headers. What a handler set itself stays.
pub(super) fn add(response: &mut Response, host_is_local: bool) {
    let headers = response.headers_mut();
    for (name, value) in &EVERY {
        add_missing(headers, name, value);
    }
    add_missing(headers, &header::CACHE_CONTROL, "no-store");
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

/// No inline script or style, nothing from another host, no markup made by scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static EVERY: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
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
