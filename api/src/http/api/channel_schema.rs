//! Channels and deliveries as the API shows them.

use std::collections::{BTreeMap, HashMap};

use poem_openapi::Object;

use super::super::problem::Failure;
use super::schema::Time;
use crate::alerting::Severity;
use crate::domain::channels::hours::Hours;
use crate::domain::channels::settings::{Kind, Settings};
use crate::domain::channels::{self, When};
use crate::store::channels::{ChannelRow, HoursRow};
use crate::store::deliveries::DeliveryRow;

/// A channel to make. Which of address, token and recipient there are depends on the kind.
#[derive(Clone, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct NewChannel {
    /// What it is called: 1 to 64 characters.
    #[oai(validator(max_length = 256))]
    name: String,
    /// `discord`, `email`, `gotify`, `matrix`, `ntfy`, `opsgenie`, `pagerduty`, `pushover`, `slack`, `teams`,
    /// `telegram` or `webhook`.
    #[oai(validator(max_length = 32))]
    kind: String,
    /// Where messages go, `https://…`: of webhooks the whole address, else that of the server, which
    /// for a public service need not be said.
    #[oai(validator(max_length = 2048))]
    address: Option<String>,
    /// The token, routing key or API key of the service.
    #[oai(validator(max_length = 512))]
    token: Option<String>,
    /// Who gets it: an e-mail address, a chat, a room, a topic, a user.
    #[oai(validator(max_length = 512))]
    recipient: Option<String>,
    /// Of a webhook: headers to send, at most 10.
    headers: Option<HashMap<String, String>>,
    /// What matters less is not told there: `warning`, unless said otherwise, or `critical`.
    #[oai(validator(max_length = 16))]
    severity: Option<String>,
    /// Only within these hours of each day; at any time unless said otherwise. The end of an incident is
    /// told to services that keep incidents at any time.
    hours: Option<ChannelHours>,
}

/// Hours of each day.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ChannelHours {
    /// `HH:MM`.
    #[oai(validator(max_length = 8))]
    from: String,
    /// `HH:MM`; before `from` it is the next day's.
    #[oai(validator(max_length = 8))]
    to: String,
    /// The time zone, such as `Europe/Berlin`.
    #[oai(validator(max_length = 64))]
    time_zone: String,
}

/// What changes of a channel; what is absent stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ChannelChange {
    /// Another name.
    #[oai(validator(max_length = 256))]
    name: Option<String>,
    /// On or off.
    enabled: Option<bool>,
    /// `warning` or `critical`.
    #[oai(validator(max_length = 16))]
    severity: Option<String>,
    /// Only within these hours of each day.
    hours: Option<ChannelHours>,
    /// `true`: at any time again. It cannot stand beside hours.
    any_time: Option<bool>,
}

/// A channel.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Channel {
    /// Its opaque id.
    id: String,
    /// What it is called.
    name: String,
    /// Its kind.
    kind: String,
    /// Whether anything goes there.
    enabled: bool,
    /// Whether its address was asked and has not agreed; until then nothing goes there, whatever `enabled` says.
    waits_for_confirmation: bool,
    /// A host, and the last four characters of what is secret.
    shown: String,
    /// What matters less is not told there.
    severity: String,
    /// Only within these hours.
    hours: Option<ChannelHours>,
    /// When it was made.
    created_at: Time,
}

/// A channel that was made just now.
#[derive(Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct AddedChannel {
    /// The channel.
    pub(super) channel: Channel,
    /// Of a webhook: the key that signs what it gets, `whsec_…`. It is not shown again.
    pub(super) signing_key: Option<String>,
}

/// The channels, by name.
#[derive(Clone, Debug, Object)]
pub(super) struct ChannelList {
    /// All of them; there are at most 50.
    pub(super) items: Vec<Channel>,
}

/// A test that waits to be delivered.
#[derive(Clone, Debug, Object)]
pub(super) struct QueuedTest {
    /// The id of the delivery.
    pub(super) delivery: String,
}

