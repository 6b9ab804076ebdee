//! Channels: where an organisation's notices go.

pub mod confirmation;
pub mod dispatch;
pub mod forms;
pub mod heartbeat;
pub mod hours;
pub mod message;
pub mod settings;

use server_scout_wire::Timestamp;

use self::confirmation::Asking;
use self::hours::Hours;
use self::message::Message;
use self::settings::{Kind, Settings};
use super::acting::Acting;
use super::audit::{Action, Object};
use super::names::Name;
use super::{ServiceError, Services};
use crate::alerting::Severity;
use crate::id::{Channel, Delivery, Id};
use crate::outbound::{Policy, Sender, Target};
use crate::store::channels::{self, ChangedChannel, ChannelRow};
use crate::store::deliveries::{self, DeliveryRow, NewDelivery};
use crate::store::{Scope, StoreError, alert_rules, organisations};

/// A channel to make.
pub struct NewChannel {
    /// What it is called.
    pub name: String,
    /// Which service.
    pub kind: Kind,
    /// Address and credentials.
    pub settings: Settings,
    /// What matters less is not told there.
    pub severity: Severity,
    /// Only within these hours.
    pub hours: Option<Hours>,
}

/// What changes of a channel; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    /// Another name.
    pub name: Option<String>,
    /// On or off.
    pub enabled: Option<bool>,
    /// Another least severity.
    pub severity: Option<Severity>,
    /// Other hours.
    pub hours: Option<When>,
}

/// When a channel is told anything.
#[derive(Clone, Debug)]
pub enum When {
    /// At any time.
    Always,
    /// Within these hours.
    Within(Hours),
}

/// A channel, and how it fares.
#[derive(Clone, Debug)]
pub struct ChannelOverview {
    /// The channel.
    pub row: ChannelRow,
    /// Its newest delivery.
    pub newest: Option<DeliveryRow>,
    /// How many deliveries of the last 30 days were given up.
    pub dead: i64,
}

impl Services {
    /// Says what channels may reach. To be called once, before anybody asks.
    pub fn set_outbound_policy(&self, policy: Policy) {
        let _ = self.0.outbound.set(policy);
    }

    /// The organisation's channels, by name.
    pub async fn channels(&self, scope: Scope) -> Result<Vec<ChannelRow>, ServiceError> {
        Ok(self.store().read(move |c| channels::list(c, scope)).await?)
    }

    /// The organisation's channels, by name, and how they fare.
    pub async fn channel_overviews(
        &self,
        scope: Scope,
    ) -> Result<Vec<ChannelOverview>, ServiceError> {
        let read = self.store().read(move |c| {
            let dead = deliveries::count_dead(c, scope)?;
            let dead_of = |id| dead.iter().find(|(channel, _)| *channel == id);
            let mut all = Vec::new();
            for row in channels::list(c, scope)? {
                all.push(ChannelOverview {
                    newest: deliveries::list(c, scope, row.id, 1)?.pop(),
                    dead: dead_of(row.id).map_or(0, |(_, count)| *count),
                    row,
                });
            }
            Ok(all)
        });
        Ok(read.await?)
    }

    /// Whether all of these are channels that the scope shows; not found when one is none.
    pub async fn see_channels(
        &self,
        scope: Scope,
        ids: Vec<Id<Channel>>,
    ) -> Result<(), ServiceError> {
        let seen = self
            .store()
            .read(move |c| channels::are_there(c, scope, &ids));
        Ok(seen.await?)
    }

    /// One channel.
    pub async fn channel(&self, scope: Scope, id: Id<Channel>) -> Result<ChannelRow, ServiceError> {
        let found = self.store().read(move |c| channels::get(c, scope, id));
        Ok(found.await?)
    }

