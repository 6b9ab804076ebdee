//! The shapes of what concerns people, organisations and invitations.

use poem_openapi::{Enum, Object};

use super::schema::Time;
use crate::access::Role;
use crate::store::invitations::InvitationRow;
use crate::store::members::{MemberRow, Membership};

/// What a member may do; each role includes those below it.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename = "Role", rename_all = "lowercase")]
pub enum RoleName {
    /// Everything, with deletion and transfer.
    Owner,
    /// Manages people, keys, channels and settings.
    Admin,
    /// Changes servers.
    Member,
    /// Looks.
    Viewer,
}

/// A member of the organisation.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Person", skip_serializing_if_is_none)]
pub struct PersonDocument {
    /// Their opaque id.
    pub id: String,
    /// Their e-mail address.
    pub email: String,
    /// What they are called, where they said so.
    pub name: Option<String>,
    /// What they may do here.
    pub role: RoleName,
    /// Since when they belong here.
    pub joined_at: Time,
    /// Since when they are suspended: they keep their role and can do nothing with it.
    pub suspended_at: Option<Time>,
}

/// Some of the members.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct PersonList {
    /// The members, by address.
    pub items: Vec<PersonDocument>,
    /// Give it as `cursor` for the next page; absent on the last one.
    pub next_cursor: Option<String>,
}

/// What to change of a member; what is absent stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PersonChange {
    /// Another role. Owners alone make owners and change theirs.
    pub role: Option<RoleName>,
    /// Whether they are suspended.
    pub suspended: Option<bool>,
}

/// Somebody to invite.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewInvitation {
    /// Their e-mail address.
    #[oai(validator(max_length = 254))]
    pub email: String,
    /// What they will be allowed to do. Owners alone invite owners.
    pub role: RoleName,
}

/// An invitation that was not accepted yet.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Invitation", skip_serializing_if_is_none)]
pub struct InvitationDocument {
    /// Its opaque id.
    pub id: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: RoleName,
    /// The address of who invites.
    pub invited_by: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When its link ends.
    pub expires_at: Time,
}

/// An invitation that was just made.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AddedInvitation {
    /// What is known of it.
    pub invitation: InvitationDocument,
    /// Its link, shown this once; absent when it was mailed.
    pub link: Option<String>,
}

/// The open invitations.
#[derive(Clone, Debug, Object)]
pub struct InvitationList {
    /// The invitations, by address.
    pub items: Vec<InvitationDocument>,
}

/// An organisation that the person belongs to.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Organisation")]
pub struct OrganisationDocument {
    /// Its opaque id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the person may do there.
    pub role: RoleName,
    /// Whether the person is suspended there.
    pub suspended: bool,
    /// Whether it is the one that the request is about.
    pub current: bool,
}

/// The person's organisations.
#[derive(Clone, Debug, Object)]
pub struct OrganisationList {
    /// The organisations, the one joined first before the others.
    pub items: Vec<OrganisationDocument>,
}

/// An organisation to make, or another name for one.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct OrganisationName {
    /// 1 to 64 characters, unique on the dashboard.
    #[oai(validator(max_length = 256))]
    pub name: String,
}

/// An organisation that was made.
#[derive(Clone, Debug, Object)]
pub struct AddedOrganisation {
    /// Its opaque id.
    pub id: String,
}

/// The person's own account.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Account", skip_serializing_if_is_none)]
pub struct AccountDocument {
    /// The opaque id.
    pub id: String,
    /// The e-mail address to log in with.
    pub email: String,
    /// What the person is called, where they said so.
    pub name: Option<String>,
    /// What the person may do in this organisation.
    pub role: RoleName,
}

/// What to change of the own account; what is absent stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct AccountChange {
    /// What the person is called: at most 64 characters; nothing when empty.
    #[oai(validator(max_length = 256))]
    pub name: Option<String>,
    /// Another e-mail address. Where the dashboard sends mail, it counts once the link that is
    /// mailed there was opened.
    #[oai(validator(max_length = 254))]
    pub email: Option<String>,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
            Role::Viewer => Self::Viewer,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
            RoleName::Viewer => Self::Viewer,
        }
    }
}

impl From<&MemberRow> for PersonDocument {
    fn from(member: &MemberRow) -> Self {
        Self {
            id: member.person.to_string(),
            email: member.email.clone(),
            name: known(&member.name),
            role: member.role.into(),
            joined_at: Time(member.joined_at),
            suspended_at: member.suspended_at.map(Time),
        }
    }
}

impl From<&InvitationRow> for InvitationDocument {
    fn from(row: &InvitationRow) -> Self {
        Self {
            id: row.id.to_string(),
            email: row.email.clone(),
            role: row.role.into(),
            invited_by: row.by.clone(),
            created_at: Time(row.created_at),
            expires_at: Time(row.expires_at),
        }
    }
}

impl OrganisationDocument {
    /// A membership, and whether it is the one that is asked in.
    pub(super) fn of(membership: &Membership, current: bool) -> Self {
        Self {
            id: membership.organisation.to_string(),
            name: membership.name.clone(),
            role: membership.role.into(),
            suspended: membership.suspended,
            current,
        }
    }
}

/// A text, unless it is empty.
pub(super) fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
