//! What every request passes first: host, credential, body, and on the way back errors and headers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError as _};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse as _, PathPattern, Request, Response};
use poem_openapi::error::{
    ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};
use server_scout_ui::views::MessageView;
use server_scout_wire::limits::MAX_BODY_BYTES;

use super::headers::Content;
use super::problem::Failure;
use super::{App, client, credentials, headers, routes};
use crate::domain::principal::{Credential, Principal};

/// Bytes of a body that is not a report.
const MAX_FORM_BYTES: usize = 64 * 1024;
/// A body must be here by then, however slowly it drips.
const BODY_DEADLINE: Duration = Duration::from_secs(15);

/// The outermost endpoint.
pub(super) struct Edge<E> {
    app: App,
    /// The methods of each path, for those who used another.
    allowed: BTreeMap<String, String>,
    inner: E,
}

/// Where a request comes from, for logs and sessions.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientAddress(pub(super) Option<IpAddr>);

/// The token that the forms of this session carry.
#[derive(Clone)]
pub(super) struct CsrfToken(pub(super) String);

/// A credential was presented and did not count.
#[derive(Clone, Copy)]
pub(super) struct Rejected;

impl<E> Edge<E> {
    pub(super) fn new(app: App, allowed: BTreeMap<String, String>, inner: E) -> Self {
        Self {
            app,
            allowed,
            inner,
        }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let data = request.uri().path().starts_with("/api/");
        let for_programs =
            data || !matches!(accepts(&request), Some(accepts) if accepts.contains("text/html"));
        let host = host_of(&request);
        let admitted = self.admit(&mut request, host.as_ref()).await;
        let is_report =
            request.method() == Method::POST && matches!(request.data(), Some(Principal::Agent(_)));
        let answer = match admitted {
            Ok(()) => self.inner.call(request).await,
            Err(failure) => Err(failure.into()),
        };
        let mut response = answer.unwrap_or_else(|error| {
            let pattern = error.data::<PathPattern>().cloned();
            let failure = failure_of(error);
            let mut response = if for_programs {
                failure.as_response()
            } else {
                self.page(&failure)
            };
            self.say_what_is_allowed(&mut response, pattern.as_ref());
            response
        });
        let content = match response.status() {
            StatusCode::OK if is_report => Content::Receipt,
            _ if data => Content::Data,
            _ => Content::Page,
        };
        headers::add(&mut response, content, host.as_ref().is_none_or(is_local));
        Ok(response)
    }
}

impl<E> Edge<E> {
    async fn admit(&self, request: &mut Request, host: Option<&url::Host>) -> Result<(), Failure> {
        if !host.is_some_and(|host| self.app.config().hosts.contains(host)) {
            return Err(Failure::misdirected());
        }
        request.set_data(self.app.clone());
        let address = client::address(request, &self.app.config().trusted_proxies);
        request.set_data(ClientAddress(address));
        let mut limit = MAX_FORM_BYTES;
        if let Some(credential) = credentials::of(request)? {
            if let Credential::Session(id) = &credential {
                request.set_data(CsrfToken(credentials::csrf_token(id)));
            }
            let client = client::of(request);
            let services = self.app.services();
            match services.authenticate_from(&credential, client).await? {
                Some(principal) => {
                    if matches!(principal, Principal::Agent(_)) {
                        limit = MAX_BODY_BYTES;
                    }
                    request.set_data(principal);
                }
                None => {
                    request.set_data(Rejected);
                }
            }
        }
        read_body(request, limit).await
    }

    /// A path that knows other methods names them.
    fn say_what_is_allowed(&self, response: &mut Response, pattern: Option<&PathPattern>) {
        if response.status() != StatusCode::METHOD_NOT_ALLOWED {
            return;
        }
        let allowed = pattern.and_then(|pattern| self.allowed.get(&routes::shape(&pattern.0)));
        if let Some(value) = allowed.and_then(|allowed| HeaderValue::from_str(allowed).ok()) {
            response.headers_mut().insert(header::ALLOW, value);
        }
    }

    fn page(&self, failure: &Failure) -> Response {
        let problem = failure.problem();
        let view = MessageView {
            status: problem.status,
            title: problem.title.clone(),
            detail: problem.detail.clone().unwrap_or_default(),
        };
        let mut response = match self.app.pages().message(&view) {
            Ok(html) => html
                .with_content_type("text/html; charset=utf-8")
                .into_response(),
            Err(error) => {
                tracing::error!("cannot show a message: {error}");
                failure.as_response()
            }
        };
        failure.decorate(&mut response);
        response
    }
}

/// Reads the body within its bounds, so that no handler ever sees an endless one.
async fn read_body(request: &mut Request, limit: usize) -> Result<(), Failure> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(Failure::too_large(limit));
    }
    let body = request.take_body();
    let read = tokio::time::timeout(BODY_DEADLINE, body.into_bytes_limit(limit)).await;
    let bytes = match read {
        Err(_) => return Err(Failure::too_slow()),
        Ok(Err(poem::error::ReadBodyError::PayloadTooLarge)) => {
            return Err(Failure::too_large(limit));
        }
        Ok(Err(error)) => return Err(Failure::bad_request(format!("the body broke off: {error}"))),
        Ok(Ok(bytes)) => bytes,
    };
    request.set_body(Body::from_bytes(bytes));
    Ok(())
}

/// The host that was asked for, without the port. HTTP/2 has it in the address.
pub(super) fn host_of(request: &Request) -> Option<url::Host> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let header = named.next().and_then(|host| host.to_str().ok());
    if named.next().is_some() {
        return None;
    }
    let authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => header?.parse::<poem::http::uri::Authority>().ok()?,
    };
    // User info has no place in a host.
    if authority.as_str().contains('@') {
        return None;
    }
    url::Host::parse(authority.host()).ok()
}

pub(super) fn is_local(host: &url::Host) -> bool {
    match host {
        url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn accepts(request: &Request) -> Option<&str> {
    request.headers().get(header::ACCEPT)?.to_str().ok()
}

/// The framework's own errors in our words.
fn failure_of(error: poem::Error) -> Failure {
    let error = match error.downcast::<Failure>() {
        Ok(failure) => return failure,
        Err(error) => error,
    };
    if error.is::<NotFoundError>() || error.is::<ParsePathError>() {
        return Failure::not_found();
    }
    if error.is::<MethodNotAllowedError>() {
        return Failure::method_not_allowed();
    }
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return Failure::invalid(name, reason);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        return Failure::invalid("body", reason);
    }
    if let Some(wrong) = error.downcast_ref::<ContentTypeError>() {
        return Failure::unsupported_media_type(wrong.to_string());
    }
    if error.status().is_client_error() {
        return Failure::bad_request(error.to_string());
    }
    tracing::error!("a handler failed: {error}");
    Failure::internal()
}
