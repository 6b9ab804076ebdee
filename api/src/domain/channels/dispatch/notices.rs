//! Taking notices over: a bundle becomes its deliveries, in transactions of bounded size.
//!
//! The first makes the messages that tell of the whole bundle. Receivers that keep incidents are told of each
//! by itself, so the notices go part by part, each with its deliveries.

use std::collections::HashMap;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::super::as_json;
use super::super::hours::Hours;
use super::super::message::{MAX_DESCRIBED, Message};
use super::super::settings::Kind;
use crate::alerting::{NoticeKind, Severity};
use crate::id::{DeliveryMessage, Id, Incident};
use crate::store::alert_notices::{self, DueBundle, NoticeRow};
use crate::store::channels::{self, ChannelRow};
use crate::store::deliveries::{self, NewDelivery};
use crate::store::delivery_bounds::{self, Bounds, Filled};
use crate::store::{Scope, StoreError, organisations};

/// Notices that could not be read.
pub(super) struct Aside {
    pub(super) now: usize,
    pub(super) in_all: i64,
}

/// Takes a step with the bundle that has been due longest. Says what of it could not be read.
pub(super) fn take_over(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<Aside>, StoreError> {
    let Some(due) = alert_notices::due(connection, now)? else {
        return Ok(None);
    };
    let receivers = receivers(connection, due.scope)?;
    let mut outbox = Outbox {
        connection,
        due,
        now,
        kept: HashMap::new(),
        filled: Vec::new(),
    };
    if !alert_notices::is_told(outbox.connection, due.bundle)? {
        outbox.tell_together(&receivers)?;
        alert_notices::set_told(outbox.connection, due)?;
    }
    let unreadable = outbox.tell_each(&receivers)?;
    outbox.keep_bounds()?;
    if unreadable.is_empty() {
        return Ok(None);
    }
    Ok(Some(Aside {
        now: unreadable.len(),
        in_all: alert_notices::set_aside(connection, &unreadable)?,
    }))
}

/// The channels of an organisation that are told anything.
#[derive(Default)]
struct Receivers {
    /// What the organisation is called.
    organisation: String,
    open: Vec<Receiver>,
}

struct Receiver {
    channel: ChannelRow,
    kind: Kind,
}

fn receivers(connection: &mut SqliteConnection, scope: Scope) -> Result<Receivers, StoreError> {
    let organisation = match organisations::name(connection, scope) {
        Ok(name) => name,
        // It is being deleted.
        Err(StoreError::NotFound) => return Ok(Receivers::default()),
        Err(error) => return Err(error),
    };
    let receiver = |channel: ChannelRow| {
        let kind = Kind::from_word(&channel.kind)?;
        Some(Receiver { channel, kind })
    };
    let mut all = channels::list(connection, scope)?;
    // Not there until their address agrees: a rule that names them alone tells everybody.
    all.retain(|channel| !channel.waits_for_confirmation());
    Ok(Receivers {
        organisation,
        open: all.into_iter().filter_map(receiver).collect(),
    })
}

impl Receivers {
    /// Those that are told of each incident by itself, or the others.
    fn keeping(&self, keeping: bool) -> Vec<&Receiver> {
        let all = self.open.iter().filter(|one| one.channel.enabled);
        all.filter(|one| one.kind.keeps_state() == keeping)
            .collect()
    }

    /// Who names channels that are all gone tells all of them.
    fn tells_all(&self, named: &[String]) -> bool {
        let is_there = |id: &String| { self.open.iter() }.any(|one| one.is_called(id));
        !named.iter().any(is_there)
    }
}

impl Receiver {
    fn is_called(&self, id: &str) -> bool {
        self.channel.id.to_string() == id
    }

    fn is_told(&self, what: &What<'_>, receivers: &Receivers, now: Timestamp) -> bool {
        let named =
            receivers.tells_all(what.channels) || what.channels.iter().any(|id| self.is_called(id));
        // What would stay open for ever is closed at any hour.
        let closes = self.kind.keeps_state() && what.kind == NoticeKind::Resolved;
        let hours = self.channel.hours.as_ref().and_then(Hours::of);
        let open = hours.is_none_or(|hours| hours.contain(now));
        named && (closes || (open && what.severity >= self.channel.severity))
    }
}

/// What of a notice says who is told.
struct What<'a> {
    kind: NoticeKind,
    severity: Severity,
    channels: &'a [String],
}

