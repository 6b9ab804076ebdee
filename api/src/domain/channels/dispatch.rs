//! The sender: takes notices over, delivers what is due, at least once each, and sends heartbeats.
//!
//! A notice becomes its deliveries in one transaction. A delivery is sent and then noted, so whatever ends
//! the program between the two, it is sent again, with the same id. One process sends: who has the lease.

mod heartbeats;
mod mails;
mod notices;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use diesel::SqliteConnection;
use server_scout_ui::mails::{Letter, Link};
use server_scout_wire::Timestamp;
use tokio::task::JoinSet;

use self::heartbeats::Beats;
use self::turns::UnderWay;
use super::forms::{self, Envelope};
use super::message::Message;
use super::settings::{Kind, Settings};
use crate::clock::Clock;
use crate::id::{Id, Organisation};
use crate::mail::{Mailer, SendError};
use crate::outbound::{Outbound, OutboundError, Sender};
use crate::sealing::Sealer;
use crate::secret::random_bytes;
use crate::store::deliveries::{self, Tried};
use crate::store::due_deliveries::{self, Due};
use crate::store::{Store, StoreError, alert_notices, channels, organisation_mails};

/// All that sending needs. Cloning shares it.
#[derive(Clone)]
pub struct Dispatcher(Arc<Means>);

/// What a dispatcher is made of.
pub struct Means {
    /// The database.
    pub store: Store,
    /// Opens the settings of channels.
    pub sealer: Arc<Sealer>,
    /// The clock.
    pub clock: Clock,
    /// The way out.
    pub outbound: Outbound,
    /// The way out for mail, where the operator has named one.
    pub mailer: Option<Mailer>,
    /// Where the dashboard is, for people to open.
    pub dashboard: String,
    /// Who holds the lease. A dashboard is always the same, so that it goes on at once after a kill.
    pub holder: i64,
}

impl Dispatcher {
    /// The lease's holder where the dashboard sends itself.
    pub const DASHBOARD: i64 = 1;

    /// A dispatcher of these means.
    #[must_use]
    pub fn new(means: Means) -> Self {
        Self(Arc::new(means))
    }

