//! Invitations: a link that makes one person a member of one organisation, once, within an hour.

use server_scout_ui::mails::{Letter, Link};

use super::accounts::LoggedIn;
use super::acting::{Acting, Actor};
use super::audit::{Action, Object};
use super::client::Client;
use super::first_owner::LINK_LIFE;
use super::names::{Email, Name};
use super::organisations::session;
use super::password::Password;
use super::people::right_over;
use super::post::Errand;
use super::principal::PersonPrincipal;
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::access::{Right, Role};
use crate::id::{self, Id};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::invitations::{self, FoundInvitation, InvitationRow, NewInvitation};
use crate::store::{Scope, StoreError, members, people, sessions};

/// An invitation that was just made.
pub struct Invited {
    /// What is known of it.
    pub row: InvitationRow,
    /// The secret of its link, for the inviter to hand over; none when it was mailed.
    pub link: Option<Secret>,
}

/// What the page behind an invitation's link shows.
#[derive(Clone, Debug)]
pub struct OpenInvitation {
    /// The organisation's name.
    pub organisation: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Whether that address has an account already.
    pub has_account: bool,
}

/// What somebody new chooses who accepts an invitation.
pub struct NewMember {
    /// What they are called; may be empty.
    pub name: String,
    /// Their password.
    pub password: String,
}

impl Services {
    /// Invites an address. An earlier invitation of the same address ends.
    pub async fn invite(
        &self,
        by: &PersonPrincipal,
        email: &str,
        role: Role,
    ) -> Result<Invited, ServiceError> {
        let right = right_over(role, None);
        let acting = by.acting_fresh(right)?;
        let email = Email::parse(email)?;
        let now = self.clock().now();
        // Before the invitation is made: one that could not be mailed would be lost.
        let place = self.mail_place()?;
        if place.is_some() {
            let throttled = self.0.requests.begin(&[Source::Inviter(by.person())], now);
            throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;
        }
        let secret = Secret::generate(Purpose::Link);
        let new = NewInvitation {
            hash: secret.hash(),
            email: email.as_str().to_owned(),
            role,
            by: acting.by.who.person(),
            expires_at: now.after(LINK_LIFE),
        };
        let (audit, scope) = (self.audit(), acting.scope);
        let people = self.0.limits.people;
        let id = self
            .store()
            .write(move |c| {
                if let Some(open) = invitations::of_email(c, scope, &new.email, now)?
                    && right < right_over(open.role, None)
                {
                    return Ok(Err(ServiceError::Forbidden));
                }
                if members::by_email(c, scope, &new.email)?.is_some() {
                    return Ok(Err(ServiceError::Conflict {
                        member: "email",
                        reason: "is a member already",
                    }));
                }
                let id = invitations::replace(c, scope, &new, now)?;
                let all = members::count(c, scope)? + invitations::count(c, scope, now)?;
                if usize::try_from(all).unwrap_or(usize::MAX) > people {
                    invitations::end(c, scope, id)?;
                    return Ok(Err(too_many(people)));
                }
                let made = Object::invitation(id, &new.email);
                let action = Action::InvitationAdded;
                audit.record(c, now, &acting, action, &made, role.as_str())?;
                Ok(Ok(id))
            })
            .await??;
        let row = self
            .store()
            .read(move |c| invitations::find(c, scope, id, now))
            .await?;
        let Some(place) = place else {
            return Ok(Invited {
                row,
                link: Some(secret),
            });
        };
        let link = self.link("invitation", &secret);
        let letter = letter(&by.identity.organisation, &by.identity.email, role, link);
        place.send(Errand::Mail {
            to: email.as_str().to_owned(),
            letter,
        });
        Ok(Invited { row, link: None })
    }

    /// The open invitations of the organisation, by address.
    pub async fn invitations(&self, scope: Scope) -> Result<Vec<InvitationRow>, ServiceError> {
        let now = self.clock().now();
        Ok(self
            .store()
            .read(move |c| invitations::list(c, scope, now))
            .await?)
    }

    /// Makes an invitation open nothing any more; that of an owner is an owner's to end.
    pub async fn end_invitation(
        &self,
        by: &PersonPrincipal,
        id: Id<id::Invitation>,
    ) -> Result<(), ServiceError> {
        let (scope, now) = (by.scope(Right::Read)?, self.clock().now());
        let find = self
            .store()
            .read(move |c| invitations::find(c, scope, id, now));
        let InvitationRow { email, role, .. } = find.await?;
        let acting = by.acting_fresh(right_over(role, None))?;
        let audit = self.audit();
        Ok(self
            .store()
            .write(move |c| {
                invitations::end(c, acting.scope, id)?;
                let ended = Object::invitation(id, &email);
                audit.record(c, now, &acting, Action::InvitationEnded, &ended, "")
            })
            .await?)
    }

    /// What the link leads to, if it opens. Changes nothing.
    pub async fn look_at_invitation(&self, token: &str) -> Result<OpenInvitation, ServiceError> {
        let (found, has_account) = self.invitation(token).await?;
        Ok(OpenInvitation {
            organisation: found.organisation,
            email: found.email,
            role: found.role,
            has_account,
        })
    }

