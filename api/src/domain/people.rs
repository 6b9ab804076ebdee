//! The people of an organisation: their roles, suspension, removal. The last owner stays.

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::acting::Acting;
use super::audit::{Action, Audit, Object};
use super::principal::PersonPrincipal;
use super::{ServiceError, Services};
use crate::access::{Right, Role};
use crate::id::{Id, Person};
use crate::store::members::{self, MemberRow};
use crate::store::{Scope, StoreError, invitations, people, sessions, tokens};

/// Some of the members.
pub struct MemberPage {
    /// By address.
    pub members: Vec<MemberRow>,
    /// The address to go on after, when there are more.
    pub next: Option<String>,
}

/// What is to change of a member; what is not said stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemberChange {
    /// Another role.
    pub role: Option<Role>,
    /// Whether the member is suspended.
    pub suspended: Option<bool>,
}

/// What a rule says within a transaction: the outer error undoes it, the inner one has changed
/// nothing.
pub(super) type Judged<T> = Result<Result<T, ServiceError>, StoreError>;

impl Services {
    /// The members after `after` by address, at most `limit` (1 to 200).
    pub async fn members(
        &self,
        scope: Scope,
        after: Option<String>,
        limit: usize,
    ) -> Result<MemberPage, ServiceError> {
        if !(1..=MAX_PAGE).contains(&limit) {
            let reason = format!("must be 1 to {MAX_PAGE}");
            return Err(ServiceError::invalid("limit", reason));
        }
        let asked = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut members = self
            .store()
            .read(move |c| members::page(c, scope, after.as_deref(), asked))
            .await?;
        let more = members.len() > limit;
        members.truncate(limit);
        let next = members.last().filter(|_| more).map(|row| row.email.clone());
        Ok(MemberPage { members, next })
    }

    /// One member.
    pub async fn member(&self, scope: Scope, id: Id<Person>) -> Result<MemberRow, ServiceError> {
        Ok(self
            .store()
            .read(move |c| members::find(c, scope, id))
            .await?)
    }

    /// Gives a member another role, suspends one, or lets one go on. Their sessions here end, and
    /// what they had open is closed; a change of role also revokes their access tokens here.
    pub async fn change_member(
        &self,
        by: &PersonPrincipal,
        id: Id<Person>,
        change: MemberChange,
    ) -> Result<MemberRow, ServiceError> {
        let member = self.member(by.scope(Right::Read)?, id).await?;
        let right = right_over(member.role, change.role);
        let acting = by.acting_fresh(right)?;
        if change.suspended == Some(true) && id == by.person() {
            let reason = "cannot be your own doing to yourself; ask another owner or admin";
            return Err(ServiceError::invalid("suspended", reason));
        }
        let (audit, now) = (self.audit(), self.clock().now());
        let scope = acting.scope;
        let doing = Doing {
            acting,
            audit,
            now,
            right,
        };
        self.store()
            .write(move |c| doing.change(c, id, change))
            .await??;
        self.member(scope, id).await
    }

    /// Takes a member out of the organisation. Whoever belongs to no other has no account any more.
    pub async fn remove_member(
        &self,
        by: &PersonPrincipal,
        id: Id<Person>,
    ) -> Result<(), ServiceError> {
        let member = self.member(by.scope(Right::Read)?, id).await?;
        let right = right_over(member.role, None);
        let acting = by.acting_fresh(right)?;
        let (audit, now) = (self.audit(), self.clock().now());
        let doing = Doing {
            acting,
            audit,
            now,
            right,
        };
        self.store().write(move |c| doing.remove(c, id)).await?
    }
}

/// A change that somebody makes, as its transaction knows it.
struct Doing {
    acting: Acting,
    audit: Audit,
    now: Timestamp,
    right: Right,
}

