//! A person's own sessions: which there are, and ending them.

use super::audit::{Action, Object};
use super::principal::{Means, PersonPrincipal};
use super::{ServiceError, Services};
use crate::access::Right;
use crate::id::{Id, Session};
use crate::store::credentials;
use crate::store::sessions::{self, SessionRow, Whose};

/// A session as its person sees it.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// What is known of it.
    pub row: SessionRow,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Services {
    /// The person's sessions that still count, the one used last first.
    pub async fn own_sessions(
        &self,
        person: &PersonPrincipal,
    ) -> Result<Vec<OwnSession>, ServiceError> {
        let whose = own(person, Right::Read)?;
        let (times, now) = (self.0.session_times, self.clock().now());
        let (created, seen) = (now.before(times.absolute), now.before(times.idle));
        let rows = self
            .store()
            .read(move |c| sessions::list(c, whose, created, seen))
            .await?;
        let means = person.means;
        Ok(rows
            .into_iter()
            .map(|row| OwnSession {
                current: means == Means::Session(row.hash),
                row,
            })
            .collect())
    }

    /// Ends one of the person's sessions. Of others' it says what it says of none.
    pub async fn end_own_session(
        &self,
        person: &PersonPrincipal,
        id: Id<Session>,
    ) -> Result<(), ServiceError> {
        // The object first, then the right.
        let visible = own(person, Right::Read)?;
        self.store()
            .read(move |c| sessions::named(c, visible, id))
            .await?;
        let whose = own(person, Right::Administer)?;
        let (audit, by, now) = (self.audit(), person.actor(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                let scopes = credentials::of_person(c, whose.person)?;
                let what = (Action::SessionEnded, &Object::session(id), "");
                audit.record_for(c, now, &scopes, &by, what)?;
                sessions::end_named(c, whose, id)
            })
            .await?)
    }

    /// Ends every session of the person but the one that asks. Returns how many.
    pub async fn end_other_sessions(
        &self,
        person: &PersonPrincipal,
    ) -> Result<usize, ServiceError> {
        let Means::Session(kept) = person.means else {
            return Err(ServiceError::Forbidden);
        };
        let (audit, by, now) = (self.audit(), person.actor(), self.clock().now());
        let person = person.person();
        Ok(self
            .store()
            .write(move |c| {
                let ended = sessions::end_others(c, person, &kept)?;
                let scopes = credentials::of_person(c, person)?;
                let detail = format!("{ended} others");
                let what = (Action::SessionEnded, &Object::none(), detail.as_str());
                audit.record_for(c, now, &scopes, &by, what)?;
                Ok(ended)
            })
            .await?)
    }
}

/// A session shows and ends all of its person's; a token those of its one organisation, as far as
/// its scope goes. The role plays no part: they are the person's own.
fn own(person: &PersonPrincipal, right: Right) -> Result<Whose, ServiceError> {
    person.own_right(right)?;
    let organisation = match person.means {
        Means::Session(_) => None,
        Means::Token(_) => Some(person.identity.scope.organisation()),
    };
    Ok(Whose {
        person: person.person(),
        organisation,
    })
}
