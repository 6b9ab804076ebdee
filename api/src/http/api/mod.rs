//! The HTTP API of version 1, as its OpenAPI document describes it.

mod agent_keys;
mod audit;
mod auth;
mod download;
mod enrolments;
pub mod key_schema;
mod live;
mod metrics;
mod reports;
pub mod schema;
mod servers;
mod sessions;

use poem::{Endpoint, Route};
use poem_openapi::OpenApiService;

use self::agent_keys::AgentKeysApi;
use self::audit::AuditApi;
use self::enrolments::EnrolmentsApi;
use self::live::LiveApi;
use self::metrics::MetricsApi;
use self::reports::ReportsApi;
use self::servers::ServersApi;
use self::sessions::SessionsApi;
use super::{App, BuildError};

/// Operations that anybody may call: what they take is the proof.
const PUBLIC_OPERATIONS: [&str; 1] = ["enrol"];

type Apis = (
    ReportsApi,
    ServersApi,
    AgentKeysApi,
    EnrolmentsApi,
    MetricsApi,
    LiveApi,
    SessionsApi,
    AuditApi,
);

/// The endpoint of the API, once every operation is known to declare its principal.
pub(super) fn service(app: App) -> Result<impl Endpoint, BuildError> {
    let service = describe(apis(app));
    check_declared(&service.spec())?;
    Ok(Route::new().nest("/", service))
}

/// The OpenAPI document, JSON.
#[must_use]
pub fn document(app: App) -> String {
    describe(apis(app)).spec()
}

fn apis(app: App) -> Apis {
    (
        ReportsApi(app.clone()),
        ServersApi(app.clone()),
        AgentKeysApi(app.clone()),
        EnrolmentsApi(app.clone()),
        MetricsApi(app.clone()),
        LiveApi(app.clone()),
        SessionsApi(app.clone()),
        AuditApi(app),
    )
}

fn describe(apis: Apis) -> OpenApiService<Apis, ()> {
    OpenApiService::new(apis, "Server Scout", env!("CARGO_PKG_VERSION"))
        .description(
            "Reports go in with an agent key; everything else takes an access token, or the session \
             of a browser. Errors are problem documents (RFC 9457). Times are RFC 3339, UTC.",
        )
        .server("/api/v1")
}

fn check_declared(document: &str) -> Result<(), BuildError> {
    let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
    let paths = document.get("paths").and_then(serde_json::Value::as_object);
    for (path, operations) in paths.into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let id = operation
                .get("operationId")
                .and_then(serde_json::Value::as_str);
            let security = operation
                .get("security")
                .and_then(serde_json::Value::as_array);
            let declared = security.is_some_and(|schemes| !schemes.is_empty());
            let public = id.is_some_and(|id| PUBLIC_OPERATIONS.contains(&id));
            if id.is_none() || !(declared || public) {
                return Err(BuildError::Undeclared(format!("{method} {path}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_without_a_principal_keeps_the_program_from_starting() {
        let with = |operation: &str| format!(r#"{{"paths":{{"/x":{{"get":{operation}}}}}}}"#);
        let declared = with(r#"{"operationId":"x","security":[{"session":[]}]}"#);
        assert!(check_declared(&declared).is_ok());
        for undeclared in [
            r#"{"operationId":"x"}"#,
            r#"{"operationId":"x","security":[]}"#,
        ] {
            assert!(check_declared(&with(undeclared)).is_err());
        }
    }
}