    /// Uses the link up for somebody new: makes the account and logs in.
    pub async fn accept_as_new(
        &self,
        token: &str,
        form: NewMember,
        client: Client,
    ) -> Result<LoggedIn, ServiceError> {
        // Before any costly work: only the link's holder may make us hash.
        let (found, has_account) = self.invitation(token).await?;
        if has_account {
            return Err(HAS_ACCOUNT);
        }
        let name = Name::parse_optional("name", &form.name)?;
        let known = [found.email.as_str(), found.organisation.as_str()];
        let password = Password::chosen(form.password, &known)?;
        let hash = self.0.passwords.hash(password).await?;
        let (now, link, known) = (self.clock().now(), link_hash(token)?, hash.clone());
        let (audit, from) = (self.audit(), client.clone());
        let person = self
            .store()
            .write(move |c| {
                let Some(invitation) = invitations::by_link(c, &link, now)? else {
                    return Ok(Err(ServiceError::LinkClosed));
                };
                if people::by_email(c, &invitation.email)?.is_some() {
                    return Ok(Err(HAS_ACCOUNT));
                }
                invitations::end(c, invitation.scope, invitation.id)?;
                let person = people::create(c, &invitation.email, &hash, now)?;
                people::set_name(c, person, &name)?;
                members::join(c, invitation.scope, person, invitation.role, now)?;
                let acting = Acting {
                    scope: invitation.scope,
                    by: Actor::person(person, &invitation.email, from),
                };
                let joined = Object::person(person, &invitation.email);
                let role = invitation.role.as_str();
                audit.record(c, now, &acting, Action::PersonAdded, &joined, role)?;
                Ok(Ok(person))
            })
            .await??;
        self.begin_first_session(person, known, client).await
    }

    /// Uses the link up for the person whose session asks: they must be who is invited. The session
    /// goes on in that organisation, under a new id.
    pub async fn accept_as_member(
        &self,
        by: &PersonPrincipal,
        token: &str,
    ) -> Result<Secret, ServiceError> {
        let before = session(by)?;
        let (audit, actor) = (self.audit(), by.actor());
        let link = link_hash(token)?;
        let fresh = Secret::generate(Purpose::Session);
        let (after, person, now) = (fresh.hash(), by.person(), self.clock().now());
        self.store()
            .write(move |c| {
                let Some(invitation) = invitations::by_link(c, &link, now)? else {
                    return Ok(Err(ServiceError::LinkClosed));
                };
                // Read here and not from the principal: the address may have changed meanwhile.
                let invited = people::by_email(c, &invitation.email)?;
                if invited.is_none_or(|login| login.person != person) {
                    return Ok(Err(ServiceError::Forbidden));
                }
                let scope = invitation.scope;
                invitations::end(c, scope, invitation.id)?;
                members::join(c, scope, person, invitation.role, now)?;
                let acting = Acting { scope, by: actor };
                let joined = Object::person(person, &invitation.email);
                let role = invitation.role.as_str();
                audit.record(c, now, &acting, Action::PersonAdded, &joined, role)?;
                sessions::move_to(c, &before, &after, scope)?;
                members::note_use(c, person, scope.organisation())?;
                Ok(Ok(()))
            })
            .await
            .map_err(|error| match error {
                // The operator was faster and has made them a member.
                StoreError::Conflict => ServiceError::LinkClosed,
                // The session has ended meanwhile.
                StoreError::NotFound => ServiceError::Unauthenticated,
                other => other.into(),
            })??;
        Ok(fresh)
    }

    async fn invitation(&self, token: &str) -> Result<(FoundInvitation, bool), ServiceError> {
        let (hash, now) = (link_hash(token)?, self.clock().now());
        self.store()
            .read(move |c| {
                let Some(found) = invitations::by_link(c, &hash, now)? else {
                    return Ok(None);
                };
                let has_account = people::by_email(c, &found.email)?.is_some();
                Ok(Some((found, has_account)))
            })
            .await?
            .ok_or(ServiceError::LinkClosed)
    }
}

fn letter(organisation: &str, inviter: &str, role: Role, link: String) -> Letter {
    Letter {
        subject: "You are invited to Server Scout".to_owned(),
        paragraphs: vec![
            format!("{inviter} invites you to the organisation “{organisation}”, as {role}."),
            "The link works once and for one hour. It asks you for a password, or to log in when \
             you have an account already."
                .to_owned(),
        ],
        link: Some(Link {
            words: "Accept the invitation".to_owned(),
            address: link,
        }),
        end:
            "If you do not expect this, do nothing: without you the link does nothing, and it ends \
              by itself."
                .to_owned(),
    }
}

pub(super) fn link_hash(token: &str) -> Result<SecretHash, ServiceError> {
    let token = Secret::parse(Purpose::Link, token).ok_or(ServiceError::LinkClosed)?;
    Ok(token.hash())
}

fn too_many(people: usize) -> ServiceError {
    let reason = format!(
        "is one too many: an organisation may have {people} people, with those who are invited"
    );
    ServiceError::invalid("email", reason)
}

const HAS_ACCOUNT: ServiceError = ServiceError::Conflict {
    member: "email",
    reason: "has an account already; log in and open the link again",
};
