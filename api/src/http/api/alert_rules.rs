//! Alert rules.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::alert_schema::{
    AlertRule, AlertRuleList, AlertRulePreview, NewAlertRule, ServerRule, ServerRuleList,
};
use super::auth::PersonAuth;
use super::servers::{Gone, visible};
use crate::access::Right;
use crate::domain::alerts::RuleChange;
use crate::id::{self, Id};

pub(super) struct AlertRulesApi(pub(super) App);

/// Whether a rule is switched on.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct AlertRuleSwitch {
    /// Whether it is switched on.
    enabled: bool,
}

#[derive(ApiResponse)]
enum AddedAlertRuleResponse {
    /// The rule was made.
    #[oai(status = 201)]
    Added(Json<AlertRule>),
}

#[OpenApi]
impl AlertRulesApi {
    /// List alert rules
    ///
    /// By name; there are at most 200. A member who is limited to some groups sees the rules for all
    /// servers, for tags, and for the groups and servers that they see.
    #[oai(
        path = "/alert-rules",
        method = "get",
        operation_id = "list_alert_rules"
    )]
    async fn list_alert_rules(&self, person: PersonAuth) -> Result<Json<AlertRuleList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let rules = self.0.services().alert_rules(scope).await?;
        Ok(Json(AlertRuleList {
            items: rules.iter().map(AlertRule::from).collect(),
        }))
    }

    /// Make an alert rule
    ///
    /// It counts at once. A member who is limited to some groups makes rules for those groups and their
    /// servers alone.
    #[oai(
        path = "/alert-rules",
        method = "post",
        operation_id = "add_alert_rule"
    )]
    async fn add_alert_rule(
        &self,
        person: PersonAuth,
        new: Json<NewAlertRule>,
    ) -> Result<AddedAlertRuleResponse, Failure> {
        let change = new.0.read()?;
        self.sees(&person, &change).await?;
        let acting = person.0.acting(Right::Write)?;
        let rule = self.0.services().add_alert_rule(&acting, change).await?;
        Ok(AddedAlertRuleResponse::Added(Json((&rule).into())))
    }

    /// Preview an alert rule
    ///
    /// What a rule of this kind would have done over the last 24 hours, by values of a minute, at the first
    /// 50 servers that it is for. Nothing is changed.
    #[oai(
        path = "/alert-rules/preview",
        method = "post",
        operation_id = "preview_alert_rule"
    )]
    async fn preview_alert_rule(
        &self,
        person: PersonAuth,
        new: Json<NewAlertRule>,
    ) -> Result<Json<AlertRulePreview>, Failure> {
        let change = new.0.read()?;
        let scope = person.0.scope(Right::Read)?;
        let services = self.0.services();
        let preview = services.preview_alert_rule(scope, change).await?;
        Ok(Json((&preview).into()))
    }

    /// Look at an alert rule
    #[oai(
        path = "/alert-rules/:id",
        method = "get",
        operation_id = "get_alert_rule"
    )]
    async fn get_alert_rule(
        &self,
        person: PersonAuth,
        /// The rule's id.
        id: Path<String>,
    ) -> Result<Json<AlertRule>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let rule = self.0.services().alert_rule(scope, rule_id(&id.0)?).await?;
        Ok(Json((&rule).into()))
    }

    /// Change an alert rule
    ///
    /// All that it says is replaced. Incidents that it does not cover any more end.
    #[oai(
        path = "/alert-rules/:id",
        method = "put",
        operation_id = "change_alert_rule"
    )]
    async fn change_alert_rule(
        &self,
        person: PersonAuth,
        /// The rule's id.
        id: Path<String>,
        new: Json<NewAlertRule>,
    ) -> Result<Json<AlertRule>, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let change = new.0.read()?;
        self.sees(&person, &change).await?;
        let acting = person.0.acting(Right::Write)?;
        let services = self.0.services();
        let rule = services.change_alert_rule(&acting, id, change).await?;
        Ok(Json((&rule).into()))
    }

    /// Switch an alert rule on or off
    #[oai(
        path = "/alert-rules/:id",
        method = "patch",
        operation_id = "switch_alert_rule"
    )]
    async fn switch_alert_rule(
        &self,
        person: PersonAuth,
        /// The rule's id.
        id: Path<String>,
        switch: Json<AlertRuleSwitch>,
    ) -> Result<Json<AlertRule>, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        let services = self.0.services();
        let rule = services
            .switch_alert_rule(&acting, id, switch.0.enabled)
            .await?;
        Ok(Json((&rule).into()))
    }

    /// Delete an alert rule
    ///
    /// Its incidents end; their history stays.
    #[oai(
        path = "/alert-rules/:id",
        method = "delete",
        operation_id = "delete_alert_rule"
    )]
    async fn delete_alert_rule(
        &self,
        person: PersonAuth,
        /// The rule's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        self.0.services().delete_alert_rule(&acting, id).await?;
        Ok(Gone::Gone)
    }

    /// List the alert rules of a server
    ///
    /// Those that are switched on and whose scope it is in, with the narrower rules that replace them
    /// there, and where they are not simply well.
    #[oai(
        path = "/servers/:id/alert-rules",
        method = "get",
        operation_id = "list_server_alert_rules"
    )]
    async fn list_server_alert_rules(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
    ) -> Result<Json<ServerRuleList>, Failure> {
        let id = visible(&self.0, &person, &id.0).await?;
        let scope = person.0.scope(Right::Read)?;
        let rules = self.0.services().rules_of_server(scope, id).await?;
        Ok(Json(ServerRuleList {
            items: rules.iter().map(ServerRule::from).collect(),
        }))
    }
}

impl AlertRulesApi {
    /// The object first, then the right.
    async fn visible(&self, person: &PersonAuth, id: &str) -> Result<Id<id::AlertRule>, Failure> {
        let id = rule_id(id)?;
        let scope = person.0.scope(Right::Read)?;
        self.0.services().alert_rule(scope, id).await?;
        Ok(id)
    }

    /// What a rule names must be there for who says it.
    async fn sees(&self, person: &PersonAuth, change: &RuleChange) -> Result<(), Failure> {
        let scope = person.0.scope(Right::Read)?;
        let services = self.0.services();
        services.see_reach(scope, &change.reach).await?;
        Ok(services
            .see_channels(scope, change.channels.clone())
            .await?)
    }
}

/// What is no id names nothing.
pub(super) fn rule_id(text: &str) -> Result<Id<id::AlertRule>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}
