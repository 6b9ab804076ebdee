//! What each kind of channel asks for, and where in its service people find it.

use crate::domain::channels::settings::Kind;

/// A field that some kinds have: its name, what it asks for, where one finds it, and what it may be empty for.
pub(super) struct Asks {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) help: &'static str,
    /// What the empty field stands for; none where it must be filled.
    pub(super) empty: Option<&'static str>,
}

/// The fields of a kind's form, in order.
pub(super) fn asks(kind: Kind) -> &'static [Asks] {
    match kind {
        Kind::Discord => DISCORD,
        Kind::Email => EMAIL,
        Kind::Gotify => GOTIFY,
        Kind::Matrix => MATRIX,
        Kind::Ntfy => NTFY,
        Kind::Opsgenie => OPSGENIE,
        Kind::Pagerduty => PAGERDUTY,
        Kind::Pushover => PUSHOVER,
        Kind::Slack => SLACK,
        Kind::Teams => TEAMS,
        Kind::Telegram => TELEGRAM,
        Kind::Webhook => WEBHOOK,
    }
}

const fn must(name: &'static str, label: &'static str, help: &'static str) -> Asks {
    Asks {
        name,
        label,
        help,
        empty: None,
    }
}

const fn may(
    name: &'static str,
    label: &'static str,
    help: &'static str,
    empty: &'static str,
) -> Asks {
    Asks {
        name,
        label,
        help,
        empty: Some(empty),
    }
}

/// The field that holds a header in each line.
pub(super) const HEADERS: &str = "headers";

const DISCORD: &[Asks] = &[must(
    "address",
    "Webhook URL",
    "In Discord: the channel's settings, Integrations, Webhooks, New Webhook, Copy Webhook URL.",
)];

const EMAIL: &[Asks] = &[must(
    "recipient",
    "E-mail address",
    "A person's, or that of a list. Every address is a channel of its own.",
)];

const GOTIFY: &[Asks] = &[
    must(
        "address",
        "Address of the server",
        "As you open it in the browser, https://gotify.example.org.",
    ),
    must(
        "token",
        "Application token",
        "In Gotify: Apps, Create Application; the eye shows its token.",
    ),
];

const MATRIX: &[Asks] = &[
    must(
        "address",
        "Address of the homeserver",
        "In Element: All settings, Help & About, at “Homeserver is”.",
    ),
    must(
        "token",
        "Access token",
        "Of an account made for this alone. In Element: All settings, Help & About, Access Token.",
    ),
    must(
        "recipient",
        "Room ID",
        "In Element: the room's settings, Advanced, Internal room ID; it begins with “!”. The account must have joined.",
    ),
];

const NTFY: &[Asks] = &[
    must(
        "recipient",
        "Topic",
        "The name that you subscribe to in the ntfy app. Whoever knows it reads along, so make it hard to guess.",
    ),
    may(
        "token",
        "Access token",
        "Only where the topic is protected. In ntfy's web app: Account, Access tokens.",
        "none",
    ),
    may(
        "address",
        "Address of the server",
        "Only for a server of your own.",
        "https://ntfy.sh",
    ),
];

const OPSGENIE: &[Asks] = &[
    must(
        "token",
        "API key",
        "In Opsgenie: Teams, your team, Integrations, Add integration, API.",
    ),
    may(
        "address",
        "Address of the server",
        "For accounts in the EU: https://api.eu.opsgenie.com.",
        "https://api.opsgenie.com",
    ),
];

const PAGERDUTY: &[Asks] = &[
    must(
        "token",
        "Integration key",
        "In PagerDuty: the service, Integrations, Add integration, Events API V2.",
    ),
    may(
        "address",
        "Address of the server",
        "For accounts in the EU: https://events.eu.pagerduty.com.",
        "https://events.pagerduty.com",
    ),
];

const PUSHOVER: &[Asks] = &[
    must(
        "token",
        "API token",
        "At pushover.net: Your Applications, Create an Application/API Token.",
    ),
    must(
        "recipient",
        "User key",
        "At pushover.net, on the first page after the login; or the key of a group.",
    ),
];

const SLACK: &[Asks] = &[must(
    "address",
    "Webhook URL",
    "At api.slack.com/apps: your app, Incoming Webhooks, Add New Webhook to Workspace, Copy.",
)];

const TEAMS: &[Asks] = &[must(
    "address",
    "Workflow URL",
    "In Teams: the channel's menu, Workflows, the template that posts when a webhook request is received; it ends with the URL.",
)];

const TELEGRAM: &[Asks] = &[
    must(
        "token",
        "Bot token",
        "In Telegram: send /newbot to @BotFather, who answers with it.",
    ),
    must(
        "recipient",
        "Chat ID",
        "Write to your bot, then open api.telegram.org/bot…/getUpdates with its token: the number at chat, id. For a public channel its @name.",
    ),
];

const WEBHOOK: &[Asks] = &[
    must(
        "address",
        "Address",
        "Of a receiver of your own, https alone. Messages are signed as Standard Webhooks says.",
    ),
    may(
        HEADERS,
        "Headers to send",
        "One in each line, at most 10, such as an Authorization that your receiver asks for.",
        "Name: value",
    ),
];