    /// Sends for as long as the program runs.
    pub async fn run(self) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut lease = Lease::default();
        let mut sending = JoinSet::new();
        let mut busy = UnderWay::default();
        let mut beats = Beats::default();
        let mut mails = JoinSet::new();
        self.take_up_again().await;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                Some(ended) = sending.join_next_with_id() => match ended {
                    Ok((task, ())) => busy.end(task),
                    Err(error) => {
                        tracing::error!("a delivery broke off: {error}");
                        busy.end(error.id());
                    }
                }
            }
            if !lease.holds(&self.0).await {
                continue;
            }
            if let Err(error) = self.step(&mut sending, &mut busy).await {
                tracing::warn!("cannot read what is to be delivered: {error}");
            }
            if let Err(error) = beats.step(&self).await {
                tracing::warn!("cannot read which heartbeats are due: {error}");
            }
            if let Err(error) = self.send_mails(&mut mails).await {
                tracing::warn!("cannot read which mails are to be sent: {error}");
            }
        }
    }

    /// Lets another process send at once.
    pub async fn stop(&self) {
        let holder = self.0.holder;
        let released = self.0.store.write(move |c| deliveries::release(c, holder));
        if let Err(error) = released.await {
            tracing::warn!("cannot give the lease of the sender back: {error}");
        }
    }

    async fn step(&self, sending: &mut JoinSet<()>, busy: &mut UnderWay) -> Result<(), StoreError> {
        if let Err(error) = self.take_notices().await {
            // What was taken over before can go all the same.
            tracing::warn!("cannot take notices over: {error}");
        }
        if busy.is_full() {
            return Ok(());
        }
        let (now, channels) = (self.0.clock.now(), busy.channels());
        let heads = self
            .0
            .store
            .read(move |c| due_deliveries::heads(c, now, &channels));
        let chosen = busy.choose(heads.await?);
        let chosen: Vec<_> = chosen.iter().map(|head| head.delivery).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let due = self.0.store.read(move |c| due_deliveries::load(c, &chosen));
        for one in due.await? {
            let (organisation, channel) = (one.organisation, one.channel);
            let this = self.clone();
            let task = sending.spawn(async move { this.deliver(one).await });
            busy.begin(organisation, channel, task.id());
        }
        Ok(())
    }

    /// Makes deliveries of the notices that are due, step by step and not of all when there are very many:
    /// deliveries go in between.
    pub async fn take_notices(&self) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            let now = self.0.clock.now();
            let waiting = self
                .0
                .store
                .read(move |c| Ok(alert_notices::due(c, now)?.is_some()));
            if !waiting.await? {
                return Ok(());
            }
            let aside = self
                .0
                .store
                .write(move |c| notices::take_over(c, now))
                .await?;
            if let Some(aside) = aside {
                tracing::error!(
                    "{} notices of incidents cannot be read and were set aside until the next start; with \
                     those before, {} in all",
                    aside.now,
                    aside.in_all
                );
            }
        }
        Ok(())
    }

    /// Looks at what was set aside once more, as another program may have done that.
    async fn take_up_again(&self) {
        let again = self.0.store.write(alert_notices::take_up_again);
        if let Err(error) = again.await {
            tracing::warn!("cannot take up the notices that were set aside: {error}");
        }
    }

    /// Tries a delivery once and notes what became of it.
    async fn deliver(&self, mut due: Due) {
        let begun = std::time::Instant::now();
        let message = std::mem::take(&mut due.message);
        let mut tried = match self.attempt(&due, message).await {
            Ok(status) => Tried {
                again_at: None,
                delivered: true,
                status,
                problem: None,
                took: Duration::ZERO,
            },
            Err(failure) => {
                let again_at = failure.pause(due.attempts);
                Tried {
                    again_at: again_at.map(|pause| self.0.clock.now().after(pause)),
                    delivered: false,
                    status: failure.status,
                    problem: Some(failure.problem),
                    took: Duration::ZERO,
                }
            }
        };
        tried.took = begun.elapsed();
        if !tried.delivered && tried.again_at.is_none() {
            tracing::warn!(
                "delivery {} to channel {} was given up",
                due.id,
                due.channel
            );
        }
        let (id, now) = (due.id, self.0.clock.now());
        let note = move |c: &mut SqliteConnection| deliveries::note(c, id, &tried, now);
        self.note("a delivery", note).await;
    }

    /// Notes what became of something that was sent. While it cannot be noted, nothing else of the kind goes
    /// there: it would go again and again.
    async fn note<N>(&self, what: &str, note: N)
    where
        N: FnOnce(&mut SqliteConnection) -> Result<(), StoreError> + Clone + Send + 'static,
    {
        while let Err(error) = self.0.store.write(note.clone()).await {
            tracing::warn!("cannot note what became of {what}: {error}");
            tokio::time::sleep(NOTE_AGAIN).await;
        }
    }

    async fn attempt(&self, due: &Due, message: String) -> Result<Option<u16>, Failure> {
        let place = channels::settings_place(due.channel);
        let opened = self.0.sealer.open(&place, &due.sealed).map_err(|error| {
            tracing::error!("the settings of a channel cannot be opened: {error}");
            Failure::later("The settings of the channel cannot be opened.")
        })?;
        let kind = Kind::from_word(&due.kind);
        let settings = serde_json::from_slice::<Settings>(&opened);
        let read = serde_json::from_str::<Message>(&message);
        // While receivers are slow, many are under way: of each there is one form in memory.
        drop(message);
        let (Some(kind), Ok(settings), Ok(message)) = (kind, settings, read) else {
            return Err(Failure::for_good("What is stored cannot be read."));
        };
        let id = format!("msg_{}", due.id);
        if kind == Kind::Email {
            self.take_mail(due.organisation).await?;
            return self.mail(&settings, &message, &id).await.map(|()| None);
        }
        let envelope = Envelope {
            id: &id,
            at: self.0.clock.now(),
            message: &message,
            dashboard: &self.0.dashboard,
        };
        let request = forms::request(kind, &settings, &envelope);
        drop(message);
        let request = request.ok_or_else(|| Failure::for_good("The settings do not fit."))?;
        let organisation = due.organisation.to_string();
        let sender = Sender {
            id: &organisation,
            name: &due.organisation_name,
        };
        let answer = self.0.outbound.send(sender, request).await?;
        let status = answer.status.as_u16();
        if answer.status.is_success() {
            return Ok(Some(status));
        }
        Err(Failure {
            status: Some(status),
            problem: format!("The receiver answered {status}."),
            // Gone, says the receiver, which is its wish to hear no more.
            for_good: status == GONE,
            wait: answer.retry_after,
        })
    }

    /// Counts a mail of an organisation before it goes.
    async fn take_mail(&self, organisation: Id<Organisation>) -> Result<(), Failure> {
        let now = self.0.clock.now();
        let most = i64::from(MAILS_AN_HOUR);
        let taken = self
            .0
            .store
            .write(move |c| organisation_mails::take(c, organisation, most, now));
        match taken.await {
            Ok(None) => Ok(()),
            Ok(wait) => Err(Failure {
                wait,
                ..Failure::later(&format!(
                    "{MAILS_AN_HOUR} mails of the organisation went within an hour, and no more may; it waits."
                ))
            }),
            Err(error) => {
                tracing::warn!("cannot count the mails of an organisation: {error}");
                Err(Failure::later("The mail could not be counted."))
            }
        }
    }

    async fn mail(&self, settings: &Settings, message: &Message, id: &str) -> Result<(), Failure> {
        let Some(mailer) = &self.0.mailer else {
            return Err(Failure::later("The operator has named no mail server."));
        };
        let letter = Letter {
            subject: message.title(),
            paragraphs: message.text().lines().map(ToOwned::to_owned).collect(),
            link: Some(Link {
                words: "Open the dashboard".to_owned(),
                address: self.0.dashboard.clone(),
            }),
            end: format!(
                "This address is a channel of the organisation {}. Its admins can remove it.",
                message.organisation
            ),
        };
        let to = settings.recipient.as_deref().unwrap_or_default();
        let sent = mailer.send_as(to, &letter, id).await;
        sent.map_err(|error| match error {
            SendError::Refused(reason) => Failure::for_good(&reason),
            SendError::Later(reason) => Failure::later(&reason),
        })
    }
}

