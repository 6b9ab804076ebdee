//! Asking an address whether it agrees to be told: nothing else goes to it before.
//!
//! The mail server is the operator's, and whoever has the address has asked for nothing. So mails that ask are
//! few, and the bounds hold for an address whoever asks it.

use diesel::SqliteConnection;
use ring::hmac;
use server_scout_ui::mails::{Letter, Link};
use server_scout_wire::Timestamp;

use super::settings::Settings;
use crate::domain::acting::{Acting, Actor};
use crate::domain::audit::{Action, Audit, Object};
use crate::domain::client::Client;
use crate::domain::first_owner::LINK_LIFE;
use crate::domain::invitations::link_hash;
use crate::domain::post::{Errand, Place};
use crate::domain::{ServiceError, Services};
use crate::id::{Channel, Id};
use crate::sealing::Sealer;
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::channel_links::{self, OpenLink};
use crate::store::channels::{self, ChannelRow};
use crate::store::confirmation_mails::{self, AddressHash, Asked, Most};
use crate::store::{Scope, StoreError, members, organisations};

/// What an address is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AskedAddress {
    /// Who wants to send there.
    pub organisation: String,
    /// What their channel is called.
    pub channel: String,
    /// The address.
    pub email: String,
}

/// A mail that asks, with its place in the queue.
pub(super) struct Asking<'a> {
    place: Place<'a>,
    secret: Secret,
    question: Question,
}

/// What of a mail that asks is stored.
#[derive(Clone)]
pub(super) struct Question {
    to: String,
    address: AddressHash,
    link: SecretHash,
}

impl Asking<'_> {
    pub(super) fn question(&self) -> Question {
        self.question.clone()
    }
}

impl Question {
    /// Whether it would go to a member who can log in: their address has agreed by that.
    pub(super) fn is_to_member(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
    ) -> Result<bool, StoreError> {
        let member = members::by_email(connection, scope, &self.to)?;
        Ok(member.is_some_and(|member| member.suspended_at.is_none()))
    }

    /// Counts it before it is sent; says why it may not be.
    pub(super) fn count(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
        again_for: Option<Id<Channel>>,
        now: Timestamp,
    ) -> Result<Option<ServiceError>, StoreError> {
        let asked = Asked {
            scope,
            again_for,
            address: self.address,
        };
        let wait = confirmation_mails::take(connection, &asked, MOST, now)?;
        Ok(wait.map(|retry_after| ServiceError::TooManyConfirmations { retry_after }))
    }

    /// Makes the link of a channel open. Gives the name of who asks.
    pub(super) fn ask(
        &self,
        connection: &mut SqliteConnection,
        audit: &Audit,
        acting: &Acting,
        channel: &ChannelRow,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let (scope, until) = (acting.scope, now.after(LINK_LIFE));
        channel_links::replace(connection, scope, channel.id, &self.link, until)?;
        let object = Object::channel(channel.id, &channel.name);
        let action = Action::ChannelConfirmationAsked;
        audit.record(connection, now, acting, action, &object, &channel.shown)?;
        organisations::name(connection, scope)
    }
}