impl Doing {
    fn change(&self, c: &mut SqliteConnection, id: Id<Person>, change: MemberChange) -> Judged<()> {
        let scope = self.acting.scope;
        let member = match self.judge(c, id, change.role)? {
            Ok(member) => member,
            Err(refused) => return Ok(Err(refused)),
        };
        let role = change.role.filter(|role| *role != member.role);
        let suspended = change
            .suspended
            .filter(|suspended| *suspended != member.suspended_at.is_some());
        let owns_no_more = role.is_some() || suspended == Some(true);
        if owns_no_more && is_last_owner(c, scope, &member)? {
            return Ok(Err(ServiceError::LastOwner));
        }
        if let Some(role) = role {
            let detail = format!("from {} to {role}", member.role);
            self.record(c, Action::PersonRoleChanged, &member, &detail)?;
        }
        if let Some(suspended) = suspended {
            let action = if suspended {
                Action::PersonSuspended
            } else {
                Action::PersonResumed
            };
            self.record(c, action, &member, "")?;
            members::set_suspended(c, scope, id, suspended.then_some(self.now))?;
        }
        if let Some(role) = role {
            members::set_role(c, scope, id, role)?;
            tokens::revoke_within(c, scope, id)?;
        }
        if role.is_some() || suspended.is_some() {
            close(c, scope, id)?;
        }
        Ok(Ok(()))
    }

    fn remove(&self, c: &mut SqliteConnection, id: Id<Person>) -> Judged<()> {
        let member = match self.judge(c, id, None)? {
            Ok(member) => member,
            Err(refused) => return Ok(Err(refused)),
        };
        let scope = self.acting.scope;
        if is_last_owner(c, scope, &member)? {
            return Ok(Err(ServiceError::LastOwner));
        }
        self.record(c, Action::PersonRemoved, &member, member.role.as_str())?;
        take_out(c, scope, id)?;
        Ok(Ok(()))
    }

    /// Asks again, within the transaction, what was asked before it: who is acted on may have become
    /// an owner.
    fn judge(
        &self,
        c: &mut SqliteConnection,
        id: Id<Person>,
        role: Option<Role>,
    ) -> Judged<MemberRow> {
        let member = members::find(c, self.acting.scope, id)?;
        if self.right >= right_over(member.role, role) {
            Ok(Ok(member))
        } else {
            Ok(Err(ServiceError::Forbidden))
        }
    }

    fn record(
        &self,
        c: &mut SqliteConnection,
        action: Action,
        member: &MemberRow,
        detail: &str,
    ) -> Result<(), StoreError> {
        let object = Object::person(member.person, &member.email);
        self.audit
            .record(c, self.now, &self.acting, action, &object, detail)
    }
}

/// Takes a member out.
pub(super) fn take_out(
    c: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<(), StoreError> {
    close(c, scope, person)?;
    tokens::revoke_within(c, scope, person)?;
    members::remove(c, scope, person)?;
    if members::of_person(c, person)?.is_empty() {
        people::remove(c, person)?;
    }
    Ok(())
}

/// Ends what a member has open here: a session, and invitations that they would not be allowed to
/// make any more.
fn close(c: &mut SqliteConnection, scope: Scope, person: Id<Person>) -> Result<(), StoreError> {
    sessions::end_within(c, scope, person)?;
    invitations::end_by(c, scope, person)?;
    Ok(())
}

/// Whether the organisation would be without an owner.
pub(super) fn is_last_owner(
    c: &mut SqliteConnection,
    scope: Scope,
    member: &MemberRow,
) -> Result<bool, StoreError> {
    Ok(member.role == Role::Owner && !members::another_owner(c, scope, member.person)?)
}

/// Owners alone make owners, and touch them.
pub(super) fn right_over(present: Role, next: Option<Role>) -> Right {
    if present == Role::Owner || next == Some(Role::Owner) {
        Right::Own
    } else {
        Right::Administer
    }
}

/// Members in one answer.
const MAX_PAGE: usize = 200;
