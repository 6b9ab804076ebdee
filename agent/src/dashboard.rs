//! The one connection that the agent makes, and how it understands what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::ClientConfig;
use server_scout_wire::limits::MAX_ANSWER_BYTES;
use server_scout_wire::{Answer, Problem, Timestamp};

use crate::encoding::Encoder;
use crate::failure::{Failure, FailureKind, UnknownName, printable};
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
    client: Client,
    trust: Trust,
    url: Url,
    host: String,
    encoder: Encoder,
}

impl Dashboard {
    /// A client for the dashboard at `url`. Nothing is sent yet.
    pub fn new(url: &Url, anchor: Anchor) -> Result<Self, StartError> {
        let (trust, tls) = Trust::new(anchor)?;
        Ok(Self {
            client: client(tls)?,
            trust,
            url: url.clone(),
            host: host_of(url),
            encoder: Encoder::new(),
        })
    }

    /// The dashboard's host and port, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Goes on with the CAs of a file that was replaced. Connections of before end.
    fn renew(&mut self) {
        let Some(tls) = self.trust.changed() else {
            return;
        };
        match client(tls) {
            Ok(client) => self.client = client,
            Err(why) => tracing::warn!("the HTTP client cannot be set up anew: {why}"),
        }
    }
}

impl Transport for Dashboard {
    async fn post(&mut self, key: &ApiKey, body: &[u8]) -> Result<Reply, Failure> {
        self.renew();
        let key = key
            .header()
            .map_err(|why| Failure::new(FailureKind::Other, format!("the agent key {why}")))?;
        let mut request = self
            .client
            .post(at(&self.url, "/api/v1/reports"))
            .header("x-api-key", key)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request = match self.encoder.gzip(body) {
            Some(packed) => request
                .header(CONTENT_ENCODING, HeaderValue::from_static("gzip"))
                .body(packed),
            None => request.body(body.to_vec()),
        };
        reply(request, &self.host).await
    }

    async fn tend(&mut self) {
        if let Some(file) = self.trust.due()
            && let Err(why) = bundle::renew(&self.client, &self.url, file).await
        {
            tracing::warn!("the stored CA cannot be brought up to date: {why}");
        }
    }
}

/// A client that speaks verified TLS, follows nothing, and knows no proxy.
pub fn client(tls: ClientConfig) -> Result<Client, reqwest::Error> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(SystemResolver)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .pool_max_idle_per_host(1)
        .user_agent(concat!("server-scout-agent/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The address of `path` at the dashboard.
#[must_use]
pub fn at(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url
}

/// The dashboard's host and port, for messages.
#[must_use]
pub fn host_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(443);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Sends a request and reads the answer, no further than an answer may be long.
pub async fn reply(request: RequestBuilder, host: &str) -> Result<Reply, Failure> {
    let explain = |error: reqwest::Error| Failure::explain(&error, host);
    let mut response = request.send().await.map_err(explain)?;
    let status = response.status();
    let retry_after = retry_after(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(explain)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            let message = format!(
                "the answer of {host} is longer than {MAX_ANSWER_BYTES} bytes; is it a Server Scout dashboard?"
            );
            return Err(Failure::new(FailureKind::AnswerTooLong, message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status,
        retry_after,
        body,
    })
}

/// What came back.
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// How long the dashboard asks to wait.
    pub retry_after: Option<Duration>,
    /// At most [`MAX_ANSWER_BYTES`].
    pub body: Vec<u8>,
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

/// The system's resolver, with an error that can be recognised.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let unknown = |why: String| UnknownName {
                name: name.clone(),
                why,
            };
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|error| unknown(error.to_string()))?
                .collect();
            if addresses.is_empty() {
                return Err(unknown("it has none".to_owned()).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn total(answer: &Answer) -> u64 {
    let refused = answer.refused_count.max(answer.refused.len() as u64);
    answer
        .accepted
        .saturating_add(answer.duplicate)
        .saturating_add(answer.too_old)
        .saturating_add(refused)
}

/// Whole seconds; a date is left to the back-off, which is never far from it.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?;
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// The type of the problem that a report from the future gets.
pub const CLOCK_SKEW: &str = "clock-skew";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
