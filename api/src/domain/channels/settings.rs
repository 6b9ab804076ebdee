//! What a channel needs to know, by kind. All of it is sealed.

use std::collections::BTreeMap;

use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::forms::webhook;
use crate::domain::ServiceError;
use crate::domain::names::Email;
use crate::outbound::Target;

/// A service that takes notices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A channel's webhook of Discord.
    Discord,
    /// Mail by the operator's server.
    Email,
    /// An application of Gotify.
    Gotify,
    /// A room of Matrix.
    Matrix,
    /// A topic of ntfy.
    Ntfy,
    /// Alerts of Opsgenie.
    Opsgenie,
    /// Events of `PagerDuty`.
    Pagerduty,
    /// A user or group of Pushover.
    Pushover,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
    /// A chat of Telegram.
    Telegram,
    /// A webhook of one's own.
    Webhook,
}

/// Address and credentials. There is no `Debug`: all of it may be secret.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where requests go, or what they go below.
    pub address: Option<String>,
    /// A token, routing key or API key.
    pub token: Option<String>,
    /// Who gets it: an e-mail address, a chat, room, topic or user.
    pub recipient: Option<String>,
    /// The signing key of a webhook.
    pub secret: Option<String>,
    /// Headers of a webhook.
    pub headers: BTreeMap<String, String>,
}

/// What a kind needs.
struct Needs {
    address: Address,
    token: Need,
    recipient: Need,
}

enum Address {
    Needed,
    Default(&'static str),
    Unused,
}

#[derive(Clone, Copy)]
enum Need {
    Needed,
    Possible,
    Unused,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Discord,
        Self::Email,
        Self::Gotify,
        Self::Matrix,
        Self::Ntfy,
        Self::Opsgenie,
        Self::Pagerduty,
        Self::Pushover,
        Self::Slack,
        Self::Teams,
        Self::Telegram,
        Self::Webhook,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Email => "email",
            Self::Gotify => "gotify",
            Self::Matrix => "matrix",
            Self::Ntfy => "ntfy",
            Self::Opsgenie => "opsgenie",
            Self::Pagerduty => "pagerduty",
            Self::Pushover => "pushover",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Telegram => "telegram",
            Self::Webhook => "webhook",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the receiver keeps the state of each incident, so that each is told for itself and
    /// its end always.
    #[must_use]
    pub fn keeps_state(self) -> bool {
        matches!(self, Self::Opsgenie | Self::Pagerduty)
    }

    fn needs(self) -> Needs {
        use Address::{Default, Needed, Unused};
        let (address, token, recipient) = match self {
            Self::Discord | Self::Slack | Self::Teams | Self::Webhook => {
                (Needed, Need::Unused, Need::Unused)
            }
            Self::Email => (Unused, Need::Unused, Need::Needed),
            Self::Gotify => (Needed, Need::Needed, Need::Unused),
            Self::Matrix => (Needed, Need::Needed, Need::Needed),
            Self::Ntfy => (Default("https://ntfy.sh"), Need::Possible, Need::Needed),
            Self::Opsgenie => (
                Default("https://api.opsgenie.com"),
                Need::Needed,
                Need::Unused,
            ),
            Self::Pagerduty => {
                let address = Default("https://events.pagerduty.com");
                (address, Need::Needed, Need::Unused)
            }
            Self::Pushover => (
                Default("https://api.pushover.net"),
                Need::Needed,
                Need::Needed,
            ),
            Self::Telegram => (
                Default("https://api.telegram.org"),
                Need::Needed,
                Need::Needed,
            ),
        };
        Needs {
            address,
            token,
            recipient,
        }
    }
}

impl Settings {
    /// Checks what somebody said for a kind, and adds what need not be said: the address of a public
    /// service, and a new signing key.
    pub fn check(mut self, kind: Kind) -> Result<Self, ServiceError> {
        let needs = kind.needs();
        match (&needs.address, &self.address) {
            (Address::Needed, None) => return Err(missing("address")),
            (Address::Unused, Some(_)) => return Err(unused("address")),
            (Address::Default(address), None) => self.address = Some((*address).to_owned()),
            _ => {}
        }
        if let Some(address) = &self.address {
            let target = Target::parse(address)
                .map_err(|error| ServiceError::invalid("address", words(&error.to_string())))?;
            self.address = Some(target.as_str().to_owned());
        }
        text("token", self.token.as_deref(), needs.token)?;
        text("recipient", self.recipient.as_deref(), needs.recipient)?;
        if kind == Kind::Email {
            let recipient = self.recipient.as_deref().unwrap_or_default();
            self.recipient = Some(Email::parse(recipient)?.as_str().to_owned());
        }
        if kind == Kind::Webhook {
            check_headers(&self.headers)?;
            self.secret = Some(webhook::new_secret());
        } else if !self.headers.is_empty() {
            return Err(unused("headers"));
        }
        Ok(self)
    }

