//! The pages of people, organisations, invitations and links.

use super::{Pages, UiError};
use crate::render::Page;
use crate::views::{
    ConfirmEmailView, ForgotPasswordView, InvitationJoinView, InvitationView, OrganisationView,
    OrganisationsView, PeopleView, ProfileView, ResetPasswordView,
};

impl Pages {
    /// The people of an organisation.
    pub fn people(&self, view: &PeopleView) -> Result<String, UiError> {
        self.page("people", &Page::within(&view.frame, "People", view))
    }

    /// The organisation's own settings.
    pub fn organisation(&self, view: &OrganisationView) -> Result<String, UiError> {
        self.page(
            "organisation",
            &Page::within(&view.frame, "Organisation", view),
        )
    }

    /// A person's organisations.
    pub fn organisations(&self, view: &OrganisationsView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Your organisations", view);
        self.page("organisations", &page)
    }

    /// A person's own profile.
    pub fn profile(&self, view: &ProfileView) -> Result<String, UiError> {
        self.page("profile", &Page::within(&view.frame, "Your profile", view))
    }

    /// The page behind an invitation's link, for somebody without a session.
    pub fn invitation(&self, view: &InvitationView) -> Result<String, UiError> {
        self.page("invitation", &Page::open("You are invited", view))
    }

    /// The same for somebody with a session.
    pub fn invitation_join(&self, view: &InvitationJoinView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "You are invited", view);
        self.page("invitation_join", &page)
    }

    /// The page for those who forgot their password.
    pub fn forgot_password(&self, view: &ForgotPasswordView) -> Result<String, UiError> {
        let page = Page::open("Forgot your password?", view);
        self.page("forgot_password", &page)
    }

    /// The page behind a link to another password.
    pub fn reset_password(&self, view: &ResetPasswordView) -> Result<String, UiError> {
        let page = Page::open("Choose another password", view);
        self.page("reset_password", &page)
    }

    /// The page behind a link that confirms an address.
    pub fn confirm_email(&self, view: &ConfirmEmailView) -> Result<String, UiError> {
        let page = Page::open("Confirm your address", view);
        self.page("confirm_email", &page)
    }
}