impl Services {
    /// Sends the link of a channel that waits again; the one before opens nothing any more.
    pub async fn ask_channel_again(
        &self,
        acting: &Acting,
        id: Id<Channel>,
    ) -> Result<ChannelRow, ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let read = self.store().read(move |c| {
            let row = channels::get(c, scope, id)?;
            Ok((row, channels::sealed_settings(c, scope, id)?))
        });
        let (row, sealed) = read.await?;
        if !row.waits_for_confirmation() {
            return Err(CONFIRMED);
        }
        let asking = self.asking(&recipient(&*self.sealer()?, id, &sealed)?)?;
        let (audit, acting, question) = (self.audit(), acting.clone(), asking.question());
        let asked = self.store().write(move |c| {
            let row = channels::get(c, scope, id)?;
            if !row.waits_for_confirmation() {
                return Ok(Err(CONFIRMED));
            }
            if let Some(refused) = question.count(c, scope, Some(id), now)? {
                return Ok(Err(refused));
            }
            let organisation = question.ask(c, &audit, &acting, &row, now)?;
            Ok(Ok((row, organisation)))
        });
        let (row, organisation) = asked.await??;
        self.send_question(asking, &organisation);
        Ok(row)
    }

    /// What the link asks, if it opens. Changes nothing.
    pub async fn look_at_channel_link(&self, token: &str) -> Result<AskedAddress, ServiceError> {
        let (hash, now) = (link_hash(token)?, self.clock().now());
        let found = self
            .store()
            .read(move |c| channel_links::open(c, &hash, now));
        let OpenLink {
            organisation,
            channel,
            name,
            sealed,
            ..
        } = found.await?.ok_or(ServiceError::LinkClosed)?;
        Ok(AskedAddress {
            organisation,
            channel: name,
            email: recipient(&*self.sealer()?, channel, &sealed)?,
        })
    }

    /// Uses the link up: the address agrees. The organisation is not told from where.
    pub async fn confirm_channel(&self, token: &str) -> Result<(), ServiceError> {
        let (hash, now) = (link_hash(token)?, self.clock().now());
        let audit = self.audit();
        let confirmed = self.store().write(move |c| {
            let link = channel_links::open(c, &hash, now)?.ok_or(StoreError::NotFound)?;
            channel_links::end(c, link.scope, link.channel)?;
            let row = channels::confirm(c, link.scope, link.channel, now)?;
            let acting = Acting {
                scope: link.scope,
                by: Actor::stranger(Client::default()),
            };
            let object = Object::channel(row.id, &row.name);
            let action = Action::ChannelConfirmed;
            audit.record(c, now, &acting, action, &object, &row.shown)
        });
        confirmed.await.map_err(|error| match error {
            StoreError::NotFound => ServiceError::LinkClosed,
            other => other.into(),
        })
    }

    /// Takes a place for a mail that asks an address.
    pub(super) fn asking(&self, recipient: &str) -> Result<Asking<'_>, ServiceError> {
        let place = self.mail_place()?.ok_or(WITHOUT_MAIL)?;
        let secret = Secret::generate(Purpose::Link);
        let question = Question {
            to: recipient.to_owned(),
            address: self.address_hash(recipient)?,
            link: secret.hash(),
        };
        Ok(Asking {
            place,
            secret,
            question,
        })
    }

    /// Sends what was stored.
    pub(super) fn send_question(&self, asking: Asking<'_>, organisation: &str) {
        asking.place.send(Errand::Mail {
            to: asking.question.to,
            letter: letter(organisation, self.link("confirm-channel", &asking.secret)),
        });
    }

    /// The same for what differs only behind a plus sign, which most servers deliver to one mailbox.
    fn address_hash(&self, email: &str) -> Result<AddressHash, ServiceError> {
        let key = self.0.address_key.as_ref().ok_or(WITHOUT_MAIL)?;
        let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
        let mailbox = local.split('+').next().unwrap_or(local);
        let tag = hmac::sign(key, format!("{mailbox}@{domain}").as_bytes());
        // HMAC-SHA256 has 32 bytes.
        tag.as_ref().try_into().map_err(|_| WITHOUT_MAIL)
    }
}

/// The address of a channel for mail.
fn recipient(sealer: &Sealer, id: Id<Channel>, settings: &[u8]) -> Result<String, ServiceError> {
    let opened = sealer.open(&channels::settings_place(id), settings)?;
    let settings = serde_json::from_slice::<Settings>(&opened);
    let settings =
        settings.map_err(|_| StoreError::Database("settings cannot be read".to_owned()))?;
    settings.recipient.ok_or(CONFIRMED)
}

/// It names the organisation and nothing else that somebody typed: it goes to who has not asked for it.
fn letter(organisation: &str, link: String) -> Letter {
    Letter {
        subject: "May alerts be sent to this address?".to_owned(),
        paragraphs: vec![
            format!(
                "The organisation “{organisation}” watches servers with Server Scout, and wants to send its \
                 alerts to this address."
            ),
            "The link works once and for one hour. It shows who asks, and lets you agree."
                .to_owned(),
        ],
        link: Some(Link {
            words: "See who asks".to_owned(),
            address: link,
        }),
        end: "If you do not expect this, do nothing: without you nothing else is sent.".to_owned(),
    }
}

/// How often the link of a channel is sent again in a day.
pub const AGAIN_A_DAY: i64 = 3;
/// How often an address is asked in a day, by all organisations together.
pub const OF_ADDRESS_A_DAY: i64 = 5;
/// How often an organisation asks in a day, for all its channels.
pub const OF_ORGANISATION_A_DAY: i64 = 20;
const MOST: Most = Most {
    again: AGAIN_A_DAY,
    of_address: OF_ADDRESS_A_DAY,
    of_organisation: OF_ORGANISATION_A_DAY,
};
const CONFIRMED: ServiceError = ServiceError::Conflict {
    member: "channel",
    reason: "waits for no confirmation",
};
const WITHOUT_MAIL: ServiceError = ServiceError::Conflict {
    member: "channel",
    reason: "cannot be confirmed: the operator has named no mail server",
};
