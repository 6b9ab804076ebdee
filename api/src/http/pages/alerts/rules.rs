//! Alert rules.

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{AlertPreview, AlertRuleRow, AlertRuleView, AlertRulesView};

use super::super::super::App;
use super::super::super::guard::{Fields, Visitor, see_other};
use super::super::super::problem::Failure;
use super::super::login::sentence;
use super::super::{again, frame, html};
use super::places::Places;
use super::rule_form::{self, Typed};
use super::words;
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::acting::Acting;
use crate::domain::alerts::{Preview, RuleChange, RuleView};
use crate::id::{AlertRule, Id};
use crate::store::channels::ChannelRow;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Added,
    Changed,
    Deleted,
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
    Query(query): Query<RulesQuery>,
) -> poem::Result<Response> {
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let rules = app.services().alert_rules(scope).await;
    let rules = rules.map_err(Failure::from)?;
    let channels = channels(app, &visitor).await?;
    let places = Places::seen(app, &visitor).await?;
    let view = AlertRulesView {
        frame: frame(&visitor),
        rules: { rules.iter() }
            .map(|rule| row(rule, &places, &channels))
            .collect(),
        kinds: rule_form::kinds(),
        may_change: visitor.person.may(Right::Write),
        notice: query.done.map(|done| done.words().to_owned()),
    };
    Ok(html(app.pages().alert_rules(&view))?)
}

#[handler]
pub(super) async fn new(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<NewQuery>,
) -> poem::Result<Response> {
    visitor.person.scope(Right::Write).map_err(Failure::from)?;
    let typed = Typed::new(rule_form::kind(&query.kind)?);
    let places = Places::seen(app, &visitor).await?;
    let channels = channels(app, &visitor).await?;
    let view = typed.view(&visitor, &places, &channels);
    Ok(html(app.pages().alert_rule(&view))?)
}

#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let rule = found(app, &visitor, &id).await?;
    visitor.person.scope(Right::Write).map_err(Failure::from)?;
    let places = Places::seen(app, &visitor).await?;
    let channels = channels(app, &visitor).await?;
    let view = AlertRuleView {
        id: Some(rule.row.id.to_string()),
        ..Typed::of(&rule).view(&visitor, &places, &channels)
    };
    Ok(html(app.pages().alert_rule(&view))?)
}

#[handler]
pub(super) async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    Ok(take(app, &visitor, None, &mut fields).await?)
}

#[handler]
pub(super) async fn replace(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let rule = found(app, &visitor, &id).await?;
    Ok(take(app, &visitor, Some(rule.row.id), &mut fields).await?)
}

#[handler]
pub(super) async fn delete(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let rule = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let deleted = app.services().delete_alert_rule(&acting, rule.row.id);
    deleted.await.map_err(Failure::from)?;
    Ok(see_other("/alerts/rules?done=deleted"))
}

/// Saves what was sent, or shows what it would have done.
async fn take(
    app: &App,
    visitor: &Visitor,
    id: Option<Id<AlertRule>>,
    fields: &mut Fields,
) -> Result<Response, Failure> {
    let typed = Typed::sent(fields)?;
    let reach = typed.reach()?;
    let read = visitor.person.scope(Right::Read)?;
    app.services().see_reach(read, &reach).await?;
    let told = typed.channels().to_vec();
    app.services().see_channels(read, told).await?;
    let acting = visitor.person.acting(Right::Write)?;
    let preview = fields.take("do") == "preview";
    let measure = typed.measure();
    let change = typed.change(reach);
    let done = match change {
        Err(error) => Err(error),
        Ok(change) if preview => {
            let preview = app.services().preview_alert_rule(read, change).await;
            preview.map(Some)
        }
        Ok(change) => save(app, &acting, id, change).await.map(|()| None),
    };
    let places = Places::seen(app, visitor).await?;
    let channels = channels(app, visitor).await?;
    let view = AlertRuleView {
        id: id.map(|id| id.to_string()),
        ..typed.view(visitor, &places, &channels)
    };
    match done {
        Ok(None) if id.is_none() => Ok(see_other("/alerts/rules?done=added")),
        Ok(None) => Ok(see_other("/alerts/rules?done=changed")),
        Ok(Some(preview)) => {
            let rows = preview.incidents.iter();
            let shown = measure.map(|measure| {
                rows.map(|one| words::previewed(one, measure, preview.to))
                    .collect()
            });
            html(app.pages().alert_rule(&AlertRuleView {
                preview: Some(AlertPreview {
                    known: !preview.unknown,
                    summary: summary(&preview),
                    incidents: shown.unwrap_or_default(),
                }),
                ..view
            }))
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = AlertRuleView {
                error: Some(sentence(&error)),
                ..view
            };
            again(app.pages().alert_rule(&view), error)
        }
        Err(error) => Err(error.into()),
    }
}

async fn save(
    app: &App,
    acting: &Acting,
    id: Option<Id<AlertRule>>,
    change: RuleChange,
) -> Result<(), ServiceError> {
    let services = app.services();
    match id {
        None => services.add_alert_rule(acting, change).await?,
        Some(id) => services.change_alert_rule(acting, id, change).await?,
    };
    Ok(())
}

async fn found(app: &App, visitor: &Visitor, id: &str) -> Result<RuleView, Failure> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().alert_rule(scope, id).await?)
}

async fn channels(app: &App, visitor: &Visitor) -> Result<Vec<ChannelRow>, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().channels(scope).await?)
}

fn row(rule: &RuleView, places: &Places, channels: &[ChannelRow]) -> AlertRuleRow {
    let said = &rule.row.said;
    AlertRuleRow {
        id: rule.row.id.to_string(),
        name: said.name.clone(),
        enabled: said.enabled,
        scope: places.words(&said.reach),
        condition: words::condition(said),
        severity: words::severities(&said.terms),
        replaced_by: { rule.replaced_by.iter() }
            .map(|(_, name)| name.clone())
            .collect(),
        channels: { channels.iter() }
            .filter(|channel| said.channels.contains(&channel.id))
            .map(|channel| channel.name.clone())
            .collect(),
    }
}

fn summary(preview: &Preview) -> String {
    let (count, servers) = (preview.count, preview.servers);
    let more = match preview.more_servers {
        0 => String::new(),
        more => format!(" The rule is for {more} more, which were not looked at."),
    };
    let shown = match preview.incidents.len() {
        shown if shown < count => format!(" The first {shown} are shown."),
        _ => String::new(),
    };
    format!("Incidents: {count}. Servers looked at: {servers}.{more}{shown}")
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Added => "The rule is made. It counts at once.",
            Self::Changed => "The rule is changed. It counts at once.",
            Self::Deleted => "The rule is deleted. The history of its incidents stays.",
        }
    }
}
