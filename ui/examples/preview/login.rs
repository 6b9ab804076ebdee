//! Logging in, and second factors.

use server_scout_ui::views::{
    FactorRow, LoginView, RecoveryCodesView, SecondFactorView, SecondStepView, TotpSetupView,
};
use server_scout_ui::{Pages, UiError};

/// The page at `path`; none when it is another's.
pub(super) fn page(pages: &Pages, path: &str) -> Option<Result<String, UiError>> {
    Some(match path {
        "/login" => pages.login(&LoginView {
            passkeys: true,
            ..LoginView::default()
        }),
        "/login-failed" => pages.login(&LoginView {
            email: "ada@example.org".to_owned(),
            passkeys: true,
            error: Some("The address or the password is wrong.".to_owned()),
        }),
        "/account/second-factor" => pages.second_factor(&SecondFactorView {
            frame: super::frame(),
            totp: Some(factor("", 40)),
            passkeys: vec![factor("Laptop", 90), factor("Key on the ring", 400)],
            passkeys_work: true,
            recovery_codes_left: 9,
            required_by: Some("Example Hosting".to_owned()),
            ..SecondFactorView::default()
        }),
        "/account/second-factor-locked" => pages.second_factor(&SecondFactorView {
            frame: super::frame(),
            passkeys_work: true,
            required_by: Some("Example Hosting".to_owned()),
            locked: true,
            ..SecondFactorView::default()
        }),
        "/account/second-factor/totp" => pages.totp_setup(&TotpSetupView {
            frame: super::frame(),
            seed: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".to_owned(),
            error: None,
        }),
        "/account/recovery-codes" => pages.recovery_codes(&RecoveryCodesView {
            frame: super::frame(),
            codes: vec!["k3vq-7mxa-p2ld-w6ht".to_owned(); 10],
        }),
        "/login/second-factor" => pages.second_step(&SecondStepView {
            email: "ada@example.org".to_owned(),
            totp: true,
            passkeys: true,
            recovery_codes: true,
            error: None,
        }),
        _ => return None,
    })
}

fn factor(name: &str, days: u64) -> FactorRow {
    FactorRow {
        id: "0123456789abcdef".to_owned(),
        name: name.to_owned(),
        since: super::before(days * 86_400).to_string(),
        since_seconds_ago: days * 86_400,
        used: Some(super::before(3600).to_string()),
        used_seconds_ago: 3600,
    }
}