    /// Makes a channel. A webhook's signing key comes with it, this once. An address for mail is asked first,
    /// unless it is that of a member.
    pub async fn add_channel(
        &self,
        acting: &Acting,
        new: NewChannel,
    ) -> Result<(ChannelRow, Option<String>), ServiceError> {
        let name = Name::parse("name", &new.name)?;
        let (scope, now, kind) = (acting.scope, self.clock().now(), new.kind);
        if kind == Kind::Email && !self.has_mail() {
            let reason = "is not possible: the operator has named no mail server";
            return Err(ServiceError::invalid("kind", reason));
        }
        let settings = new.settings.check(kind)?;
        if let Some(target) = settings.target() {
            self.check_target(scope, &target).await?;
        }
        let asking = match &settings.recipient {
            Some(recipient) if kind == Kind::Email => Some(self.asking(recipient)?),
            _ => None,
        };
        let mut row = channels::NewChannel {
            confirmed: true,
            name: name.as_str().to_owned(),
            kind: kind.as_str(),
            shown: settings.shown(kind),
            severity: new.severity,
            hours: new.hours.as_ref().map(Hours::row),
        };
        let content = serde_json::to_vec(&settings).map(zeroize::Zeroizing::new);
        let content = content.map_err(|_| ServiceError::invalid("settings", "cannot be kept"))?;
        let (sealer, audit, acting) = (self.sealer()?, self.audit(), acting.clone());
        let question = asking.as_ref().map(Asking::question);
        let made = self
            .store()
            .write(move |c| {
                if channels::count(c, scope)? >= MAX_CHANNELS {
                    let reason =
                        format!("is one too many: an organisation may have {MAX_CHANNELS}");
                    return Ok(Err(ServiceError::invalid("name", reason)));
                }
                let question = match question {
                    Some(question) if !question.is_to_member(c, scope)? => Some(question),
                    _ => None,
                };
                if let Some(question) = &question {
                    row.confirmed = false;
                    if let Some(refused) = question.count(c, scope, None, now)? {
                        return Ok(Err(refused));
                    }
                }
                let seal = |place: &_| Ok(sealer.seal(place, &content)?);
                let made = channels::create(c, scope, &row, seal, now)?;
                let object = Object::channel(made.id, &made.name);
                let detail = format!("{}, {}", made.kind, made.shown);
                audit.record(c, now, &acting, Action::ChannelAdded, &object, &detail)?;
                let asks = match question {
                    Some(question) => Some(question.ask(c, &audit, &acting, &made, now)?),
                    None => None,
                };
                Ok(Ok((made, asks)))
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", TAKEN))?;
        let (made, asks) = made?;
        if let (Some(asking), Some(organisation)) = (asking, asks) {
            self.send_question(asking, &organisation);
        }
        Ok((made, settings.secret))
    }

    /// Renames a channel, switches it, or gives it another least severity or other hours.
    pub async fn change_channel(
        &self,
        acting: &Acting,
        id: Id<Channel>,
        change: ChannelChange,
    ) -> Result<ChannelRow, ServiceError> {
        let name = { change.name.as_deref() }.map(|name| Name::parse("name", name));
        let name = name.transpose()?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let before = channels::get(c, scope, id)?;
                let name = name.as_ref().map_or(before.name.as_str(), Name::as_str);
                let changed = ChangedChannel {
                    name: name.to_owned(),
                    enabled: change.enabled.unwrap_or(before.enabled),
                    severity: change.severity.unwrap_or(before.severity),
                    hours: match &change.hours {
                        None => before.hours,
                        Some(When::Always) => None,
                        Some(When::Within(hours)) => Some(hours.row()),
                    },
                };
                let row = channels::change(c, scope, id, &changed)?;
                let object = Object::channel(id, &row.name);
                let detail = told_when(&row);
                audit.record(c, now, &acting, Action::ChannelChanged, &object, &detail)?;
                Ok(row)
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", TAKEN))
    }

    /// Deletes a channel. What waits for it is told to nobody. A rule that told it alone tells every
    /// channel again: silence must not come by itself.
    pub async fn delete_channel(
        &self,
        acting: &Acting,
        id: Id<Channel>,
    ) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        Ok(self
            .store()
            .write(move |c| {
                let row = channels::get(c, scope, id)?;
                alert_rules::forget_channel(c, scope, id)?;
                channels::delete(c, scope, id)?;
                let object = Object::channel(id, &row.name);
                audit.record(c, now, &acting, Action::ChannelDeleted, &object, "")
            })
            .await?)
    }

    /// Has a message delivered that says only that the channel works. What becomes of it is in the log of
    /// deliveries. Whoever it goes to need not have asked for it, so tests are few.
    pub async fn test_channel(
        &self,
        acting: &Acting,
        id: Id<Channel>,
    ) -> Result<Id<Delivery>, ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        self.check_room(scope, id).await?;
        let (of_channel, of_organisation) = &self.0.tests;
        // Who makes a channel anew for each test is stopped by the second.
        let taken = of_channel.take(id, now);
        let taken = taken.and_then(|()| of_organisation.take(scope.organisation(), now));
        taken.map_err(|retry_after| ServiceError::TooManyTests { retry_after })?;
        let (audit, acting) = (self.audit(), acting.clone());
        let made = self
            .store()
            .write(move |c| {
                let row = channels::get(c, scope, id)?;
                if deliveries::count_waiting(c, scope, id)? >= MAX_WAITING {
                    return Ok(None);
                }
                let name = organisations::name(c, scope)?;
                let content = as_json(&Message::test(&name, &now.to_string()))?;
                let organisation = scope.organisation();
                let new = NewDelivery {
                    channel: id,
                    incident: None,
                    kind: message::TEST,
                    message: deliveries::add_message(c, organisation, &content)?,
                };
                let delivery = deliveries::add(c, organisation, &new, now)?;
                let object = Object::channel(id, &row.name);
                audit.record(c, now, &acting, Action::ChannelTested, &object, "")?;
                Ok(Some(delivery))
            })
            .await?;
        made.ok_or(FULL)
    }

