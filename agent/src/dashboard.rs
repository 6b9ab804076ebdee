//! The one connection that the agent makes, and how it understands what comes back.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use server_scout_wire::{Answer, Coding, Encoder, Problem, Timestamp};
use url::Url;

use crate::connection::{AGENT, Connection, Reply};
use crate::failure::{Failure, FailureKind, printable};
use crate::key::ApiKey;
use crate::trust::{Anchor, Trust};
use crate::{StartError, bundle};

/// Something that takes reports and answers. The real one is [`Dashboard`].
pub trait Transport {
    /// Sends one request body and waits for the reply.
    fn post(&mut self, key: &ApiKey, body: &[u8]) -> impl Future<Output = Result<Reply, Failure>>;

    /// What is to be done now and then while all is well.
    fn tend(&mut self) -> impl Future<Output = ()> {
        async {}
    }
}

/// The dashboard, over one connection that is kept.
pub struct Dashboard {
    connection: Connection,
    trust: Trust,
    encoder: Encoder,
    /// The key under which the agent has said its version on this connection.
    introduced: Option<HeaderValue>,
}

impl Dashboard {
    /// A client for the dashboard at `url`. Nothing is sent yet.
    pub fn new(url: &Url, anchor: Anchor) -> Result<Self, StartError> {
        let (trust, tls) = Trust::new(anchor)?;
        Ok(Self {
            connection: Connection::new(url, tls),
            trust,
            encoder: Encoder::new(Coding::Deflate),
            introduced: None,
        })
    }

    /// The dashboard's host and port, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        self.connection.host()
    }

    /// Goes on with the CAs of a file that was replaced. The connection of before ends.
    fn renew(&mut self) {
        if let Some(tls) = self.trust.changed() {
            self.connection = Connection::new(self.connection.url(), tls);
        }
    }

    async fn send(&mut self, key: &ApiKey, body: &[u8]) -> Result<Reply, Failure> {
        let key = key
            .header()
            .map_err(|why| Failure::new(FailureKind::Other, format!("the agent key {why}")))?;
        let mut headers = HeaderMap::with_capacity(HEADERS);
        if !self.connection.is_open() || self.introduced.as_ref() != Some(&key) {
            headers.insert(USER_AGENT, AGENT);
            self.introduced = Some(key.clone());
        }
        headers.insert(API_KEY, key);
        headers.insert(CONTENT_TYPE, JSON);
        let body = match self.encoder.encode(body) {
            Some(packed) => {
                let coding = self.encoder.coding().name();
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
                packed.into()
            }
            None => Bytes::copy_from_slice(body),
        };
        self.connection.post(REPORTS, headers, body).await
    }
}

impl Transport for Dashboard {
    /// A dashboard that does not know the agent's compression gets gzip for as long as the connection lasts.
    async fn post(&mut self, key: &ApiKey, body: &[u8]) -> Result<Reply, Failure> {
        self.renew();
        if self.encoder.coding() == Coding::Gzip && !self.connection.is_open() {
            self.encoder = Encoder::new(Coding::Deflate);
        }
        let reply = self.send(key, body).await?;
        if reply.status != StatusCode::UNSUPPORTED_MEDIA_TYPE
            || self.encoder.coding() == Coding::Gzip
        {
            return Ok(reply);
        }
        tracing::info!("the dashboard is older than this agent; reports are compressed with gzip");
        self.encoder = Encoder::new(Coding::Gzip);
        self.send(key, body).await
    }

    async fn tend(&mut self) {
        if let Some(file) = self.trust.due()
            && let Err(why) = bundle::renew(&mut self.connection, file).await
        {
            tracing::warn!("the stored CA cannot be brought up to date: {why}");
        }
    }
}

