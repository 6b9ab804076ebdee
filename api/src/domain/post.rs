//! The way of a mail out: a bounded queue, a few senders, three attempts.
//!
//! What waits here is in memory and ends with the program. Whoever waits for a mail asks again. Where another
//! process sends, it is sealed and left in the database for that one.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use server_scout_ui::mails::Letter;
use server_scout_wire::Timestamp;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::client::Client;
use super::names::Email;
use super::{ServiceError, Services};
use crate::config::PublicUrl;
use crate::mail::{Mailer, SendError};
use crate::secret::Secret;
use crate::store::{StoreError, account_mails};

/// What is to be done outside of a request.
pub(super) enum Errand {
    /// A mail is written and has to go.
    Mail {
        /// The address.
        to: String,
        /// What it says.
        letter: Letter,
    },
    /// Somebody wants another password for an account that may not exist. Whether it does is looked
    /// up here, where nobody waits for the answer.
    Reset(Email, Client),
}

/// Where errands are left, and how links begin.
pub(super) struct Post {
    queue: mpsc::Sender<Errand>,
    public_url: String,
}

/// A place in the queue, taken before what is to be told is done.
pub(super) struct Place<'a>(mpsc::Permit<'a, Errand>);

/// What waits to be sent.
pub struct Mailbag {
    waiting: mpsc::Receiver<Errand>,
    services: Services,
}

/// A mail that is ready to go.
#[derive(Deserialize, Serialize)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// What it says.
    pub letter: Letter,
}

impl Place<'_> {
    pub(super) fn send(self, errand: Errand) {
        self.0.send(errand);
    }
}

impl Services {
    /// Opens the way for mail: from now on links are mailed, and what waits comes out of the bag.
    /// None when it is open already.
    #[must_use]
    pub fn open_post(&self, public_url: &PublicUrl) -> Option<Mailbag> {
        let (queue, waiting) = mpsc::channel(WAITING);
        let post = Post {
            queue,
            public_url: public_url.as_str().to_owned(),
        };
        self.0.post.set(post).ok()?;
        Some(Mailbag {
            waiting,
            services: self.clone(),
        })
    }

    /// False when too many wait already.
    async fn leave_mail(&self, mail: &Mail) -> Result<bool, ServiceError> {
        let content = serde_json::to_vec(mail).map(Zeroizing::new);
        let content = content.map_err(|error| StoreError::Database(error.to_string()))?;
        let (sealer, now) = (self.sealer()?, self.clock().now());
        let left = self.store().write(move |c| {
            let seal = |place: &_| Ok(sealer.seal(place, &content)?);
            account_mails::add(c, seal, LEFT, now)
        });
        Ok(left.await?)
    }

    /// Removes mails that nobody sent while they were of use.
    pub(super) async fn sweep_mails(&self, now: Timestamp) -> Result<(), ServiceError> {
        let before = now.before(MAIL_LIVES);
        let swept = self.store().write(move |c| account_mails::sweep(c, before));
        match swept.await? {
            0 => {}
            many => tracing::error!("{many} mails of accounts were given up: nobody sent them"),
        }
        Ok(())
    }

    /// Whether links are mailed.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.0.post.get().is_some()
    }

    /// A place in the queue; none without mail. Busy when too much waits.
    pub(super) fn mail_place(&self) -> Result<Option<Place<'_>>, ServiceError> {
        let Some(post) = self.0.post.get() else {
            return Ok(None);
        };
        match post.queue.try_reserve() {
            Ok(permit) => Ok(Some(Place(permit))),
            Err(TrySendError::Full(()) | TrySendError::Closed(())) => {
                Err(ServiceError::Unavailable { retry_after: BUSY })
            }
        }
    }

    /// The whole address of a one-time link, for a mail.
    pub(super) fn link(&self, page: &str, secret: &Secret) -> String {
        let public_url = self.0.post.get().map(|post| post.public_url.as_str());
        format!(
            "{}/{page}/{}",
            public_url.unwrap_or_default(),
            secret.expose()
        )
    }
}

impl Mailbag {
    /// The next mail that has to go. None when the services are gone.
    pub async fn next(&mut self) -> Option<Mail> {
        loop {
            match self.waiting.recv().await? {
                Errand::Mail { to, letter } => return Some(Mail { to, letter }),
                Errand::Reset(email, client) => {
                    match self.services.reset_letter(&email, client).await {
                        Ok(Some(letter)) => {
                            let to = email.as_str().to_owned();
                            return Some(Mail { to, letter });
                        }
                        Ok(None) => {}
                        Err(error) => {
                            tracing::error!("cannot make a link to a new password: {error}");
                        }
                    }
                }
            }
        }
    }

    /// Leaves what comes to the process that sends, for as long as the program runs.
    pub async fn leave(mut self) {
        while let Some(mail) = self.next().await {
            let subject = &mail.letter.subject;
            match self.services.leave_mail(&mail).await {
                Ok(true) => {}
                Ok(false) => tracing::error!("the mail {subject:?} was given up: too many wait"),
                Err(error) => tracing::error!("the mail {subject:?} was given up: {error}"),
            }
        }
    }

    /// Sends what comes, for as long as the program runs.
    pub async fn deliver(mut self, mailer: Mailer) {
        let mailer = Arc::new(mailer);
        let at_a_time = Arc::new(Semaphore::new(SENDERS));
        let mut sending = JoinSet::new();
        while let Ok(turn) = Arc::clone(&at_a_time).acquire_owned().await {
            let Some(mail) = self.next().await else {
                return;
            };
            let mailer = Arc::clone(&mailer);
            sending.spawn(async move {
                let _turn = turn;
                send(&mailer, &mail).await;
            });
            while sending.try_join_next().is_some() {}
        }
    }
}

/// Logs what became of it, without its text and without its address: the log is not the place to
/// learn who is invited.
async fn send(mailer: &Mailer, mail: &Mail) {
    let subject = &mail.letter.subject;
    let mut pauses = PAUSES.iter();
    loop {
        match mailer.send(&mail.to, &mail.letter).await {
            Ok(()) => return tracing::info!("the mail {subject:?} was sent"),
            Err(SendError::Refused(reason)) => {
                return tracing::error!("the mail {subject:?} was refused: {reason}");
            }
            Err(SendError::Later(reason)) => {
                let Some(pause) = pauses.next() else {
                    return tracing::error!("the mail {subject:?} was given up: {reason}");
                };
                tracing::warn!("the mail {subject:?} could not be sent yet: {reason}");
                tokio::time::sleep(*pause).await;
            }
        }
    }
}

/// Errands that wait; with more, people are asked to come again.
const WAITING: usize = 200;
/// Mails that are sent at a time.
const SENDERS: usize = 4;
/// How long to wait before the second attempt, and before the third.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_mins(1)];
/// How long a mail that another process sends is of use: as long as a link opens something.
pub(super) const MAIL_LIVES: Duration = Duration::from_hours(1);
/// Mails that may wait for that process.
const LEFT: i64 = 200;
const BUSY: Duration = Duration::from_secs(30);
