//! Alerts: incidents, rules, maintenance windows, channels and the dead man's switch.

mod channel_asks;
mod channel_form;
mod channels;
mod heartbeat;
mod incidents;
mod maintenance;
mod places;
mod rule_form;
mod rules;
mod words;

use server_scout_ui::views::{IncidentRow, ServerRuleRow};
use server_scout_wire::Label;

use super::super::App;
use super::super::guard::{Access, Visitor};
use super::super::health::sends;
use super::super::problem::Failure;
use super::{Declared, Routes};
use crate::access::Right;
use crate::domain::alerts::{IncidentQuery, RuleAtServer};
use crate::id::{Id, Server};
use crate::store::Scope;
use crate::store::incidents::Filter;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
    let route = channel_routes(pages, route);
    route
        .at("/alerts", pages.get(session, incidents::list))
        .at("/alerts.csv", pages.get(session, incidents::csv))
        .at("/alerts.json", pages.get(session, incidents::json_lines))
        .at(
            "/alerts/incidents/:id",
            pages
                .get(session, incidents::show)
                .post(pages.guard(session, incidents::act)),
        )
        .at(
            "/alerts/rules",
            pages
                .get(session, rules::list)
                .post(pages.guard(session, rules::add)),
        )
        .at("/alerts/rules/new", pages.get(session, rules::new))
        .at(
            "/alerts/rules/:id",
            pages
                .get(session, rules::show)
                .post(pages.guard(session, rules::replace)),
        )
        .at(
            "/alerts/rules/:id/delete",
            pages.post(session, rules::delete),
        )
        .at(
            "/alerts/maintenance",
            pages
                .get(session, maintenance::list)
                .post(pages.guard(session, maintenance::add)),
        )
        .at(
            "/alerts/maintenance/:id/end",
            pages.post(session, maintenance::end),
        )
        .at(
            "/alerts/maintenance/:id/delete",
            pages.post(session, maintenance::delete),
        )
}

fn channel_routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let (session, fresh) = (Access::Session, Access::Fresh);
    route
        .at(
            "/alerts/channels",
            pages
                .get(session, channels::list)
                .post(pages.guard(fresh, channels::add)),
        )
        .at("/alerts/channels/new", pages.get(fresh, channels::new))
        .at(
            "/alerts/channels/:id",
            pages
                .get(session, channels::show)
                .post(pages.guard(fresh, channels::change)),
        )
        .at(
            "/alerts/channels/:id/test",
            pages.post(fresh, channels::test),
        )
        .at(
            "/alerts/channels/:id/confirmation",
            pages.post(fresh, channels::ask_again),
        )
        .at(
            "/alerts/channels/:id/delete",
            pages
                .get(fresh, channels::ask_deletion)
                .post(pages.guard(fresh, channels::delete)),
        )
        .at(
            "/alerts/heartbeat",
            pages
                .get(session, heartbeat::show)
                .post(pages.guard(fresh, heartbeat::set)),
        )
        .at(
            "/alerts/heartbeat/delete",
            pages.post(fresh, heartbeat::remove),
        )
}

/// Whether nothing goes to channels, as the process that is to send does not run, and the visitor is one
/// who can have that changed.
async fn unsent(app: &App, visitor: &Visitor) -> bool {
    visitor.person.may(Right::Administer) && !sends(app).await
}

/// What a server's page shows of alerts: its open incidents, the newest hundred, and its rules.
pub(super) async fn of_server(
    app: &App,
    scope: Scope,
    server: Id<Server>,
) -> Result<(Vec<IncidentRow>, Vec<ServerRuleRow>), Failure> {
    let services = app.services();
    let query = IncidentQuery {
        filter: Filter {
            open: Some(true),
            server: Some(server),
            ..Filter::default()
        },
        limit: None,
    };
    let (open, _) = services.incidents(scope, query).await?;
    let now = services.clock().now();
    let rules = services.rules_of_server(scope, server).await?;
    Ok((
        open.iter().map(|view| words::incident(view, now)).collect(),
        rules.iter().map(at_server).collect(),
    ))
}

fn at_server(rule: &RuleAtServer) -> ServerRuleRow {
    let states = rule.standing.iter().map(|(label, condition)| {
        let state = condition.as_str();
        let at = label.as_ref().map(Label::as_str);
        at.map_or_else(|| state.to_owned(), |label| format!("{state}: {label}"))
    });
    ServerRuleRow {
        name: rule.row.said.name.clone(),
        condition: words::condition(&rule.row.said),
        replaced_by: rule
            .replaced_by
            .iter()
            .map(|(_, name)| name.clone())
            .collect(),
        states: states.collect(),
    }
}
