//! A person's own second factors, and whether an organisation requires one. Setting one up is for
//! the pages: it needs a camera or an authenticator.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::super::problem::Failure;
use super::super::{App, credentials};
use super::auth::PersonAuth;
use super::schema::Time;
use super::servers::Gone;
use crate::access::Right;
use crate::domain::second_factor::{OwnFactors, OwnTotp};
use crate::store::passkeys::PasskeyRow;

pub(super) struct SecondFactorsApi(pub(super) App);

/// What a second factor is.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "kebab-case")]
enum FactorKind {
    /// A passkey (`WebAuthn`).
    Passkey,
    /// Codes by time (RFC 6238) of an authenticator app.
    Totp,
}

/// One of the own second factors.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct SecondFactor {
    /// Its opaque id.
    id: String,
    /// What it is.
    kind: FactorKind,
    /// What its person calls it; passkeys alone have a name.
    name: Option<String>,
    /// Since when it counts.
    created_at: Time,
    /// When it was last used.
    last_used: Option<Time>,
}

/// The own second factors.
#[derive(Clone, Debug, Object)]
struct SecondFactorList {
    /// The second factors.
    items: Vec<SecondFactor>,
    /// How many recovery codes are left.
    recovery_codes_left: i64,
}

/// What to change of a passkey.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
struct PasskeyChange {
    /// Another name: 1 to 64 characters.
    #[oai(validator(max_length = 256))]
    name: String,
}

/// Whether everybody in the organisation must have a second factor.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
struct SecondFactorRequirement {
    /// Whether it is required.
    required: bool,
}

#[derive(ApiResponse)]
enum Removed {
    /// Done. Every other session of the person has ended, and this one goes on under a new id.
    #[oai(status = 204)]
    Removed(#[oai(header = "Set-Cookie")] String),
}

#[OpenApi]
impl SecondFactorsApi {
    /// List own second factors
    #[oai(
        path = "/account/second-factors",
        method = "get",
        operation_id = "list_second_factors"
    )]
    async fn list_second_factors(
        &self,
        person: PersonAuth,
    ) -> Result<Json<SecondFactorList>, Failure> {
        let own = self.0.services().own_factors(&person.0).await?;
        Ok(Json(list(&own)))
    }

    /// Rename an own passkey
    ///
    /// For a session that has proved lately whose it is; never for a token.
    #[oai(
        path = "/account/second-factors/:id",
        method = "patch",
        operation_id = "rename_passkey"
    )]
    async fn rename_passkey(
        &self,
        person: PersonAuth,
        /// The second factor's id.
        id: Path<String>,
        change: Json<PasskeyChange>,
    ) -> Result<Gone, Failure> {
        let id = id.0.parse().map_err(|_| Failure::not_found())?;
        let services = self.0.services();
        services
            .rename_passkey(&person.0, id, &change.0.name)
            .await?;
        Ok(Gone::Gone)
    }

    /// Remove an own second factor
    ///
    /// For a session that has proved lately whose it is; never for a token. The last one stays while
    /// an organisation of the person's requires one.
    #[oai(
        path = "/account/second-factors/:id",
        method = "delete",
        operation_id = "remove_second_factor"
    )]
    async fn remove_second_factor(
        &self,
        person: PersonAuth,
        /// The second factor's id.
        id: Path<String>,
    ) -> Result<Removed, Failure> {
        let removed = self.0.services().remove_factor(&person.0, &id.0).await?;
        let cookie = credentials::session_cookie(&removed.session);
        Ok(Removed::Removed(
            cookie.to_str().unwrap_or_default().to_owned(),
        ))
    }

    /// Tell whether the organisation requires a second factor
    #[oai(
        path = "/organisation/second-factor",
        method = "get",
        operation_id = "get_second_factor_requirement"
    )]
    async fn get_second_factor_requirement(
        &self,
        person: PersonAuth,
    ) -> Result<Json<SecondFactorRequirement>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let found = self.0.services().second_factor_requirement(scope).await?;
        Ok(Json(SecondFactorRequirement {
            required: found.required,
        }))
    }

    /// Require a second factor of everybody in the organisation, or not any more
    ///
    /// For somebody who has one. Whoever has none can then do nothing there but set one up, and their
    /// access tokens are refused.
    #[oai(
        path = "/organisation/second-factor",
        method = "put",
        operation_id = "require_second_factor"
    )]
    async fn require_second_factor(
        &self,
        person: PersonAuth,
        requirement: Json<SecondFactorRequirement>,
    ) -> Result<Gone, Failure> {
        let acting = person.0.acting_fresh(Right::Administer)?;
        let services = self.0.services();
        let required = requirement.0.required;
        services.require_second_factor(&acting, required).await?;
        Ok(Gone::Gone)
    }
}

fn list(own: &OwnFactors) -> SecondFactorList {
    let totp = own.totp.iter().map(of_totp);
    SecondFactorList {
        items: totp.chain(own.passkeys.iter().map(of_passkey)).collect(),
        recovery_codes_left: own.recovery_codes_left,
    }
}

fn of_totp(totp: &OwnTotp) -> SecondFactor {
    SecondFactor {
        id: totp.id.to_string(),
        kind: FactorKind::Totp,
        name: None,
        created_at: Time(totp.created_at),
        last_used: totp.used_at.map(Time),
    }
}

fn of_passkey(row: &PasskeyRow) -> SecondFactor {
    SecondFactor {
        id: row.id.to_string(),
        kind: FactorKind::Passkey,
        name: Some(row.name.clone()),
        created_at: Time(row.created_at),
        last_used: row.used_at.map(Time),
    }
}
