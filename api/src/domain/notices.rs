//! Mails that tell people what was done to their accounts, where there is mail. The audit log says it
//! in any case, so nothing waits for one and none is asked for again.

use server_scout_ui::mails::Letter;

use super::Services;
use super::client::Client;
use super::post::Errand;

/// What its owner should know of an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Notice {
    PasswordChanged,
    SecondFactorAdded,
    SecondFactorRemoved,
    RecoveryCodesRenewed,
    RecoveryCodeUsed,
}

impl Services {
    /// Tells the owner of an account. Without mail, or when too much waits, nobody is told this way.
    pub(super) fn tell_account(&self, email: &str, notice: Notice, client: &Client) {
        self.tell(email, || letter(notice, client));
    }

    /// Has a mail sent that nobody waits for.
    pub(super) fn tell(&self, to: &str, letter: impl FnOnce() -> Letter) {
        match self.mail_place() {
            Ok(Some(place)) => place.send(Errand::Mail {
                to: to.to_owned(),
                letter: letter(),
            }),
            Ok(None) => {}
            Err(_) => tracing::warn!("too much mail waits; somebody is not told of a change"),
        }
    }
}

fn letter(notice: Notice, client: &Client) -> Letter {
    let (subject, advice) = match notice {
        Notice::PasswordChanged => ("Your password was changed", CHANGED),
        Notice::SecondFactorAdded => ("A second factor was added to your account", CHANGED),
        Notice::SecondFactorRemoved => ("A second factor was removed from your account", CHANGED),
        Notice::RecoveryCodesRenewed => (
            "Your recovery codes were replaced",
            "Those before work no more.",
        ),
        Notice::RecoveryCodeUsed => (
            "A recovery code was used to log in to your account",
            "Each of them works once. On the page of your account you see how many are left, and can \
             make new ones.",
        ),
    };
    let from = match client.shown_address() {
        address if address.is_empty() => String::new(),
        address => format!(" It came from {address}."),
    };
    Letter {
        subject: subject.to_owned(),
        paragraphs: vec![format!("{subject}.{from}"), advice.to_owned()],
        link: None,
        end: "If it was not you, choose another password at once, and tell the owner of your \
              organisation."
            .to_owned(),
    }
}

const CHANGED: &str = "Your other sessions have ended.";
