//! The principals that operations declare.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::super::App;
use super::super::credentials::SESSION_COOKIE;
use super::super::guard::{CSRF_HEADER, check_origin, check_token, count_change, is_read};
use super::super::problem::Failure;
use crate::domain::principal::{Means, PersonPrincipal, Principal};
use crate::store::credentials::AgentIdentity;

/// An agent, by its key.
pub(super) struct AgentAuth(pub(super) AgentIdentity);

/// A person, by access token or session.
pub(super) struct PersonAuth(pub(super) PersonPrincipal);

impl<'a> ApiExtractor<'a> for AgentAuth {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "apiKey",
            description: Some("One server's agent key"),
            name: Some("X-API-Key"),
            key_in: Some("header"),
            ..NO_SCHEME
        };
        registry.create_security_scheme(AGENT_KEY, scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![AGENT_KEY]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        match request.data::<Principal>() {
            Some(Principal::Agent(agent)) => Ok(Self(*agent)),
            Some(Principal::Person(_)) => {
                Err(Failure::forbidden("Reports are sent with an agent key.").into())
            }
            None => Err(Failure::unauthenticated().into()),
        }
    }
}

impl<'a> ApiExtractor<'a> for PersonAuth {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let token = MetaSecurityScheme {
            ty: "http",
            description: Some("An access token"),
            scheme: Some("bearer"),
            ..NO_SCHEME
        };
        let session = MetaSecurityScheme {
            ty: "apiKey",
            description: Some("A browser's session; changes also carry X-CSRF-Token"),
            name: Some(SESSION_COOKIE),
            key_in: Some("cookie"),
            ..NO_SCHEME
        };
        registry.create_security_scheme(ACCESS_TOKEN, token);
        registry.create_security_scheme(SESSION, session);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![ACCESS_TOKEN, SESSION]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        match request.data::<Principal>() {
            Some(Principal::Person(person)) => {
                let by_session = matches!(person.means, Means::Session(_));
                if !is_read(request.method()) {
                    let app = request.data::<App>().ok_or_else(Failure::internal)?;
                    if by_session {
                        check_change(request, app)?;
                    }
                    count_change(request, app)?;
                }
                Ok(Self(person.clone()))
            }
            Some(Principal::Agent(_)) => {
                Err(Failure::forbidden("An agent key only sends reports.").into())
            }
            None => Err(Failure::unauthenticated().into()),
        }
    }
}

fn check_change(request: &Request, app: &App) -> Result<(), Failure> {
    check_origin(request, app)?;
    let token = request
        .headers()
        .get(CSRF_HEADER)
        .and_then(|token| token.to_str().ok());
    check_token(request, token)
}

const ACCESS_TOKEN: &str = "accessToken";
const AGENT_KEY: &str = "agentKey";
const SESSION: &str = "session";

const NO_SCHEME: MetaSecurityScheme = MetaSecurityScheme {
    ty: "",
    description: None,
    name: None,
    key_in: None,
    scheme: None,
    bearer_format: None,
    flows: None,
    openid_connect_url: None,
};
