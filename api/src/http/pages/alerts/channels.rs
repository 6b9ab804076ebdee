//! Channels, and the log of what went there.

use std::collections::BTreeMap;

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{
    ChannelDeletionView, ChannelKeyView, ChannelRow, ChannelView, ChannelsView, DeliveryRow,
    ListedChannel, NewChannelView,
};
use server_scout_wire::Timestamp;

use super::super::super::App;
use super::super::super::guard::{Fields, Visitor, see_other};
use super::super::super::problem::Failure;
use super::super::audit::readable;
use super::super::login::sentence;
use super::super::{again, frame, html};
use super::channel_form::{self, Typed};
use super::{heartbeat, unsent, words};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::channels::ChannelOverview;
use crate::domain::channels::dispatch::MAILS_AN_HOUR;
use crate::domain::channels::settings::Kind;
use crate::id::{self, Id};
use crate::store::channels::{self, HoursRow};
use crate::store::deliveries;
use crate::store::delivery_bounds::Bounds;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelsQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Added,
    Asked,
    Changed,
    Deleted,
    Tested,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewQuery {
    kind: String,
}

#[handler]
pub(super) async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ChannelsQuery>,
) -> poem::Result<Response> {
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let services = app.services();
    let all = services.channel_overviews(scope).await;
    let (all, now) = (all.map_err(Failure::from)?, services.clock().now());
    let mail = services.has_mail();
    let beat = services.heartbeat(scope).await.map_err(Failure::from)?;
    let view = ChannelsView {
        frame: frame(&visitor),
        all_wait: { all.iter() }.all(|one| one.row.waits_for_confirmation()),
        channels: all.iter().map(|one| listed(one, now)).collect(),
        kinds: channel_form::kinds(mail),
        without_mail: !mail,
        may_change: visitor.person.may(Right::Administer),
        unsent: unsent(app, &visitor).await,
        heartbeat: beat.as_ref().map(heartbeat::row),
        notice: query.done.map(|done| done.words().to_owned()),
    };
    Ok(html(app.pages().channels(&view))?)
}

#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "extractors are handed over whole"
)]
pub(super) fn new(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<NewQuery>,
) -> poem::Result<Response> {
    let administer = visitor.person.scope(Right::Administer);
    administer.map_err(Failure::from)?;
    let kind = channel_form::kind(&query.kind)?;
    let view = NewChannelView {
        fields: channel_form::fields(kind, &BTreeMap::new()),
        ..form(app, &visitor, kind, &Typed::new())
    };
    Ok(html(app.pages().new_channel(&view))?)
}

