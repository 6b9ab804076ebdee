//! Who may reach a page, declared with the route and checked before the handler runs.

use std::collections::BTreeMap;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, FromRequest, IntoResponse, Request, RequestBody, Response};
use subtle::ConstantTimeEq as _;

use super::App;
use super::edge::CsrfToken;
use super::problem::Failure;
use crate::access::Right;
use crate::domain::principal::{Means, PersonPrincipal, Principal};

/// The form field that carries the session's token.
const CSRF_FIELD: &str = "csrf_token";
/// The header that carries it when a script asks.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// The principal that a page route declares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// Anybody: login, one-time links, health, assets.
    Public,
    /// A program with an access token of scope `metrics`.
    MetricsToken,
    /// A person with a session.
    Session,
    /// A person with a session that has proved lately whose it is.
    Fresh,
}

/// An endpoint behind its declared principal. Every state change is checked to come from our own
/// page, and within a session to carry its token.
pub(super) struct Guarded<E> {
    app: App,
    access: Access,
    inner: E,
}

impl Access {
    /// In words.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MetricsToken => "metrics token",
            Self::Public => "public",
            Self::Session => "session",
            Self::Fresh => "fresh session",
        }
    }
}

impl<E> Guarded<E> {
    /// The declared principal.
    pub(super) fn access(&self) -> Access {
        self.access
    }

    pub(super) fn new(app: &App, access: Access, inner: E) -> Self {
        Self {
            app: app.clone(),
            access,
            inner,
        }
    }
}

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        if self.access == Access::MetricsToken {
            check_metrics_token(&request)?;
            return Ok(self.inner.call(request).await?.into_response());
        }
        let session = session_of(&request);
        if self.access != Access::Public && session.is_none() {
            return if is_read(request.method()) {
                Ok(see_other("/login"))
            } else {
                Err(Failure::unauthenticated().into())
            };
        }
        if self.access == Access::Fresh && !session.is_some_and(|person| person.fresh) {
            return Ok(to_confirm(&request));
        }
        if !is_read(request.method()) {
            self.check_origin(&request)?;
            let fields = Fields::read(&mut request).await?;
            if self.access != Access::Public {
                check_token(&request, fields.0.get(CSRF_FIELD).map(String::as_str))?;
                count_change(&request, &self.app)?;
            }
            request.set_data(fields);
        }
        let read = is_read(request.method());
        match self.inner.call(request).await {
            Ok(answer) => Ok(answer.into_response()),
            // Where the rights of a person wait for a second factor, its set-up is the way.
            Err(error) if read && lacks_factor(&error) => Ok(see_other("/account/second-factor")),
            Err(error) => Err(error),
        }
    }
}

/// Counts a change by a person, so that nobody fills the audit log.
pub(super) fn count_change(request: &Request, app: &App) -> Result<(), Failure> {
    match request.data::<Principal>() {
        Some(Principal::Person(person)) => Ok(app.services().count_change(person.person())?),
        _ => Ok(()),
    }
}

/// Whether the token has the scope, the service asks.
fn check_metrics_token(request: &Request) -> Result<(), Failure> {
    match request.data::<Principal>() {
        Some(Principal::Person(person)) if matches!(person.means, Means::Token(_)) => Ok(()),
        Some(_) => Err(Failure::forbidden(
            "Metrics are read with an access token of the scope metrics.",
        )),
        None => Err(Failure::unauthenticated()),
    }
}

fn lacks_factor(error: &poem::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(|failure| failure.problem().r#type == Failure::SECOND_FACTOR_REQUIRED)
}

impl<E> Guarded<E> {
    fn check_origin(&self, request: &Request) -> Result<(), Failure> {
        check_origin(request, &self.app)
    }
}

/// Refuses a state change that another site's page may have caused. Browsers say where a request
/// comes from in `Sec-Fetch-Site`, older ones in `Origin`; one of them must be there and right.
pub(super) fn check_origin(request: &Request, app: &App) -> Result<(), Failure> {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let own = match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_own_origin(origin, request, app),
        (None, None) => false,
    };
    if own {
        Ok(())
    } else {
        Err(Failure::foreign_form())
    }
}

/// The public address, or the very host that was asked for, which the edge has found to be ours.
fn is_own_origin(origin: &str, request: &Request, app: &App) -> bool {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = request
        .uri()
        .authority()
        .map(poem::http::uri::Authority::as_str);
    let asked = authority.or(host).map(|host| format!("https://{host}"));
    origin == app.config().public_url.origin() || asked.as_deref() == Some(origin)
}

/// Refuses a state change of a session that does not carry its token.
pub(super) fn check_token(request: &Request, presented: Option<&str>) -> Result<(), Failure> {
    let expected = request.data::<CsrfToken>().map(|token| token.0.as_bytes());
    let same = match (presented, expected) {
        (Some(presented), Some(expected)) => presented.as_bytes().ct_eq(expected).into(),
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(Failure::foreign_form())
    }
}

