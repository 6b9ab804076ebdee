//! People, organisations, invitations, and what links open.

use std::fmt;

use serde::Serialize;

use super::{Frame, Settings};

/// A role to choose.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RoleOption {
    /// Its word.
    pub word: String,
    /// Whether it is the one that is there, or proposed.
    pub selected: bool,
}

/// A member of the organisation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PersonRow {
    /// The opaque id that forms name them by.
    pub id: String,
    /// Their address.
    pub email: String,
    /// What they are called; empty when they did not say.
    pub name: String,
    /// Their role's word.
    pub role: String,
    /// Since when they belong here, RFC 3339.
    pub joined: String,
    /// Whether they are suspended.
    pub suspended: bool,
    /// Whether it is the one who looks.
    pub own: bool,
    /// Whether the one who looks may change them.
    pub changeable: bool,
    /// The roles that they can be given.
    pub roles: Vec<RoleOption>,
}

/// An invitation that was not accepted yet.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvitationRow {
    /// The opaque id that the form names it by.
    pub id: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: String,
    /// Who invites; empty for the operator.
    pub by: String,
    /// When its link ends, RFC 3339.
    pub until: String,
}

/// The people of an organisation.
#[derive(Clone, Serialize)]
pub struct PeopleView {
    /// What every page shows.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The members of this page, by address.
    pub people: Vec<PersonRow>,
    /// The cursor of the next page, when there are more.
    pub next_after: Option<String>,
    /// The open invitations.
    pub invitations: Vec<InvitationRow>,
    /// The roles that somebody can be invited as.
    pub roles: Vec<RoleOption>,
    /// Whether links are mailed.
    pub mails: bool,
    /// A link that was just made. It is on this page and nowhere else.
    pub link: Option<String>,
    /// Who the link is for.
    pub link_for: String,
    /// The address typed before, when it was refused.
    pub email: String,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

impl fmt::Debug for PeopleView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The link stays out of logs.
        f.debug_struct("PeopleView")
            .field("frame", &self.frame)
            .field("people", &self.people)
            .finish_non_exhaustive()
    }
}

/// The organisation's own settings.
#[derive(Clone, Debug, Serialize)]
pub struct OrganisationView {
    /// What every page shows.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// Its name, or what was typed before.
    pub name: String,
    /// Whether the viewer may change it.
    pub may_change: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

/// An organisation that a person belongs to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OrganisationRow {
    /// The opaque id that forms name it by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the person may do there.
    pub role: String,
    /// Whether it is the one that is looked at.
    pub current: bool,
    /// Whether the person can go there.
    pub open: bool,
    /// Whether the person is suspended there.
    pub suspended: bool,
}

/// A person's organisations.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OrganisationsView {
    /// What every page shows.
    pub frame: Frame,
    /// The organisations, the one joined first before the others.
    pub organisations: Vec<OrganisationRow>,
    /// Whether the person may make one.
    pub may_add: bool,
    /// The name typed before, when it was refused.
    pub name: String,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

/// A person's own profile.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProfileView {
    /// What every page shows, with the person's address.
    pub frame: Frame,
    /// What the person is called.
    pub name: String,
    /// The new address typed before, when it was refused.
    pub email: String,
    /// Whether links are mailed.
    pub mails: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

/// The page behind an invitation's link, for somebody without a session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvitationView {
    /// The organisation's name.
    pub organisation: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: String,
    /// Whether that address has an account already.
    pub has_account: bool,
    /// The name typed before, when it was refused.
    pub name: String,
    /// The least number of characters of a password.
    pub password_min: usize,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// The page behind an invitation's link, for somebody with a session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvitationJoinView {
    /// What every page shows.
    pub frame: Frame,
    /// The organisation's name.
    pub organisation: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: String,
    /// Whether it is the one who looks.
    pub may_join: bool,
}

/// The page for those who forgot their password.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ForgotPasswordView {
    /// Whether links are mailed.
    pub mails: bool,
    /// Whether a link was just asked for.
    pub sent: bool,
    /// The address typed before, when it was refused.
    pub email: String,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// The page behind a link to another password.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResetPasswordView {
    /// Whose password it is.
    pub email: String,
    /// The least number of characters of a password.
    pub password_min: usize,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// The page behind a link that confirms an address.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConfirmEmailView {
    /// The address.
    pub email: String,
}
