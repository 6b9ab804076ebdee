//! The pages of second factors.

use serde::Serialize;

use super::{Pages, UiError};
use crate::format;
use crate::render::Page;
use crate::views::{
    FactorRow, RecoveryCodesView, RequirementView, SecondFactorView, SecondStepView, TotpSetupView,
};

impl Pages {
    /// A person's own second factors.
    pub fn second_factor(&self, view: &SecondFactorView) -> Result<String, UiError> {
        let content = Factors::new(view);
        let page = Page::within(&view.frame, "Your second factor", content);
        self.page("second_factor", &page)
    }

    /// The set-up of codes by time.
    pub fn totp_setup(&self, view: &TotpSetupView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Set up an authenticator app", view);
        self.page("totp_setup", &page)
    }

    /// New recovery codes, once.
    pub fn recovery_codes(&self, view: &RecoveryCodesView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Your recovery codes", view);
        self.page("recovery_codes", &page)
    }

    /// Whether an organisation requires a second factor.
    pub fn requirement(&self, view: &RequirementView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Second factor", view);
        self.page("requirement", &page)
    }

    /// The second step of a login.
    pub fn second_step(&self, view: &SecondStepView) -> Result<String, UiError> {
        self.page("second_step", &Page::open("Confirm your login", view))
    }
}

#[derive(Serialize)]
struct Factors<'a> {
    totp: Option<Factor<'a>>,
    passkeys: Vec<Factor<'a>>,
    passkeys_work: bool,
    codes: Option<Codes>,
    required_by: Option<&'a str>,
    locked: bool,
    notice: Option<&'a str>,
    error: Option<&'a str>,
}

/// Recovery codes, which are there beside a second factor alone.
#[derive(Serialize)]
struct Codes {
    left: u32,
    few: bool,
}

#[derive(Serialize)]
struct Factor<'a> {
    id: &'a str,
    name: &'a str,
    since: &'a str,
    since_ago: String,
    used: Option<&'a str>,
    used_ago: String,
}

impl<'a> Factors<'a> {
    fn new(view: &'a SecondFactorView) -> Self {
        let any = view.totp.is_some() || !view.passkeys.is_empty();
        Self {
            totp: view.totp.as_ref().map(Factor::new),
            passkeys: view.passkeys.iter().map(Factor::new).collect(),
            passkeys_work: view.passkeys_work,
            codes: any.then_some(Codes {
                left: view.recovery_codes_left,
                few: view.recovery_codes_left <= FEW_CODES,
            }),
            required_by: view.required_by.as_deref(),
            locked: view.locked,
            notice: view.notice.as_deref(),
            error: view.error.as_deref(),
        }
    }
}

impl<'a> Factor<'a> {
    fn new(row: &'a FactorRow) -> Self {
        Self {
            id: &row.id,
            name: &row.name,
            since: &row.since,
            since_ago: format::ago(row.since_seconds_ago),
            used: row.used.as_deref(),
            used_ago: format::ago(row.used_seconds_ago),
        }
    }
}

/// So few that it is time for new ones.
const FEW_CODES: u32 = 3;
