//! The pages: every template, registered once, and one method for each.

use handlebars::Handlebars;
use serde::Serialize;

use crate::helpers;
use crate::render::{self, Page};
use crate::views::{
    AccountView, AgentKeyMadeView, AgentKeysView, AuditView, ConfirmView, DataView, EnrolmentView,
    FirstOwnerView, GroupView, GroupsView, LoginView, MemberGroupsView, MessageView, NewServerView,
    NewTokenView, RetentionView, ServerAddedView, ServerDeletionView, ServerSettingsView,
    ServerView, ServersView, TokenMadeView, TokensView,
};

/// Every page, ready to render. Make it once and share it.
#[derive(Debug)]
pub struct Pages {
    templates: Handlebars<'static>,
}

impl Pages {
    /// Registers the embedded templates in strict mode.
    ///
    /// An error is a mistake in a template, never a matter of the data.
    pub fn new() -> Result<Self, UiError> {
        let mut templates = Handlebars::new();
        templates.set_strict_mode(true);
        templates.set_prevent_indent(true);
        helpers::register(&mut templates);
        for (name, text) in TEMPLATES {
            templates
                .register_template_string(name, text)
                .map_err(|error| UiError::Template(Box::new(error)))?;
        }
        Ok(Self { templates })
    }

    /// The login page.
    pub fn login(&self, view: &LoginView) -> Result<String, UiError> {
        self.page("login", &Page::open("Log in", view))
    }

    /// The page behind the one-time link that creates the first owner.
    pub fn first_owner(&self, view: &FirstOwnerView) -> Result<String, UiError> {
        self.page("first_owner", &Page::open("Create the first owner", view))
    }

    /// A person's own account.
    pub fn account(&self, view: &AccountView) -> Result<String, UiError> {
        let content = render::AccountPage::new(view);
        self.page(
            "account",
            &Page::within(&view.frame, "Your account", content),
        )
    }

    /// Proving again who one is.
    pub fn confirm(&self, view: &ConfirmView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Confirm that it is you", view);
        self.page("confirm", &page)
    }

    /// How long an organisation keeps its metrics.
    pub fn retention(&self, view: &RetentionView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Retention", view);
        self.page("retention", &page)
    }

    /// The audit log.
    pub fn audit(&self, view: &AuditView) -> Result<String, UiError> {
        self.page("audit", &Page::within(&view.frame, "Audit log", view))
    }

    /// Export and deletion of an organisation.
    pub fn data(&self, view: &DataView) -> Result<String, UiError> {
        self.page("data", &Page::within(&view.frame, "Data", view))
    }

    /// The list of servers.
    pub fn servers(&self, view: &ServersView) -> Result<String, UiError> {
        let content = render::ServersPage::new(view);
        self.page("servers", &Page::within(&view.frame, "Servers", content))
    }

    /// One server's page.
    pub fn server(&self, view: &ServerView) -> Result<String, UiError> {
        let content = render::ServerPage::new(view);
        self.page(
            "server",
            &Page::within(&view.frame, &view.server.name, content).with_charts(),
        )
    }

    /// What people say of a server, to be changed.
    pub fn server_settings(&self, view: &ServerSettingsView) -> Result<String, UiError> {
        let content = ServerSettingsView {
            id: render::path_segment(&view.id).into_owned(),
            ..view.clone()
        };
        let title = format!("Settings of {}", view.name);
        let page = Page::within(&view.frame, &title, content);
        self.page("server_settings", &page)
    }

    /// The page that asks for a server's name before it is deleted.
    pub fn server_deletion(&self, view: &ServerDeletionView) -> Result<String, UiError> {
        let content = ServerDeletionView {
            id: render::path_segment(&view.id).into_owned(),
            ..view.clone()
        };
        let title = format!("Delete {}", view.name);
        let page = Page::within(&view.frame, &title, content);
        self.page("server_deletion", &page)
    }

    /// The groups.
    pub fn groups(&self, view: &GroupsView) -> Result<String, UiError> {
        let mut content = view.clone();
        for group in &mut content.groups {
            group.id = render::path_segment(&group.id).into_owned();
        }
        self.page("groups", &Page::within(&view.frame, "Groups", content))
    }

    /// One group.
    pub fn group(&self, view: &GroupView) -> Result<String, UiError> {
        let content = GroupView {
            id: render::path_segment(&view.id).into_owned(),
            ..view.clone()
        };
        self.page("group", &Page::within(&view.frame, &view.name, content))
    }

