//! Second factors: the own ones, their set-up, and where they are asked for.

use std::fmt;

use serde::Serialize;

use super::{Frame, Settings};

/// A second factor as its person sees it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FactorRow {
    /// The opaque id that forms name it by.
    pub id: String,
    /// What it is called; empty for codes by time.
    pub name: String,
    /// Since when it counts, RFC 3339.
    pub since: String,
    /// How long ago that was when the page is made, by the dashboard's clock.
    pub since_seconds_ago: u64,
    /// When it was last used, RFC 3339.
    pub used: Option<String>,
    /// How long ago that was.
    pub used_seconds_ago: u64,
}

/// A person's own second factors.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SecondFactorView {
    /// What stands around it.
    pub frame: Frame,
    /// Codes by time, if they are set up.
    pub totp: Option<FactorRow>,
    /// Passkeys, the oldest first.
    pub passkeys: Vec<FactorRow>,
    /// Whether passkeys can be used at this dashboard's address.
    pub passkeys_work: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: u32,
    /// An organisation that requires a second factor.
    pub required_by: Option<String>,
    /// Whether everything else waits until there is one.
    pub locked: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

/// The set-up of codes by time.
#[derive(Clone, Default, Serialize)]
pub struct TotpSetupView {
    /// What stands around it.
    pub frame: Frame,
    /// The seed, for typing.
    pub seed: String,
    /// Why the code was not taken.
    pub error: Option<String>,
}

/// New recovery codes, shown once.
#[derive(Clone, Default, Serialize)]
pub struct RecoveryCodesView {
    /// What stands around it.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<String>,
}

/// The second step of a login.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SecondStepView {
    /// Who logs in.
    pub email: String,
    /// Whether a code by time can finish it.
    pub totp: bool,
    /// Whether a passkey can.
    pub passkeys: bool,
    /// Whether a recovery code can.
    pub recovery_codes: bool,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// Whether an organisation requires a second factor.
#[derive(Clone, Debug, Serialize)]
pub struct RequirementView {
    /// What stands around it.
    pub frame: Frame,
    /// The navigation of the settings.
    pub settings: Settings,
    /// Whether it is required.
    pub required: bool,
    /// How many people the organisation has.
    pub members: u32,
    /// How many of them have no second factor.
    pub without: u32,
    /// Whether who looks may change it.
    pub may_change: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why it was not changed.
    pub error: Option<String>,
}

impl fmt::Debug for TotpSetupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The seed stays out of logs.
        f.debug_struct("TotpSetupView").finish_non_exhaustive()
    }
}

impl fmt::Debug for RecoveryCodesView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The codes stay out of logs.
        f.debug_struct("RecoveryCodesView").finish_non_exhaustive()
    }
}
