//! The HTTP API of version 1, as its OpenAPI document describes it.

mod agent_keys;
mod alert_rules;
mod alert_schema;
mod audit;
mod auth;
mod channel_schema;
mod channels;
mod counted;
mod download;
mod enrolments;
mod fleet;
mod groups;
mod incidents;
pub mod key_schema;
mod live;
mod maintenance;
mod metrics;
mod metrics_export;
mod organisation_data;
mod organisations;
mod people;
pub mod people_schema;
mod reports;
mod retention;
pub mod schema;
mod second_factors;
mod servers;
mod sessions;
mod tokens;
mod types;

use poem::{Endpoint, Route};
use poem_openapi::OpenApiService;

use self::agent_keys::AgentKeysApi;
use self::alert_rules::AlertRulesApi;
use self::audit::AuditApi;
use self::channels::ChannelsApi;
use self::enrolments::EnrolmentsApi;
use self::fleet::FleetApi;
use self::groups::GroupsApi;
use self::incidents::IncidentsApi;
use self::live::LiveApi;
use self::maintenance::MaintenanceApi;
use self::metrics::MetricsApi;
use self::metrics_export::MetricsExportApi;
use self::organisation_data::OrganisationDataApi;
use self::organisations::OrganisationsApi;
use self::people::PeopleApi;
use self::reports::ReportsApi;
use self::retention::RetentionApi;
use self::second_factors::SecondFactorsApi;
use self::servers::ServersApi;
use self::sessions::SessionsApi;
use self::tokens::TokensApi;
pub(super) use self::tokens::{
    read_cursor as read_token_cursor, write_cursor as write_token_cursor,
};
use super::{App, BuildError, DeclaredRoute};

/// Operations that anybody may call: what they take is the proof.
const PUBLIC_OPERATIONS: [&str; 1] = ["enrol"];

type Apis = (
    ReportsApi,
    ServersApi,
    AgentKeysApi,
    EnrolmentsApi,
    // There may be sixteen at most in one row.
    (MetricsApi, MetricsExportApi, FleetApi),
    LiveApi,
    SessionsApi,
    SecondFactorsApi,
    AuditApi,
    PeopleApi,
    OrganisationsApi,
    OrganisationDataApi,
    GroupsApi,
    TokensApi,
    RetentionApi,
    (AlertRulesApi, IncidentsApi, MaintenanceApi, ChannelsApi),
);

/// The endpoint of the API and its operations, once each is known to declare its principal.
pub(super) fn service(app: App) -> Result<(impl Endpoint, Vec<DeclaredRoute>), BuildError> {
    let service = describe(apis(app));
    let operations = declared(&service.spec())?;
    Ok((Route::new().nest("/", service), operations))
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
        (
            MetricsApi(app.clone()),
            MetricsExportApi(app.clone()),
            FleetApi(app.clone()),
        ),
        LiveApi(app.clone()),
        SessionsApi(app.clone()),
        SecondFactorsApi(app.clone()),
        AuditApi(app.clone()),
        PeopleApi(app.clone()),
        OrganisationsApi(app.clone()),
        OrganisationDataApi(app.clone()),
        GroupsApi(app.clone()),
        TokensApi(app.clone()),
        RetentionApi(app.clone()),
        (
            AlertRulesApi(app.clone()),
            IncidentsApi(app.clone()),
            MaintenanceApi(app.clone()),
            ChannelsApi(app),
        ),
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

/// The operations of a document, each with its principal.
fn declared(document: &str) -> Result<Vec<DeclaredRoute>, BuildError> {
    let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
    let paths = document.get("paths").and_then(serde_json::Value::as_object);
    let mut declared = Vec::new();
    for (path, operations) in paths.into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let undeclared = || BuildError::Undeclared(format!("{method} {path}"));
            let principal = principal(operation).ok_or_else(undeclared)?;
            let method = method.to_uppercase().parse().map_err(|_| undeclared())?;
            declared.push(DeclaredRoute {
                method,
                path: format!("/api/v1{}", path.replace('{', ":").replace('}', "")),
                principal,
            });
        }
    }
    Ok(declared)
}

/// Who may use an operation; none when it does not say so.
fn principal(operation: &serde_json::Value) -> Option<String> {
    let id = operation.get("operationId")?.as_str()?;
    let schemes = operation
        .get("security")
        .and_then(|schemes| schemes.as_array());
    let names: Vec<&str> = schemes
        .into_iter()
        .flatten()
        .filter_map(|scheme| scheme.as_object()?.keys().next())
        .map(String::as_str)
        .collect();
    match names.as_slice() {
        [] if PUBLIC_OPERATIONS.contains(&id) => Some("public".to_owned()),
        [] => None,
        names => Some(names.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_without_a_principal_keeps_the_program_from_starting() {
        let with = |operation: &str| format!(r#"{{"paths":{{"/x":{{"get":{operation}}}}}}}"#);
        let known = with(r#"{"operationId":"x","security":[{"session":[]}]}"#);
        assert!(declared(&known).is_ok());
        for undeclared in [
            r#"{"operationId":"x"}"#,
            r#"{"operationId":"x","security":[]}"#,
        ] {
            assert!(declared(&with(undeclared)).is_err());
        }
    }
}