    /// Which servers a member sees.
    pub fn member_groups(&self, view: &MemberGroupsView) -> Result<String, UiError> {
        let content = MemberGroupsView {
            id: render::path_segment(&view.id).into_owned(),
            ..view.clone()
        };
        let title = format!("Servers that {} sees", view.email);
        let page = Page::within(&view.frame, &title, content);
        self.page("member_groups", &page)
    }

    /// The access tokens.
    pub fn tokens(&self, view: &TokensView) -> Result<String, UiError> {
        let content = render::TokensPage::new(view);
        self.page(
            "tokens",
            &Page::within(&view.frame, "Access tokens", content),
        )
    }

    /// The form that makes an access token.
    pub fn new_token(&self, view: &NewTokenView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Make an access token", view);
        self.page("new_token", &page)
    }

    /// The page that shows a new access token, once.
    pub fn token_made(&self, view: &TokenMadeView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "A new access token", view);
        self.page("token_made", &page)
    }

    /// The form that adds a server.
    pub fn new_server(&self, view: &NewServerView) -> Result<String, UiError> {
        self.page(
            "new_server",
            &Page::within(&view.frame, "Add a server", view),
        )
    }

    /// The page that shows a new server's key, once.
    pub fn server_added(&self, view: &ServerAddedView) -> Result<String, UiError> {
        let content = render::ServerAddedPage::new(view);
        self.page(
            "server_added",
            &Page::within(
                &view.frame,
                &format!("Install the agent on {}", view.name),
                content,
            ),
        )
    }

    /// A server's agent keys.
    pub fn agent_keys(&self, view: &AgentKeysView) -> Result<String, UiError> {
        let title = format!("Agent keys of {}", view.name);
        let content = render::AgentKeysPage::new(view);
        self.page("agent_keys", &Page::within(&view.frame, &title, content))
    }

    /// The page that shows a key of a server that has others, once.
    pub fn agent_key_made(&self, view: &AgentKeyMadeView) -> Result<String, UiError> {
        let title = format!("A new agent key for {}", view.name);
        let content = render::AgentKeyMadePage::new(view);
        self.page(
            "agent_key_made",
            &Page::within(&view.frame, &title, content),
        )
    }

    /// The page that shows an enrolment code, once.
    pub fn enrolment(&self, view: &EnrolmentView) -> Result<String, UiError> {
        let content = render::EnrolmentPage::new(view);
        self.page(
            "enrolment",
            &Page::within(&view.frame, "Enrol an agent", content),
        )
    }

    /// A page that only says something.
    pub fn message(&self, view: &MessageView) -> Result<String, UiError> {
        self.page("message", &Page::open(&view.title, view))
    }

    fn page(&self, template: &str, page: &Page<'_, impl Serialize>) -> Result<String, UiError> {
        self.templates
            .render(template, page)
            .map_err(|error| UiError::Render(Box::new(error)))
    }
}

/// Why a page could not be made. Both are mistakes in this crate.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// A template names something that its data does not have.
    #[error("a page could not be rendered")]
    Render(#[source] Box<handlebars::RenderError>),
    /// A template is not well-formed.
    #[error("a template is not well-formed")]
    Template(#[source] Box<handlebars::TemplateError>),
}

/// Embeds templates by name; a test compares the list with the directory.
macro_rules! templates {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../templates/", $name, ".hbs"))),)*]
    };
}

const TEMPLATES: &[(&str, &str)] = templates! {
    "account"
    "alert_rule"
    "alert_rules"
    "alert_scope"
    "alerts"
    "alerts_nav"
    "agent_key_made"
    "agent_keys"
    "audit"
    "channel"
    "channel_deletion"
    "channel_fields"
    "channel_key"
    "channels"
    "chart"
    "confirm"
    "confirm_channel"
    "confirm_email"
    "data"
    "delivery_state"
    "enrol_command"
    "enrolment"
    "first_owner"
    "forgot_password"
    "incident"
    "incident_deeds"
    "invitation"
    "invitation_join"
    "group"
    "groups"
    "heartbeat"
    "layout"
    "login"
    "logo"
    "maintenance"
    "member_groups"
    "message"
    "meter"
    "new_channel"
    "new_server"
    "recovery_codes"
    "requirement"
    "retention"
    "second_factor"
    "second_step"
    "organisation"
    "organisations"
    "people"
    "profile"
    "reset_password"
    "new_token"
    "server"
    "server_added"
    "server_alerts"
    "server_deletion"
    "server_settings"
    "server_keys"
    "servers"
    "settings_nav"
    "snippet"
    "status"
    "totp_setup"
    "unsent"
    "tags"
    "token_made"
    "tokens"
};

mod alerts;
mod channels;
mod second_factor;

mod people;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
