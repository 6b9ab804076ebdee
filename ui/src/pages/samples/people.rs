//! The same for people, organisations and links.

use super::frame;
use crate::views::{
    ConfirmEmailView, ForgotPasswordView, InvitationJoinView, InvitationRow, InvitationView,
    OrganisationRow, OrganisationView, OrganisationsView, PeopleView, PersonRow, ProfileView,
    ResetPasswordView, RoleOption, Section, Settings,
};

pub(in super::super) fn people(text: &str) -> PeopleView {
    let role = || RoleOption {
        word: text.to_owned(),
        selected: true,
    };
    let person = PersonRow {
        id: text.to_owned(),
        email: text.to_owned(),
        name: text.to_owned(),
        role: text.to_owned(),
        joined: text.to_owned(),
        suspended: true,
        own: true,
        changeable: true,
        roles: vec![role()],
    };
    let invitation = InvitationRow {
        id: text.to_owned(),
        email: text.to_owned(),
        role: text.to_owned(),
        by: text.to_owned(),
        until: text.to_owned(),
    };
    PeopleView {
        frame: frame(text),
        settings: Settings::at(Section::People, true),
        people: vec![person],
        next_after: Some(text.to_owned()),
        invitations: vec![invitation],
        roles: vec![role()],
        mails: true,
        link: Some(text.to_owned()),
        link_for: text.to_owned(),
        email: text.to_owned(),
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn organisation(text: &str) -> OrganisationView {
    OrganisationView {
        frame: frame(text),
        settings: Settings::at(Section::Organisation, true),
        name: text.to_owned(),
        may_change: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn organisations(text: &str) -> OrganisationsView {
    let row = OrganisationRow {
        id: text.to_owned(),
        name: text.to_owned(),
        role: text.to_owned(),
        current: true,
        open: true,
        suspended: true,
    };
    OrganisationsView {
        frame: frame(text),
        organisations: vec![row],
        may_add: true,
        name: text.to_owned(),
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn profile(text: &str) -> ProfileView {
    ProfileView {
        frame: frame(text),
        name: text.to_owned(),
        email: text.to_owned(),
        mails: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn invitation(text: &str) -> InvitationView {
    InvitationView {
        organisation: text.to_owned(),
        email: text.to_owned(),
        role: text.to_owned(),
        has_account: false,
        name: text.to_owned(),
        password_min: 12,
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn invitation_join(text: &str) -> InvitationJoinView {
    InvitationJoinView {
        frame: frame(text),
        organisation: text.to_owned(),
        email: text.to_owned(),
        role: text.to_owned(),
        may_join: true,
    }
}

pub(in super::super) fn forgot_password(text: &str) -> ForgotPasswordView {
    ForgotPasswordView {
        mails: true,
        sent: false,
        email: text.to_owned(),
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn reset_password(text: &str) -> ResetPasswordView {
    ResetPasswordView {
        email: text.to_owned(),
        password_min: 12,
        error: Some(text.to_owned()),
    }
}

pub(in super::super) fn confirm_email(text: &str) -> ConfirmEmailView {
    ConfirmEmailView {
        email: text.to_owned(),
    }
}
