//! The pages of alerts.

use super::{Pages, UiError};
use crate::render::{self, Page};
use crate::views::{AlertRuleView, AlertRulesView, AlertsView, IncidentView, MaintenanceView};

impl Pages {
    /// Incidents, the open ones first.
    pub fn alerts(&self, view: &AlertsView) -> Result<String, UiError> {
        let content = AlertsView {
            open: render::incidents(&view.open),
            history: render::incidents(&view.history),
            ..view.clone()
        };
        self.page("alerts", &Page::within(&view.frame, "Alerts", content))
    }

    /// One incident with all that happened.
    pub fn incident(&self, view: &IncidentView) -> Result<String, UiError> {
        let mut content = view.clone();
        for id in [&mut content.incident.id, &mut content.incident.server] {
            *id = render::path_segment(id).into_owned();
        }
        let title = format!("{} at {}", view.incident.rule, view.incident.server_name);
        self.page("incident", &Page::within(&view.frame, &title, content))
    }

    /// The alert rules.
    pub fn alert_rules(&self, view: &AlertRulesView) -> Result<String, UiError> {
        let mut content = view.clone();
        for rule in &mut content.rules {
            rule.id = render::path_segment(&rule.id).into_owned();
        }
        let page = Page::within(&view.frame, "Alert rules", content);
        self.page("alert_rules", &page)
    }

    /// The form of an alert rule.
    pub fn alert_rule(&self, view: &AlertRuleView) -> Result<String, UiError> {
        let id = view.id.as_deref();
        let content = AlertRuleView {
            id: id.map(|id| render::path_segment(id).into_owned()),
            ..view.clone()
        };
        let page = Page::within(&view.frame, "Alert rule", content);
        self.page("alert_rule", &page)
    }

    /// The maintenance windows.
    pub fn maintenance(&self, view: &MaintenanceView) -> Result<String, UiError> {
        let mut content = view.clone();
        for window in &mut content.windows {
            window.id = render::path_segment(&window.id).into_owned();
        }
        let page = Page::within(&view.frame, "Maintenance windows", content);
        self.page("maintenance", &page)
    }
}