/// Where deliveries of one bundle are put.
struct Outbox<'a> {
    connection: &'a mut SqliteConnection,
    due: DueBundle,
    now: Timestamp,
    /// The messages of this step, each of which is stored once.
    kept: HashMap<String, Id<DeliveryMessage>>,
    filled: Vec<Filled>,
}

impl Outbox<'_> {
    /// One message of the whole bundle to each channel that keeps no incidents.
    fn tell_together(&mut self, receivers: &Receivers) -> Result<(), StoreError> {
        let together = receivers.keeping(false);
        if together.is_empty() {
            return Ok(());
        }
        let mut ways = Vec::new();
        for way in alert_notices::ways(self.connection, self.due.bundle)? {
            let bundle = self.due.bundle;
            let part = alert_notices::first_of(self.connection, bundle, &way, DESCRIBED)?;
            let unreadable = part.unreadable.len();
            let count = usize::try_from(way.count).unwrap_or_default();
            ways.push((way, part.notices, count.saturating_sub(unreadable)));
        }
        for receiver in together {
            let (mut told, mut all) = (Vec::new(), 0);
            for (way, notices, count) in &ways {
                let Some(first) = notices.first() else {
                    continue;
                };
                let what = What {
                    kind: first.kind,
                    severity: way.severity,
                    channels: &way.channels,
                };
                if receiver.is_told(&what, receivers, self.now) {
                    told.extend(notices);
                    all += count;
                }
            }
            self.add(receivers, receiver, &told, all)?;
        }
        Ok(())
    }

    /// Of each notice of the next part one message to those who keep incidents. The part is taken over then.
    fn tell_each(&mut self, receivers: &Receivers) -> Result<Vec<i64>, StoreError> {
        let keeping = receivers.keeping(true);
        let most = (AT_ONCE / keeping.len().max(1)).clamp(1, MOST);
        let most = i64::try_from(most).unwrap_or(1);
        let part = alert_notices::part(self.connection, self.due.bundle, most)?;
        for notice in &part.notices {
            let what = What {
                kind: notice.kind,
                severity: notice.severity,
                channels: &notice.channels,
            };
            for receiver in &keeping {
                if receiver.is_told(&what, receivers, self.now) {
                    self.add(receivers, receiver, &[notice], 1)?;
                }
            }
        }
        alert_notices::remove(self.connection, self.due.bundle, &part.notices)?;
        Ok(part.unreadable)
    }

    fn add(
        &mut self,
        receivers: &Receivers,
        to: &Receiver,
        notices: &[&NoticeRow],
        all: usize,
    ) -> Result<(), StoreError> {
        let Some(message) = Message::of(&receivers.organisation, notices, all) else {
            return Ok(());
        };
        let Some(first) = notices.first() else {
            return Ok(());
        };
        let organisation = self.due.scope.organisation();
        let content = as_json(&message)?;
        let kept = self.kept.get(&content).copied();
        let message = match kept {
            Some(kept) => kept,
            None => deliveries::add_message(self.connection, organisation, &content)?,
        };
        self.kept.insert(content, message);
        let keeps_state = to.kind.keeps_state();
        let incident: Option<Id<Incident>> = keeps_state.then_some(first.incident);
        let new = NewDelivery {
            channel: to.channel.id,
            incident,
            kind: first.kind.as_str(),
            message,
        };
        deliveries::add(self.connection, organisation, &new, self.now)?;
        let channel = to.channel.id;
        if !self.filled.iter().any(|one| one.channel == channel) {
            self.filled.push(Filled {
                channel,
                keeps_state,
            });
        }
        Ok(())
    }

    fn keep_bounds(&mut self) -> Result<(), StoreError> {
        let organisation = self.due.scope.organisation();
        let (filled, now) = (&self.filled, self.now);
        delivery_bounds::keep(self.connection, organisation, filled, Bounds::ALL, now)
    }
}

/// [`MAX_DESCRIBED`] of each way, as any of them may be told alone.
#[expect(clippy::cast_possible_wrap, reason = "it is small")]
const DESCRIBED: i64 = MAX_DESCRIBED as i64;
/// Deliveries that one transaction makes for those who keep incidents.
const AT_ONCE: usize = 1000;
/// Notices that one transaction takes over.
const MOST: usize = 200;