    /// Whether a test could be added; what is refused here does not count as one.
    async fn check_room(&self, scope: Scope, id: Id<Channel>) -> Result<(), ServiceError> {
        let read = self.store().read(move |c| {
            let row = channels::get(c, scope, id)?;
            Ok((row, deliveries::count_waiting(c, scope, id)?))
        });
        match read.await? {
            (row, _) if row.waits_for_confirmation() => Err(WAITS),
            (_, waiting) if waiting >= MAX_WAITING => Err(FULL),
            _ => Ok(()),
        }
    }

    /// The newest deliveries of a channel.
    pub async fn deliveries(
        &self,
        scope: Scope,
        id: Id<Channel>,
    ) -> Result<Vec<DeliveryRow>, ServiceError> {
        let read = self.store().read(move |c| {
            channels::get(c, scope, id)?;
            deliveries::list(c, scope, id, SHOWN)
        });
        Ok(read.await?)
    }

    /// Whether some process sends what goes to channels.
    pub async fn somebody_sends(&self) -> Result<bool, ServiceError> {
        let now = self.clock().now();
        let read = self.store().read(move |c| deliveries::is_leased(c, now));
        Ok(read.await?)
    }

    /// Refuses a name that the operator has opened something for: whoever takes it would take that, too.
    pub(super) fn check_unreserved(&self, name: &Name) -> Result<(), ServiceError> {
        let named = self.outbound_policy().names(name.as_str());
        if named {
            let reason = "is kept for another organisation by the operator";
            return Err(ServiceError::invalid("name", reason));
        }
        Ok(())
    }

    pub(super) async fn sweep_deliveries(&self, now: Timestamp) -> Result<(), ServiceError> {
        let sweep = self
            .store()
            .write(move |c| deliveries::sweep(c, now.before(KEPT)));
        Ok(sweep.await?)
    }

    /// Says at once what can be said without a look-up. The rest is judged at each delivery.
    async fn check_target(&self, scope: Scope, target: &Target) -> Result<(), ServiceError> {
        let name = self
            .store()
            .read(move |c| organisations::name(c, scope))
            .await?;
        let id = scope.organisation().to_string();
        let sender = Sender {
            id: &id,
            name: &name,
        };
        self.outbound_policy()
            .check(sender, target)
            .map_err(|refusal| {
                ServiceError::invalid("address", settings::words(&refusal.to_string()))
            })
    }

    fn outbound_policy(&self) -> &Policy {
        self.0.outbound.get_or_init(Policy::default)
    }
}

/// When a channel is told anything, for the audit log.
fn told_when(row: &ChannelRow) -> String {
    let state = if row.enabled { "on" } else { "off" };
    let hours = row.hours.as_ref().map(|hours| format!(", {hours}"));
    let severity = row.severity.as_str();
    format!("{state}, from {severity}{}", hours.unwrap_or_default())
}

/// A message as it is stored.
fn as_json(message: &Message) -> Result<String, StoreError> {
    serde_json::to_string(message).map_err(|error| StoreError::Database(error.to_string()))
}

/// Tests of a channel at once, and as many again in each hour.
pub(super) const TESTS_OF_CHANNEL: u32 = 12;
/// The same of all channels of an organisation, which may have 50.
pub(super) const TESTS_OF_ORGANISATION: u32 = 60;
const FULL: ServiceError = ServiceError::Conflict {
    member: "channel",
    reason: "has too many deliveries that wait already",
};
const WAITS: ServiceError = ServiceError::Conflict {
    member: "channel",
    reason: "waits until its address is confirmed by the link that was mailed to it",
};
const TAKEN: &str = "is the name of another channel already";
/// Channels of an organisation.
const MAX_CHANNELS: i64 = 50;
/// Deliveries of a channel that wait, beyond which nobody may add a test.
const MAX_WAITING: i64 = 20;
/// Deliveries that are shown of a channel.
const SHOWN: i64 = 100;
/// How long deliveries are shown.
const KEPT: std::time::Duration = std::time::Duration::from_hours(30 * 24);