    /// The address, read.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        Target::parse(self.address.as_deref()?).ok()
    }

    /// For people: a host, and the last four characters of what is secret.
    #[must_use]
    pub fn shown(&self, kind: Kind) -> String {
        let target = self.target();
        let end = |text: &Option<String>| text.as_deref().map(last_four);
        match kind {
            Kind::Email => {
                let recipient = self.recipient.as_deref().unwrap_or_default();
                let domain = recipient.rsplit('@').next().unwrap_or_default();
                format!("…@{domain}")
            }
            Kind::Discord | Kind::Slack | Kind::Teams | Kind::Webhook => {
                target.map_or_else(String::new, |target| target.shown())
            }
            _ => {
                let host = target.map_or_else(String::new, |target| target.authority());
                let secret = end(&self.token).or_else(|| end(&self.recipient));
                match secret.unwrap_or_default() {
                    short if short.is_empty() => host,
                    secret => format!("{host} …{secret}"),
                }
            }
        }
    }
}

fn text(member: &'static str, text: Option<&str>, need: Need) -> Result<(), ServiceError> {
    match (text, need) {
        (None, Need::Needed) => Err(missing(member)),
        (Some(_), Need::Unused) => Err(unused(member)),
        (Some(text), _) => {
            let fits = (1..=MAX_TEXT).contains(&text.len());
            if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
                return Ok(());
            }
            let reason = format!("must have 1 to {MAX_TEXT} characters of ASCII and no space");
            Err(ServiceError::invalid(member, reason))
        }
        (None, _) => Ok(()),
    }
}

fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    let wrong = |reason: String| Err(ServiceError::invalid("headers", reason));
    if headers.len() > MAX_HEADERS {
        return wrong(format!("must be at most {MAX_HEADERS}"));
    }
    for (name, value) in headers {
        let Ok(known) = HeaderName::try_from(name.as_str()) else {
            return wrong("hold a name that is none".to_owned());
        };
        let own = OWN_HEADERS.contains(&known.as_str()) || known.as_str().starts_with("webhook-");
        if own {
            return wrong(format!("must not hold {known}"));
        }
        if value.len() > MAX_TEXT || HeaderValue::from_str(value).is_err() {
            return wrong(format!("hold a value of {known} that cannot be sent"));
        }
    }
    Ok(())
}

fn last_four(text: &str) -> String {
    let skip = text.chars().count().saturating_sub(4);
    // Of what is short, four characters would be most.
    if skip < 4 {
        return String::new();
    }
    text.chars().skip(skip).collect()
}

/// Why an address is refused: a sentence as the end of another one.
pub(super) fn words(sentence: &str) -> String {
    let mut rest = sentence.trim_end_matches('.').chars();
    let first = rest.next().map(char::to_lowercase);
    let sentence: String = first.into_iter().flatten().chain(rest).collect();
    format!("is refused: {sentence}")
}

fn missing(member: &'static str) -> ServiceError {
    ServiceError::invalid(member, "must be there for a channel of this kind")
}

fn unused(member: &'static str) -> ServiceError {
    ServiceError::invalid(member, "has no meaning for a channel of this kind")
}

/// Characters of a token, a recipient, the value of a header.
const MAX_TEXT: usize = 512;
const MAX_HEADERS: usize = 10;
/// What a request says by itself.
const OWN_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];
