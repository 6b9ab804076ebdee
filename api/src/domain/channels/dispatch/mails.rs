//! Mails of accounts that the dashboard left for the process that sends: at least once each, with the same id,
//! for as long as the links in them open anything.

use diesel::SqliteConnection;
use tokio::task::JoinSet;

use super::Dispatcher;
use crate::domain::post::{MAIL_LIVES, Mail};
use crate::mail::SendError;
use crate::store::StoreError;
use crate::store::account_mails::{self, DueMail};

use std::time::Duration;

impl Dispatcher {
    /// Begins to send what is due, unless earlier ones are still under way.
    pub(super) async fn send_mails(&self, sending: &mut JoinSet<()>) -> Result<(), StoreError> {
        while sending.try_join_next().is_some() {}
        if !sending.is_empty() {
            return Ok(());
        }
        let now = self.0.clock.now();
        let due = self
            .0
            .store
            .read(move |c| account_mails::due(c, now, AT_A_TIME));
        for mail in due.await? {
            let this = self.clone();
            sending.spawn(async move { this.send_mail(mail).await });
        }
        Ok(())
    }

    async fn send_mail(&self, due: DueMail) {
        let after = match self.try_mail(&due).await {
            Ok(()) => None,
            Err(pause) => pause,
        };
        let now = self.0.clock.now();
        let over = due.created_at.after(MAIL_LIVES);
        let again = after.map(|pause| now.after(pause)).filter(|at| *at < over);
        if after.is_some() && again.is_none() {
            tracing::error!("a mail of an account was given up: what it says is too old");
        }
        let note = move |c: &mut SqliteConnection| match again {
            Some(at) => account_mails::try_again(c, due.id, at),
            None => account_mails::remove(c, due.id),
        };
        self.note("a mail", note).await;
    }

    /// Tries it once; says how long to wait before the next try, if there is one. The log holds neither the text
    /// nor the address.
    async fn try_mail(&self, due: &DueMail) -> Result<(), Option<Duration>> {
        let attempts = usize::try_from(due.attempts).unwrap_or_default();
        let pause = Some(PAUSES.get(attempts).copied().unwrap_or(LONGEST_PAUSE));
        let opened = self
            .0
            .sealer
            .open(&account_mails::mail_place(due.id), &due.sealed);
        let opened = opened.map_err(|error| {
            tracing::error!("a mail of an account cannot be opened: {error}");
            pause
        })?;
        let Ok(mail) = serde_json::from_slice::<Mail>(&opened) else {
            tracing::error!("a mail of an account cannot be read");
            return Err(None);
        };
        let Some(mailer) = &self.0.mailer else {
            tracing::error!("a mail of an account waits, but no mail server is named here");
            return Err(pause);
        };
        let subject = &mail.letter.subject;
        let id = format!("mail_{}", due.id);
        match mailer.send_as(&mail.to, &mail.letter, &id).await {
            Ok(()) => tracing::info!("the mail {subject:?} was sent"),
            Err(SendError::Refused(reason)) => {
                tracing::error!("the mail {subject:?} was refused: {reason}");
                return Err(None);
            }
            Err(SendError::Later(reason)) => {
                tracing::warn!("the mail {subject:?} could not be sent yet: {reason}");
                return Err(pause);
            }
        }
        Ok(())
    }
}

/// Mails that are sent at a time.
const AT_A_TIME: i64 = 4;
/// How long to wait before the second attempt, and so on.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
];
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