/// Why a try did not succeed.
struct Failure {
    status: Option<u16>,
    problem: String,
    for_good: bool,
    /// What the receiver asked for.
    wait: Option<Duration>,
}

impl Failure {
    fn later(problem: &str) -> Self {
        Self {
            status: None,
            problem: problem.to_owned(),
            for_good: false,
            wait: None,
        }
    }

    fn for_good(problem: &str) -> Self {
        Self {
            for_good: true,
            ..Self::later(problem)
        }
    }

    /// How long to wait before the next try; none when there is none.
    fn pause(&self, attempts: i32) -> Option<Duration> {
        if self.for_good {
            return None;
        }
        let pause = *PAUSES.get(usize::try_from(attempts).ok()?)?;
        let [random] = random_bytes::<1>();
        // Between 0.8 and 1.2 of it, so that many do not come back together.
        let jittered = pause.mul_f64(0.8 + f64::from(random) / 637.5);
        let asked = self.wait.unwrap_or_default().min(LONGEST_WAIT);
        Some(jittered.max(asked))
    }
}

impl From<OutboundError> for Failure {
    fn from(error: OutboundError) -> Self {
        Self {
            for_good: !error.is_passing(),
            ..Self::later(&error.to_string())
        }
    }
}

/// The lease as this process knows it.
#[derive(Default)]
struct Lease {
    until: Timestamp,
    asked_at: Timestamp,
}

impl Lease {
    async fn holds(&mut self, means: &Means) -> bool {
        let now = means.clock.now();
        if now >= self.asked_at.after(RENEWED) || now < self.asked_at {
            self.asked_at = now;
            let holder = means.holder;
            let taken = means
                .store
                .write(move |c| deliveries::lease(c, holder, now, LEASED));
            match taken.await {
                Ok(true) => self.until = now.after(LEASED),
                Ok(false) => self.until = Timestamp::default(),
                Err(error) => tracing::warn!("cannot renew the lease of the sender: {error}"),
            }
        }
        // What is sent just before its end is done before anybody else begins.
        now.after(MARGIN) < self.until
    }
}

/// Mails to the channels of an organisation, which share the operator's mail server.
pub const MAILS_AN_HOUR: u16 = 100;
/// How often is looked for what is due.
const EVERY: Duration = Duration::from_millis(250);
/// Transactions that make deliveries of notices, before deliveries go again.
const STEPS: usize = 20;
/// Pauses before the second attempt and so on: about 15 hours in all.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(7),
];
/// What a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
const NOTE_AGAIN: Duration = Duration::from_secs(1);
const LEASED: Duration = Duration::from_mins(1);
const RENEWED: Duration = Duration::from_secs(10);
/// The longest that a request takes, and some.
const MARGIN: Duration = Duration::from_secs(15);
const GONE: u16 = 410;
