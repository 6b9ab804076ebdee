//! Access tokens.

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{
    Choice, NewTokenView, Section, Settings, TokenMadeView, TokenRow, TokensView,
};
use server_scout_wire::Timestamp;

use super::super::App;
use super::super::api::{read_token_cursor, write_token_cursor};
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::{Right, TokenScope};
use crate::domain::ServiceError;
use crate::domain::tokens::{DEFAULT_DAYS, MAX_DAYS, TokenPage, TokenRequest};
use crate::store::tokens;

const PAGE: usize = 100;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let fresh = Access::Fresh;
    route
        .at("/settings/tokens", pages.get(Access::Session, list))
        .at(
            "/settings/tokens/new",
            pages.get(fresh, new).post(pages.guard(fresh, make)),
        )
        .at("/settings/tokens/revoke", pages.post(fresh, revoke))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensQuery {
    #[serde(default)]
    all: bool,
    after: Option<String>,
    #[serde(default)]
    revoked: bool,
}

#[handler]
async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<TokensQuery>,
) -> poem::Result<Response> {
    let services = app.services();
    let page = if query.all {
        let after = query.after.as_deref().map(read_token_cursor).transpose()?;
        services.all_tokens(&visitor.person, after, PAGE).await
    } else {
        let own = services.own_tokens(&visitor.person).await;
        own.map(|tokens| TokenPage { tokens, next: None })
    };
    let page = page.map_err(Failure::from)?;
    let now = services.clock().now();
    let view = TokensView {
        frame: frame(&visitor),
        settings: Settings::at(Section::Tokens, visitor.person.may(Right::Administer)),
        tokens: page.tokens.iter().map(|token| row(token, now)).collect(),
        everybody: query.all,
        may_see_all: visitor.person.may(Right::Administer),
        next_after: page.next.map(write_token_cursor),
        notice: query.revoked.then(|| REVOKED.to_owned()),
    };
    Ok(html(app.pages().tokens(&view))?)
}

#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "extractors are handed over whole"
)]
fn new(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    Ok(html(app.pages().new_token(&form(&visitor)))?)
}

#[handler]
async fn make(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let (name, word, days) = (
        fields.take("name"),
        fields.take("scope"),
        fields.take("days"),
    );
    let made = match (word.parse::<TokenScope>(), days.trim().parse::<u32>()) {
        (Ok(scope), Ok(days)) => {
            let (name, days) = (name.clone(), Some(days));
            let request = TokenRequest { name, scope, days };
            app.services().make_token(&visitor.person, request).await
        }
        (Err(expected), _) => Err(ServiceError::invalid("scope", expected)),
        (_, Err(_)) => {
            let reason = format!("must be 1 to {MAX_DAYS}");
            Err(ServiceError::invalid("days", reason))
        }
    };
    match made {
        Ok((token, secret)) => {
            let view = TokenMadeView {
                frame: frame(&visitor),
                settings: Settings::at(Section::Tokens, visitor.person.may(Right::Administer)),
                name: token.name,
                scope: token.scope.as_str().to_owned(),
                expires: token.expires_at.to_string(),
                access_token: secret.expose().to_owned(),
            };
            Ok(html(app.pages().token_made(&view))?)
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let mut view = NewTokenView {
                name,
                days,
                error: Some(sentence(&error)),
                ..form(&visitor)
            };
            for scope in &mut view.scopes {
                scope.chosen = scope.id == word;
            }
            Ok(again(app.pages().new_token(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
async fn revoke(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = fields.take("token");
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let revoked = app.services().revoke_token(&visitor.person, id).await;
    revoked.map_err(Failure::from)?;
    Ok(see_other("/settings/tokens?revoked=true"))
}

/// The form with the scopes that the person's role allows, the smallest first.
fn form(visitor: &Visitor) -> NewTokenView {
    let allowed = SCOPES
        .iter()
        .filter(|(scope, _)| scope.right() <= visitor.person.right);
    NewTokenView {
        frame: frame(visitor),
        settings: Settings::at(Section::Tokens, visitor.person.may(Right::Administer)),
        name: String::new(),
        scopes: allowed
            .map(|(scope, meaning)| Choice {
                id: scope.as_str().to_owned(),
                name: format!("{scope}: {meaning}"),
                chosen: *scope == TokenScope::Read,
            })
            .collect(),
        days: DEFAULT_DAYS.to_string(),
        max_days: MAX_DAYS,
        error: None,
    }
}

fn row(token: &tokens::TokenRow, now: Timestamp) -> TokenRow {
    TokenRow {
        id: token.id.to_string(),
        name: token.name.clone(),
        scope: token.scope.as_str().to_owned(),
        email: token.email.clone(),
        expires: token.expires_at.to_string(),
        expired: token.expires_at <= now,
        last_used: token.used_at.map(|at| at.to_string()),
        last_used_seconds_ago: token.used_at.map_or(0, |at| now.since(at).as_secs()),
        last_address: token.used_from.clone(),
    }
}

const REVOKED: &str = "The token is revoked. Whatever used it is refused from now on.";

/// What each scope lets a program do.
const SCOPES: [(TokenScope, &str); 4] = [
    (
        TokenScope::Metrics,
        "reads the metrics page and nothing else",
    ),
    (TokenScope::Read, "looks at what you may look at"),
    (TokenScope::Write, "also changes servers"),
    (TokenScope::Admin, "does whatever you may do"),
];
