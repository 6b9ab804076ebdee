//! Alerts: incidents, rules and maintenance windows.

mod incidents;
mod maintenance;
mod places;
mod rule_form;
mod rules;
mod words;

use server_scout_ui::views::{IncidentRow, ServerRuleRow};
use server_scout_wire::Label;

use super::super::App;
use super::super::guard::Access;
use super::super::problem::Failure;
use super::{Declared, Routes};
use crate::domain::alerts::{IncidentQuery, RuleAtServer};
use crate::id::{Id, Server};
use crate::store::Scope;
use crate::store::incidents::Filter;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
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