/// One message to a channel.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Delivery {
    /// Its id; the receiver gets it behind `msg_`.
    id: String,
    /// `opened`, `escalated`, `reminder`, `resolved` or `test`.
    tells: String,
    /// `waiting`, `delivered`, or `dead`: given up.
    state: String,
    /// Since when it is to be delivered.
    created_at: Time,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next; absent while something of the same incident comes first.
    next_at: Option<Time>,
    /// When it was delivered or given up.
    ended_at: Option<Time>,
    /// The status of the last answer.
    status: Option<i32>,
    /// What went wrong the last time.
    problem: Option<String>,
    /// How long the last try took, milliseconds.
    took_milliseconds: Option<i32>,
}

/// Deliveries, the newest first.
#[derive(Clone, Debug, Object)]
pub(super) struct DeliveryList {
    /// At most 100.
    pub(super) items: Vec<Delivery>,
}

impl NewChannel {
    pub(super) fn read(self) -> Result<channels::NewChannel, Failure> {
        let kind = Kind::from_word(&self.kind);
        let kind = kind.ok_or_else(|| Failure::invalid("kind", "must be one of the kinds"))?;
        let hours = self.hours.as_ref().map(ChannelHours::read).transpose()?;
        Ok(channels::NewChannel {
            name: self.name,
            kind,
            settings: Settings {
                address: self.address,
                token: self.token,
                recipient: self.recipient,
                secret: None,
                headers: self.headers.map(BTreeMap::from_iter).unwrap_or_default(),
            },
            severity: severity(self.severity.as_deref())?.unwrap_or(Severity::Warning),
            hours,
        })
    }
}

impl ChannelChange {
    pub(super) fn read(self) -> Result<channels::ChannelChange, Failure> {
        let hours = match (&self.hours, self.any_time.unwrap_or_default()) {
            (None, false) => None,
            (None, true) => Some(When::Always),
            (Some(hours), false) => Some(When::Within(hours.read()?)),
            (Some(_), true) => {
                return Err(Failure::invalid("any_time", "cannot stand beside hours"));
            }
        };
        Ok(channels::ChannelChange {
            severity: severity(self.severity.as_deref())?,
            name: self.name,
            enabled: self.enabled,
            hours,
        })
    }
}

impl ChannelHours {
    fn read(&self) -> Result<Hours, Failure> {
        Ok(Hours::parse(&self.from, &self.to, &self.time_zone)?)
    }
}

fn severity(word: Option<&str>) -> Result<Option<Severity>, Failure> {
    let Some(word) = word else {
        return Ok(None);
    };
    match Severity::from_word(word) {
        Some(severity) => Ok(Some(severity)),
        None => Err(Failure::invalid("severity", "must be warning or critical")),
    }
}

impl From<&ChannelRow> for Channel {
    fn from(row: &ChannelRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            kind: row.kind.clone(),
            enabled: row.enabled,
            waits_for_confirmation: row.waits_for_confirmation(),
            shown: row.shown.clone(),
            severity: row.severity.as_str().to_owned(),
            hours: row.hours.as_ref().map(ChannelHours::from),
            created_at: Time(row.created_at),
        }
    }
}

impl From<&HoursRow> for ChannelHours {
    fn from(row: &HoursRow) -> Self {
        Self {
            from: HoursRow::clock(row.from),
            to: HoursRow::clock(row.to),
            time_zone: row.zone.clone(),
        }
    }
}

impl From<&DeliveryRow> for Delivery {
    fn from(row: &DeliveryRow) -> Self {
        let waits = row.state == "waiting";
        Self {
            id: row.id.to_string(),
            tells: row.kind.clone(),
            state: row.state.clone(),
            created_at: Time(row.created_at),
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            next_at: (waits && !row.is_held()).then_some(Time(row.due_at)),
            ended_at: (!waits).then_some(Time(row.due_at)),
            status: row.status,
            problem: row.problem.clone(),
            took_milliseconds: row.took,
        }
    }
}