/// Whether the method must change nothing.
pub(super) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A redirect that is followed with GET.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// To the page that asks who it is, and from there back: to the page that was asked for, or for a
/// form to the page that it stood on. What was typed into the form is not kept.
pub(super) fn to_confirm(request: &Request) -> Response {
    let asked = request.uri().path_and_query();
    let asked = asked.map(poem::http::uri::PathAndQuery::as_str);
    let next = if is_read(request.method()) {
        asked.map(str::to_owned)
    } else {
        form_page(request)
    };
    let next = next.and_then(|path| OwnPath::parse(&path));
    let query = next.map(|next| {
        let mut query = url::form_urlencoded::Serializer::new("?".to_owned());
        query.append_pair("next", next.as_str()).finish()
    });
    see_other(&format!("/confirm{}", query.unwrap_or_default()))
}

/// The page that a form stood on, as browsers say.
fn form_page(request: &Request) -> Option<String> {
    let referrer = request.headers().get(header::REFERER)?.to_str().ok()?;
    let referrer = url::Url::parse(referrer).ok()?;
    let query = referrer.query().map(|query| format!("?{query}"));
    Some(format!("{}{}", referrer.path(), query.unwrap_or_default()))
}

/// A path of this dashboard, safe to send a browser to: it cannot lead to another host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct OwnPath(String);

impl OwnPath {
    /// Checks what came with a request. None when it is anything but a plain path of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let base = url::Url::parse("https://dashboard.invalid").ok()?;
        let own = base.join(text).ok()?;
        let whole = own.origin() == base.origin() && text.starts_with('/');
        let query = own.query().map(|query| format!("?{query}"));
        let path = format!("{}{}", own.path(), query.unwrap_or_default());
        let plain = !path.starts_with("//") && !path.contains('\\') && path.len() <= 1024;
        (whole && plain).then_some(Self(path))
    }

    /// The path.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for OwnPath {
    fn default() -> Self {
        Self("/account".to_owned())
    }
}

/// The person whose session asks, for pages.
pub(super) fn session_of(request: &Request) -> Option<&PersonPrincipal> {
    match request.data::<Principal>() {
        Some(Principal::Person(person)) if matches!(person.means, Means::Session(_)) => {
            Some(person)
        }
        _ => None,
    }
}

/// The person of a page behind a session, and their form token.
pub(super) struct Visitor {
    pub(super) person: PersonPrincipal,
    pub(super) csrf_token: String,
    /// How many incidents are open where they may look.
    pub(super) open_incidents: u64,
}

impl Visitor {
    /// Who looks, if anybody is logged in.
    pub(super) async fn of(request: &Request) -> Result<Option<Self>, Failure> {
        let Some(person) = session_of(request).cloned() else {
            return Ok(None);
        };
        let csrf_token = request.data::<CsrfToken>();
        let csrf_token = csrf_token.map(|token| token.0.clone()).unwrap_or_default();
        let open_incidents = match (request.data::<App>(), person.scope(Right::Read)) {
            (Some(app), Ok(scope)) => app.services().count_open_incidents(scope).await?,
            _ => 0,
        };
        Ok(Some(Self {
            person,
            csrf_token,
            open_incidents,
        }))
    }
}

impl<'a> FromRequest<'a> for Visitor {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let visitor = Self::of(request).await?;
        Ok(visitor.ok_or_else(Failure::unauthenticated)?)
    }
}

/// The fields of a form, each taken by name; nothing binds to a structure by itself.
#[derive(Clone, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    async fn read(request: &mut Request) -> Result<Self, Failure> {
        let bytes = request.take_body().into_bytes().await.unwrap_or_default();
        request.set_body(Body::from_bytes(bytes.clone()));
        let form = request
            .content_type()
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !form && !bytes.is_empty() {
            return Err(Failure::unsupported_media_type("A form is expected here."));
        }
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(&bytes) {
            if fields
                .insert(name.to_string(), value.into_owned())
                .is_some()
            {
                return Err(Failure::bad_request(format!(
                    "the field {name} stands twice"
                )));
            }
        }
        Ok(Self(fields))
    }

    /// Takes the fields whose names begin with `prefix`, as boxes that are ticked, and gives the rest of
    /// their names.
    pub(super) fn take_ticked(&mut self, prefix: &str) -> Vec<String> {
        let rest = |name: &String| name.strip_prefix(prefix).map(str::to_owned);
        let ticked = self.0.keys().filter_map(rest).collect();
        self.0.retain(|name, _| !name.starts_with(prefix));
        ticked
    }

    /// Takes a field; a missing one is empty.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }
}

impl<'a> FromRequest<'a> for Fields {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(request.data::<Self>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_path_of_ours_is_somewhere_to_go() {
        let own = |text: &str| OwnPath::parse(text).map(|path| path.0);
        assert_eq!(own("/servers/1?a=b#c"), Some("/servers/1?a=b".to_owned()));
        assert_eq!(own("/a/../b"), Some("/b".to_owned()));
        for elsewhere in [
            "",
            "servers",
            "//evil.example/x",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "/..//evil.example",
            "/%0d%0aX: y/..//evil.example",
            "javascript:alert(1)",
            "\t//evil.example",
            "/\t/evil.example",
            " //evil.example",
        ] {
            let path = own(elsewhere);
            let stays = path.as_deref().is_none_or(|path| !path.starts_with("//"));
            assert!(stays, "{elsewhere:?} {path:?}");
        }
        assert_eq!(own("//evil.example/x"), None);
        assert_eq!(own("/\\evil.example"), None);
    }
}
