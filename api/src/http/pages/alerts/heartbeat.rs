//! The dead man's switch.

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{Choice, HeartbeatRow, HeartbeatView};

use super::super::super::App;
use super::super::super::guard::{Fields, Visitor, see_other};
use super::super::super::problem::Failure;
use super::super::audit::readable;
use super::super::login::sentence;
use super::super::{again, frame, html};
use super::unsent;
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::channels::heartbeat::NewHeartbeat;
use crate::store::heartbeats;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeartbeatQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Set,
    Removed,
}

#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<HeartbeatQuery>,
) -> poem::Result<Response> {
    let view = HeartbeatView {
        notice: query.done.map(|done| done.words().to_owned()),
        ..view(app, &visitor).await?
    };
    Ok(html(app.pages().heartbeat(&view))?)
}

#[handler]
pub(super) async fn set(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let (minutes, method) = (fields.take("minutes"), fields.take("method"));
    let address = Some(fields.take("address")).filter(|address| !address.trim().is_empty());
    let expected = |_| ServiceError::invalid("every_minutes", "must be a number");
    let set = match minutes.trim().parse().map_err(expected) {
        Ok(every_minutes) => {
            let new = NewHeartbeat {
                address,
                method: Some(method.clone()).filter(|method| !method.is_empty()),
                every_minutes,
            };
            app.services().set_heartbeat(&acting, new).await
        }
        Err(error) => Err(error),
    };
    match set {
        Ok(_) => Ok(see_other("/alerts/heartbeat?done=set")),
        Err(error @ ServiceError::Invalid { .. }) => {
            let view = HeartbeatView {
                minutes,
                methods: methods(&method),
                error: Some(sentence(&error)),
                ..view(app, &visitor).await?
            };
            Ok(again(app.pages().heartbeat(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
pub(super) async fn remove(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let removed = app.services().remove_heartbeat(&acting).await;
    removed.map_err(Failure::from)?;
    Ok(see_other("/alerts/heartbeat?done=removed"))
}

async fn view(app: &App, visitor: &Visitor) -> Result<HeartbeatView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let found = app.services().heartbeat(scope).await?;
    let found = found.as_ref();
    Ok(HeartbeatView {
        frame: frame(visitor),
        heartbeat: found.map(row),
        methods: methods(found.map_or("GET", |found| &found.method)),
        minutes: found.map_or(5, |found| found.every_minutes).to_string(),
        may_change: visitor.person.may(Right::Administer),
        fresh: visitor.person.fresh,
        unsent: unsent(app, visitor).await,
        notice: None,
        error: None,
    })
}

/// A heartbeat.
pub(super) fn row(row: &heartbeats::HeartbeatRow) -> HeartbeatRow {
    let (state, state_words) = match (row.tried_at(), &row.problem) {
        (None, _) => ("waiting", "not sent yet"),
        (Some(_), None) => ("delivered", "delivered"),
        (Some(_), Some(_)) => ("dead", "did not arrive"),
    };
    let time = |at| format!("{} UTC", readable(at));
    let status = row.status.map(|status| format!("{status} in "));
    let took = row.took.map(|took| format!("{took} ms"));
    HeartbeatRow {
        shown: row.shown.clone(),
        how: format!("{} every {} min", row.method, row.every_minutes),
        state: state.to_owned(),
        state_words: state_words.to_owned(),
        problem: row.problem.clone().unwrap_or_default(),
        tried: row.tried_at().map(time).unwrap_or_default(),
        arrived: row.arrived_at().map(time).unwrap_or_default(),
        answer: { status.zip(took) }
            .map(|(status, took)| format!("{status}{took}"))
            .unwrap_or_default(),
    }
}

fn methods(chosen: &str) -> Vec<Choice> {
    let choice = |method: &str| Choice {
        id: method.to_owned(),
        name: method.to_owned(),
        chosen: method == chosen,
    };
    ["GET", "POST"].map(choice).to_vec()
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Set => "Saved. One is on its way; reload to see what becomes of it.",
            Self::Removed => "The heartbeat is removed.",
        }
    }
}
