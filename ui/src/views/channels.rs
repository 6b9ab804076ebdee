//! Channels, what became of what went there, and the dead man's switch.

use std::fmt;

use serde::Serialize;

use super::{Choice, Frame};

/// A channel, in words.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelRow {
    /// The opaque id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its kind for people.
    pub kind: String,
    /// A host, and the last four characters of what is secret.
    pub shown: String,
    /// What matters less is not told there: `warning` or `critical`.
    pub severity: String,
    /// Only within these hours; empty when at any time.
    pub hours: String,
    /// Whether anything goes there.
    pub enabled: bool,
    /// Whether nothing goes there yet, as its address was asked and has not agreed.
    pub waits: bool,
    /// How many deliveries of the last 30 days were given up; empty when none.
    pub dead: String,
}

/// One message to a channel, in words.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeliveryRow {
    /// What it tells: `opened`, `test`.
    pub tells: String,
    /// `delivered`, `waiting` or `dead`.
    pub state: String,
    /// The same for people.
    pub state_words: String,
    /// Since when it is to be delivered, RFC 3339.
    pub at: String,
    /// The same, as people read it.
    pub when: String,
    /// How often it was tried.
    pub attempts: String,
    /// The status of the last answer; empty when there was none.
    pub status: String,
    /// How long the last try took; empty before the first.
    pub took: String,
    /// What went wrong the last time; empty when nothing did.
    pub problem: String,
    /// When it is tried next; empty when it is not.
    pub next: String,
}

/// A channel in the list, with its newest delivery.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListedChannel {
    /// The channel.
    pub channel: ChannelRow,
    /// The newest delivery.
    pub newest: Option<DeliveryRow>,
}

/// The channels.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for a line of the page that is there or not"
)]
pub struct ChannelsView {
    /// What every page shows.
    pub frame: Frame,
    /// The channels, by name.
    pub channels: Vec<ListedChannel>,
    /// Whether none of them is told anything yet, as all of their addresses were asked and have not agreed.
    pub all_wait: bool,
    /// The kinds of which one can be made here.
    pub kinds: Vec<Choice>,
    /// Whether mail is missing among them, as the operator has named no mail server.
    pub without_mail: bool,
    /// Whether the viewer may change channels.
    pub may_change: bool,
    /// Whether nothing is sent, as the process that is to does not run, and the viewer is to know.
    pub unsent: bool,
    /// The dead man's switch, when there is one.
    pub heartbeat: Option<HeartbeatRow>,
    /// What was just done.
    pub notice: Option<String>,
}

/// A field that only some kinds of channel have.
#[derive(Clone, Default, Serialize)]
pub struct ChannelField {
    /// The name of the field.
    pub name: String,
    /// What it asks for.
    pub label: String,
    /// Where in the service one finds it.
    pub help: String,
    /// What was typed before.
    pub value: String,
    /// What stands in the empty field.
    pub placeholder: String,
    /// Whether it must be filled.
    pub required: bool,
    /// Whether it holds several lines.
    pub lines: bool,
}

/// Fields that every channel has, as they were typed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelTyped {
    /// What it is called.
    pub name: String,
    /// `warning` and `critical`.
    pub severities: Vec<Choice>,
    /// The time of the day from which on it is told; empty with the others when at any time.
    pub from: String,
    /// The time of the day until which it is told.
    pub to: String,
    /// The time zone.
    pub time_zone: String,
    /// Whether anything is to go there.
    pub on: bool,
}

/// The form of a new channel.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewChannelView {
    /// What every page shows.
    pub frame: Frame,
    /// The word of its kind.
    pub kind: String,
    /// Its kind for people.
    pub kind_words: String,
    /// Whether none can be made, as the operator has named no mail server.
    pub without_mail: bool,
    /// What this kind asks for.
    pub fields: Vec<ChannelField>,
    /// What every kind has.
    pub typed: ChannelTyped,
    /// Why it was refused.
    pub error: Option<String>,
}

/// The page that shows a new webhook's signing key, once.
#[derive(Clone, Default, Serialize)]
pub struct ChannelKeyView {
    /// What every page shows.
    pub frame: Frame,
    /// The channel's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The key, `whsec_…`.
    pub signing_key: String,
}

/// One channel, with what went there.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelView {
    /// What every page shows.
    pub frame: Frame,
    /// The channel.
    pub channel: ChannelRow,
    /// What may change, as it is or was typed.
    pub typed: ChannelTyped,
    /// The deliveries, the newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// How many may wait, and what happens beyond that.
    pub bound: String,
    /// Whether the viewer may change it.
    pub may_change: bool,
    /// Whether the viewer has proved lately who they are.
    pub fresh: bool,
    /// Whether nothing is sent, as the process that is to does not run, and the viewer is to know.
    pub unsent: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

/// The page behind the link by which an address agrees to be told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConfirmChannelView {
    /// Who asks.
    pub organisation: String,
    /// What their channel is called.
    pub channel: String,
    /// The address.
    pub email: String,
}

/// The page that asks before a channel is deleted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelDeletionView {
    /// What every page shows.
    pub frame: Frame,
    /// The channel.
    pub channel: ChannelRow,
    /// The names of the rules that tell it alone, and will tell every channel.
    pub only_of: Vec<String>,
}

/// The dead man's switch, in words.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HeartbeatRow {
    /// A host, and the last four characters of the address.
    pub shown: String,
    /// How it is sent: `GET every 5 min`.
    pub how: String,
    /// What became of the last one: `delivered`, `dead`, or `waiting` before the first.
    pub state: String,
    /// The same for people.
    pub state_words: String,
    /// What went wrong the last time; empty when nothing did.
    pub problem: String,
    /// When the last one was tried; empty before the first.
    pub tried: String,
    /// When the last one arrived; empty before the first.
    pub arrived: String,
    /// The status of the last answer and how long it took; empty when there was none.
    pub answer: String,
}

/// The dead man's switch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HeartbeatView {
    /// What every page shows.
    pub frame: Frame,
    /// The heartbeat, when there is one.
    pub heartbeat: Option<HeartbeatRow>,
    /// `GET` and `POST`.
    pub methods: Vec<Choice>,
    /// The minutes from one to the next, as they are or were typed.
    pub minutes: String,
    /// Whether the viewer may change it.
    pub may_change: bool,
    /// Whether the viewer has proved lately who they are.
    pub fresh: bool,
    /// Whether nothing is sent, as the process that is to does not run, and the viewer is to know.
    pub unsent: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

impl fmt::Debug for ChannelField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was typed may be a secret.
        f.debug_struct("ChannelField")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelKeyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs.
        f.debug_struct("ChannelKeyView")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