#[handler]
pub(super) async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let kind = channel_form::kind(&fields.take("kind"))?;
    let typed = Typed::sent(&mut fields);
    let own = channel_form::sent(kind, &mut fields);
    let added = match typed.made(kind, &own) {
        Ok(made) => app.services().add_channel(&acting, made).await,
        Err(error) => Err(error),
    };
    match added {
        Ok((row, None)) => {
            let done = if row.waits_for_confirmation() {
                "asked"
            } else {
                "added"
            };
            let place = format!("/alerts/channels/{}?done={done}", row.id);
            Ok(see_other(&place))
        }
        Ok((row, Some(signing_key))) => Ok(html(app.pages().channel_key(&ChannelKeyView {
            frame: frame(&visitor),
            id: row.id.to_string(),
            name: row.name,
            signing_key,
        }))?),
        Err(
            error @ (ServiceError::Invalid { .. }
            | ServiceError::Conflict { .. }
            | ServiceError::TooManyConfirmations { .. }),
        ) => {
            let view = NewChannelView {
                fields: channel_form::fields(kind, &own),
                error: Some(channel_form::sentence(kind, &error)),
                ..form(app, &visitor, kind, &typed)
            };
            Ok(again(app.pages().new_channel(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(query): Query<ChannelsQuery>,
) -> poem::Result<Response> {
    let row = found(app, &visitor, &id).await?;
    let view = ChannelView {
        notice: query.done.map(|done| done.words().to_owned()),
        ..view(app, &visitor, &row).await?
    };
    Ok(html(app.pages().channel(&view))?)
}

#[handler]
pub(super) async fn change(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let row = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let (typed, on) = (Typed::sent(&mut fields), !fields.take("enabled").is_empty());
    let changed = match typed.change(on) {
        Ok(change) => app.services().change_channel(&acting, row.id, change).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(row) => Ok(done(&row, "changed")),
        Err(error) => {
            let view = ChannelView {
                typed: typed.view(on),
                ..view(app, &visitor, &row).await?
            };
            refused(app, view, error)
        }
    }
}

#[handler]
pub(super) async fn test(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let row = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let outcome = app.services().test_channel(&acting, row.id).await;
    match outcome {
        Ok(_) => Ok(done(&row, "tested")),
        Err(error) => refused(app, view(app, &visitor, &row).await?, error),
    }
}

#[handler]
pub(super) async fn ask_again(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let row = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let outcome = app.services().ask_channel_again(&acting, row.id).await;
    match outcome {
        Ok(_) => Ok(done(&row, "asked")),
        Err(error) => refused(app, view(app, &visitor, &row).await?, error),
    }
}

#[handler]
pub(super) async fn ask_deletion(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let row = found(app, &visitor, &id).await?;
    let scope = visitor.person.scope(Right::Administer);
    let rules = app.services().alert_rules(scope.map_err(Failure::from)?);
    let rules = rules.await.map_err(Failure::from)?;
    let only_of = { rules.iter().map(|rule| &rule.row.said) }
        .filter(|said| said.channels == [row.id])
        .map(|said| said.name.clone());
    let view = ChannelDeletionView {
        frame: frame(&visitor),
        channel: channel(&row),
        only_of: only_of.collect(),
    };
    Ok(html(app.pages().channel_deletion(&view))?)
}

#[handler]
pub(super) async fn delete(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let row = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let deleted = app.services().delete_channel(&acting, row.id);
    deleted.await.map_err(Failure::from)?;
    Ok(see_other("/alerts/channels?done=deleted"))
}

/// The object first: what is foreign does not exist, whoever asks.
async fn found(app: &App, visitor: &Visitor, id: &str) -> Result<channels::ChannelRow, Failure> {
    let id: Id<id::Channel> = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().channel(scope, id).await?)
}

/// The channel again, with the words of what was done.
fn done(row: &channels::ChannelRow, what: &str) -> Response {
    see_other(&format!("/alerts/channels/{}?done={what}", row.id))
}

/// The channel again, with the reason.
fn refused(app: &App, view: ChannelView, error: ServiceError) -> poem::Result<Response> {
    if !matches!(
        error,
        ServiceError::Invalid { .. }
            | ServiceError::Conflict { .. }
            | ServiceError::TooManyConfirmations { .. }
            | ServiceError::TooManyTests { .. }
    ) {
        return Err(Failure::from(error).into());
    }
    let view = ChannelView {
        error: Some(sentence(&error)),
        ..view
    };
    Ok(again(app.pages().channel(&view), error)?)
}

fn form(app: &App, visitor: &Visitor, kind: Kind, typed: &Typed) -> NewChannelView {
    NewChannelView {
        frame: frame(visitor),
        kind: kind.as_str().to_owned(),
        kind_words: channel_form::words(kind).to_owned(),
        without_mail: kind == Kind::Email && !app.services().has_mail(),
        fields: Vec::new(),
        typed: typed.view(true),
        error: None,
    }
}

async fn view(
    app: &App,
    visitor: &Visitor,
    row: &channels::ChannelRow,
) -> Result<ChannelView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let services = app.services();
    let deliveries = services.deliveries(scope, row.id).await?;
    let now = services.clock().now();
    Ok(ChannelView {
        frame: frame(visitor),
        channel: channel(row),
        typed: Typed::of(row).view(row.enabled),
        deliveries: deliveries.iter().map(|one| delivery(one, now)).collect(),
        bound: bound(Kind::from_word(&row.kind)),
        may_change: visitor.person.may(Right::Administer),
        fresh: visitor.person.fresh,
        unsent: unsent(app, visitor).await,
        notice: None,
        error: None,
    })
}

/// How many may wait, and what happens beyond that.
fn bound(kind: Option<Kind>) -> String {
    let bounds = Bounds::ALL;
    match kind {
        Some(kind) if kind.keeps_state() => format!(
            "At most {} wait; then the oldest is given up for the newest, ends of incidents last.",
            bounds.of_keeping
        ),
        Some(Kind::Email) => format!(
            "At most {} wait; then the oldest is given up for the newest. {MAILS_AN_HOUR} mails an hour go to \
             all channels together; what is beyond that waits.",
            bounds.of_channel
        ),
        _ => format!(
            "At most {} wait; then the oldest is given up for the newest.",
            bounds.of_channel
        ),
    }
}

fn listed(one: &ChannelOverview, now: Timestamp) -> ListedChannel {
    ListedChannel {
        channel: ChannelRow {
            dead: match one.dead {
                0 => String::new(),
                count => count.to_string(),
            },
            ..channel(&one.row)
        },
        newest: one.newest.as_ref().map(|newest| delivery(newest, now)),
    }
}

fn channel(row: &channels::ChannelRow) -> ChannelRow {
    let kind = match Kind::from_word(&row.kind) {
        Some(kind) => channel_form::words(kind),
        None => &row.kind,
    };
    ChannelRow {
        id: row.id.to_string(),
        name: row.name.clone(),
        kind: kind.to_owned(),
        shown: row.shown.clone(),
        severity: row.severity.as_str().to_owned(),
        hours: row
            .hours
            .as_ref()
            .map(HoursRow::to_string)
            .unwrap_or_default(),
        enabled: row.enabled,
        waits: row.waits_for_confirmation(),
        dead: String::new(),
    }
}

fn delivery(row: &deliveries::DeliveryRow, now: Timestamp) -> DeliveryRow {
    let waits = row.state == "waiting";
    let next = match () {
        () if !waits => String::new(),
        () if row.is_held() => "after what comes before it".to_owned(),
        () if row.due_at <= now => "at once".to_owned(),
        () => format!("in {}", words::span(row.due_at.since(now))),
    };
    DeliveryRow {
        tells: row.kind.clone(),
        state: row.state.clone(),
        state_words: if row.state == "dead" {
            "given up"
        } else {
            &row.state
        }
        .to_owned(),
        at: row.created_at.to_string(),
        when: readable(row.created_at),
        attempts: row.attempts.to_string(),
        status: row
            .status
            .map(|status| status.to_string())
            .unwrap_or_default(),
        took: row
            .took
            .map(|took| format!("{took} ms"))
            .unwrap_or_default(),
        problem: row.problem.clone().unwrap_or_default(),
        next,
    }
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Added => "The channel is made. Send a test to see that it arrives.",
            Self::Asked => {
                "A link is on its way to the address. Nothing else goes there until somebody opened it and agreed."
            }
            Self::Changed => "The channel is changed.",
            Self::Deleted => "The channel is deleted.",
            Self::Tested => {
                "The test is on its way. What becomes of it shows below; reload to see."
            }
        }
    }
}