impl Reply {
    /// What the reply means for a request with `sent` reports.
    #[must_use]
    pub fn judge(self, sent: usize) -> Verdict {
        match self.status.as_u16() {
            200 => match serde_json::from_slice::<Answer>(&self.body) {
                Ok(answer) if total(&answer) == sent as u64 => Verdict::Judged(answer),
                // A page of a login portal is no acknowledgement, whatever its status.
                _ => Verdict::Later(Later {
                    status: self.status,
                    problem: None,
                    retry_after: self.retry_after,
                }),
            },
            400 | 413 | 422 => Verdict::Unacceptable(Unacceptable {
                status: self.status,
                problem: self.problem(),
            }),
            401 => Verdict::KeyRefused {
                retry_after: self.retry_after,
            },
            _ => Verdict::Later(Later {
                status: self.status,
                problem: self.problem(),
                retry_after: self.retry_after,
            }),
        }
    }

    /// What the dashboard says went wrong, if it says something.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What a reply means.
#[derive(Debug)]
pub enum Verdict {
    /// Every report was judged: durable, known, too old or refused.
    Judged(Answer),
    /// The key is unknown or revoked.
    KeyRefused {
        /// How long the dashboard asks to wait.
        retry_after: Option<Duration>,
    },
    /// Not now.
    Later(Later),
    /// Never in this form.
    Unacceptable(Unacceptable),
}

/// The dashboard cannot take reports now, or what answered is no dashboard.
#[derive(Debug)]
pub struct Later {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the dashboard says, if it says something.
    pub problem: Option<Problem>,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
}

impl Later {
    /// What happened and what to do, for people.
    #[must_use]
    pub fn explain(&self, host: &str) -> String {
        let said = said(self.problem.as_ref());
        match self.status.as_u16() {
            200 => format!(
                "what answers at {host} is no Server Scout dashboard; is the address right?"
            ),
            300..=399 => format!(
                "{host} redirects elsewhere, which an agent never follows; use the dashboard's own address"
            ),
            403 => format!("{host} forbids this key to send reports{said}; use an agent key"),
            404 | 405 => format!(
                "{host} knows no reports (status {}); is it a Server Scout dashboard?",
                self.status.as_u16()
            ),
            408 | 429 | 503 => format!("{host} is busy{said}"),
            status => format!("{host} answers with status {status}{said}"),
        }
    }
}

/// The dashboard will never take this request.
#[derive(Debug)]
pub struct Unacceptable {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the dashboard says, if it says something.
    pub problem: Option<Problem>,
}

impl Unacceptable {
    /// What is wrong, for people; of a wrong clock, both clocks.
    #[must_use]
    pub fn explain(&self, host: &str) -> String {
        match &self.problem {
            Some(problem) => explain_problem(problem, host),
            None => format!("{host} refuses it with status {}", self.status.as_u16()),
        }
    }
}

/// What a problem says, for people; of a wrong clock, both clocks.
#[must_use]
pub fn explain_problem(problem: &Problem, host: &str) -> String {
    match problem.dashboard_time {
        Some(theirs) if problem.r#type == CLOCK_SKEW => format!(
            "this host's clock is wrong: it says {}, the dashboard's says {theirs}; set the clock right",
            Timestamp::now()
        ),
        _ => format!("{host} refuses it{}", said(Some(problem))),
    }
}

fn said(problem: Option<&Problem>) -> String {
    let Some(problem) = problem else {
        return String::new();
    };
    let member = problem
        .member
        .iter()
        .map(|member| format!("{}: ", printable(member)));
    let detail = printable(problem.detail.as_ref().unwrap_or(&problem.title));
    format!(" ({}{detail})", member.collect::<String>())
}

fn total(answer: &Answer) -> u64 {
    let refused = answer.refused_count.max(answer.refused.len() as u64);
    answer
        .accepted
        .saturating_add(answer.duplicate)
        .saturating_add(answer.too_old)
        .saturating_add(refused)
}

/// The type of the problem that a report from the future gets.
pub const CLOCK_SKEW: &str = "clock-skew";

const REPORTS: &str = "/api/v1/reports";
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Of a report's request, with the host.
const HEADERS: usize = 5;
