//! The pages of alerts with everything in them.

use super::super::Pages;
use super::{choices, frame};
use crate::views::{
    AlertPreview, AlertRuleAsks, AlertRuleRow, AlertRuleTyped, AlertRuleView, AlertRulesView,
    AlertsView, IncidentEventRow, IncidentFilter, IncidentRow, IncidentView, MaintenanceRow,
    MaintenanceTyped, MaintenanceView, ServerRuleRow,
};

pub(in crate::pages) fn row(text: &str) -> IncidentRow {
    let text = || text.to_owned();
    IncidentRow {
        id: text(),
        server: text(),
        server_name: text(),
        rule: text(),
        label: text(),
        severity: text(),
        state: text(),
        value: text(),
        threshold: text(),
        since: text(),
        since_words: text(),
        lasted: text(),
        acknowledged_by: text(),
        note: text(),
        snoozed_until: text(),
    }
}

pub(in crate::pages) fn server_rule(text: &str) -> ServerRuleRow {
    ServerRuleRow {
        name: text.to_owned(),
        condition: text.to_owned(),
        replaced_by: vec![text.to_owned()],
        states: vec![text.to_owned()],
    }
}

pub(in crate::pages) fn alerts(text: &str) -> AlertsView {
    AlertsView {
        frame: frame(text),
        open: vec![row(text), row(text)],
        more_open: true,
        history: vec![row(text)],
        filter: IncidentFilter {
            severities: choices(text),
            servers: choices(text),
            severity: text.to_owned(),
            server: text.to_owned(),
            from: text.to_owned(),
            to: text.to_owned(),
        },
        next_after: Some(text.to_owned()),
        may_act: true,
        unsent: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn incident(text: &str) -> IncidentView {
    IncidentView {
        frame: frame(text),
        incident: row(text),
        events: vec![IncidentEventRow {
            at: text.to_owned(),
            when: text.to_owned(),
            what: text.to_owned(),
            severity: text.to_owned(),
            value: text.to_owned(),
            person: text.to_owned(),
            note: text.to_owned(),
        }],
        open: true,
        may_act: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn alert_rules(text: &str) -> AlertRulesView {
    AlertRulesView {
        frame: frame(text),
        rules: vec![AlertRuleRow {
            id: text.to_owned(),
            name: text.to_owned(),
            enabled: true,
            scope: text.to_owned(),
            condition: text.to_owned(),
            severity: text.to_owned(),
            replaced_by: vec![text.to_owned()],
            channels: vec![text.to_owned()],
        }],
        kinds: choices(text),
        may_change: true,
        notice: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn alert_rule(text: &str) -> AlertRuleView {
    AlertRuleView {
        frame: frame(text),
        id: Some(text.to_owned()),
        kind: text.to_owned(),
        kind_words: text.to_owned(),
        asks: AlertRuleAsks {
            metric: true,
            label: true,
            thresholds: true,
            sustain: true,
            cooldown: true,
        },
        name: text.to_owned(),
        enabled: true,
        scopes: choices(text),
        metrics: choices(text),
        comparisons: choices(text),
        severities: choices(text),
        channels: choices(text),
        all_wait: true,
        typed: AlertRuleTyped {
            unit: text.to_owned(),
            label: text.to_owned(),
            label_pattern: text.to_owned(),
            warning: text.to_owned(),
            critical: text.to_owned(),
            recovery: text.to_owned(),
            sustain: text.to_owned(),
            share: text.to_owned(),
            cooldown: text.to_owned(),
            remind_every: text.to_owned(),
            remind_limit: text.to_owned(),
        },
        preview: Some(AlertPreview {
            known: true,
            summary: text.to_owned(),
            incidents: vec![row(text)],
        }),
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn maintenance(text: &str) -> MaintenanceView {
    MaintenanceView {
        frame: frame(text),
        windows: vec![MaintenanceRow {
            id: text.to_owned(),
            name: text.to_owned(),
            scope: text.to_owned(),
            when: text.to_owned(),
            next: text.to_owned(),
            open: true,
            can_end: true,
            by: text.to_owned(),
        }],
        scopes: choices(text),
        // A day's word makes the name of its field and an id.
        days: choices(text).into_iter().take(1).collect(),
        typed: MaintenanceTyped {
            name: text.to_owned(),
            minutes: text.to_owned(),
            from: text.to_owned(),
            to: text.to_owned(),
            start: text.to_owned(),
            time_zone: text.to_owned(),
        },
        may_change: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

/// The conditions of these pages, the other way round than their samples.
pub(in crate::pages) fn alerts_the_other_way(pages: &Pages) {
    let mut quiet = alerts("");
    (quiet.more_open, quiet.next_after, quiet.notice) = (false, None, None);
    (quiet.may_act, quiet.error, quiet.unsent) = (false, None, false);
    let none = AlertsView::default();
    let mut free = incident("");
    free.open = false;
    let mut rules = alert_rules("");
    (rules.may_change, rules.notice) = (false, None);
    for rule in &mut rules.rules {
        (rule.enabled, rule.replaced_by) = (false, Vec::new());
        rule.channels.clear();
    }
    let mut rule = alert_rule("");
    rule.preview = Some(AlertPreview::default());
    let mut calm = rule.clone();
    calm.all_wait = false;
    calm.preview = Some(AlertPreview {
        known: true,
        ..AlertPreview::default()
    });
    let mut windows = maintenance("");
    (windows.notice, windows.error) = (None, None);
    for window in &mut windows.windows {
        (window.open, window.can_end) = (false, false);
    }
    for day in &mut windows.days {
        day.chosen = false;
    }
    let mut server = super::server("", crate::views::Status::Online);
    for rule in &mut server.rules {
        rule.replaced_by.clear();
        rule.states.clear();
    }
    for page in [
        pages.alerts(&quiet),
        pages.alerts(&none),
        pages.incident(&free),
        pages.incident(&IncidentView::default()),
        pages.alert_rules(&rules),
        pages.alert_rules(&AlertRulesView::default()),
        pages.alert_rule(&rule),
        pages.alert_rule(&calm),
        pages.alert_rule(&AlertRuleView::default()),
        pages.maintenance(&windows),
        pages.maintenance(&MaintenanceView::default()),
        pages.server(&server),
    ] {
        assert!(page.is_ok());
    }
}
