//! Access tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use server_scout_wire::Timestamp;

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::schema::Time;
use super::servers::Gone;
use crate::access::TokenScope;
use crate::domain::tokens::{TokenPage, TokenRequest};
use crate::store::tokens::{TokenPlace, TokenRow};

pub(super) struct TokensApi(pub(super) App);

/// An access token to make.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct NewAccessToken {
    /// What to call it: 1 to 64 characters.
    #[oai(validator(max_length = 256))]
    name: String,
    /// What it may do at most: `read`, `write`, `admin` or `metrics`. Not more than its person's role.
    #[oai(validator(max_length = 16))]
    scope: String,
    /// For how many days, 1 to 365; 90 unless said otherwise.
    days: Option<u32>,
}

/// An access token without its secret.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct AccessToken {
    /// Its opaque id.
    id: String,
    /// What its maker called it.
    name: String,
    /// What it may do at most: `read`, `write`, `admin` or `metrics`. The role of its person is a
    /// second bound.
    scope: String,
    /// The address of its person.
    email: String,
    /// When it was made.
    created_at: Time,
    /// When it ends, or ended. It is listed for 30 days after that.
    expires_at: Time,
    /// When it was last used, to the minute.
    last_used: Option<Time>,
    /// From where it was last used.
    last_address: Option<String>,
}

/// Access tokens, those made last first.
#[derive(Clone, Debug, Object)]
pub(super) struct AccessTokenList {
    /// The tokens of this page.
    items: Vec<AccessToken>,
    /// Where to go on, when there are more.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An access token that was made.
#[derive(Clone, Debug, Object)]
pub(super) struct AddedAccessToken {
    /// The token's description.
    token: AccessToken,
    /// The token itself. It is shown here and never again.
    access_token: String,
}

#[derive(ApiResponse)]
enum AddedTokenResponse {
    /// The token was made.
    #[oai(status = 201)]
    Added(Json<AddedAccessToken>),
}

#[OpenApi]
impl TokensApi {
    /// List access tokens
    ///
    /// The own ones, at most 50; with `all` those of every member, for admins.
    #[oai(path = "/tokens", method = "get", operation_id = "list_tokens")]
    async fn list_tokens(
        &self,
        person: PersonAuth,
        /// Whether those of every member are asked for.
        all: Query<Option<bool>>,
        /// With `all`: how many at most, 1 to 200; 100 unless said otherwise.
        limit: Query<Option<u32>>,
        /// With `all`: where to go on, `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<AccessTokenList>, Failure> {
        let services = self.0.services();
        let page = if all.0.unwrap_or_default() {
            let after = cursor.0.map(|cursor| read_cursor(&cursor)).transpose()?;
            let limit = limit.0.unwrap_or(100) as usize;
            services.all_tokens(&person.0, after, limit).await?
        } else {
            let tokens = services.own_tokens(&person.0).await?;
            TokenPage { tokens, next: None }
        };
        Ok(Json(AccessTokenList {
            items: page.tokens.iter().map(AccessToken::from).collect(),
            next_cursor: page.next.map(write_cursor),
        }))
    }

    /// Make an access token
    ///
    /// For oneself, by a session that has proved lately whose it is; a token makes none. A person has
    /// at most 50 in an organisation. The answer holds the token, which is shown this once.
    #[oai(path = "/tokens", method = "post", operation_id = "add_token")]
    async fn add_token(
        &self,
        person: PersonAuth,
        new: Json<NewAccessToken>,
    ) -> Result<AddedTokenResponse, Failure> {
        let NewAccessToken { name, scope, days } = new.0;
        let scope: TokenScope = scope
            .parse()
            .map_err(|expected| Failure::invalid("scope", expected))?;
        let request = TokenRequest { name, scope, days };
        let (token, secret) = self.0.services().make_token(&person.0, request).await?;
        Ok(AddedTokenResponse::Added(Json(AddedAccessToken {
            token: (&token).into(),
            access_token: secret.expose().to_owned(),
        })))
    }

    /// Revoke an access token
    ///
    /// An own one, or as an admin anybody's. It counts from the next request on, and its live streams
    /// end. A token that revokes needs the scope `admin`.
    #[oai(path = "/tokens/:id", method = "delete", operation_id = "revoke_token")]
    async fn revoke_token(
        &self,
        person: PersonAuth,
        /// The token's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = id.0.parse().map_err(|_| Failure::not_found())?;
        self.0.services().revoke_token(&person.0, id).await?;
        Ok(Gone::Gone)
    }
}

impl From<&TokenRow> for AccessToken {
    fn from(token: &TokenRow) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            scope: token.scope.as_str().to_owned(),
            email: token.email.clone(),
            created_at: Time(token.created_at),
            expires_at: Time(token.expires_at),
            last_used: token.used_at.map(Time),
            last_address: Some(token.used_from.clone()).filter(|from| !from.is_empty()),
        }
    }
}

/// A place in a list of tokens, as cursors and pages carry it.
pub(in super::super) fn write_cursor((at, id): TokenPlace) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{id}", at.as_millis()))
}

/// Reads it again.
pub(in super::super) fn read_cursor(cursor: &str) -> Result<TokenPlace, Failure> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (at, id) = text.split_once('.')?;
        Some((Timestamp::from_millis(at.parse().ok()?), id.parse().ok()?))
    };
    read().ok_or_else(|| Failure::invalid("cursor", "must be the next_cursor of the page before"))
}
