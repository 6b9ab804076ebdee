//! Why the dashboard could not be reached, in words for people.

use std::error::Error;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error as Tls, OtherError};
use server_scout_wire::Timestamp;
use server_scout_wire::limits::MAX_ANSWER_BYTES;

use crate::connection::ConnectionError;

/// What kept a request from being answered. Two failures of one kind are one event in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// The answer is longer than an answer may be.
    AnswerTooLong,
    /// The certificate's time is over, or has not come.
    CertificateTime,
    /// The certificate cannot be used for another reason.
    Certificate,
    /// The connection ended before the answer came.
    Closed,
    /// Nothing listens there.
    Refused,
    /// The name has no address.
    Name,
    /// What listens there speaks no TLS.
    NotTls,
    /// Something else.
    Other,
    /// No answer in time.
    Timeout,
    /// TLS failed for another reason.
    Tls,
    /// The certificate was issued by someone who is not trusted.
    UnknownCa,
    /// The certificate is for another name.
    WrongName,
}

/// A request that was not answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: FailureKind,
    message: String,
}

impl Failure {
    /// A failure of a kind, with what happened and what to do.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Explains why there is no answer. `host` is the dashboard's host and port.
    #[must_use]
    pub fn explain(error: &ConnectionError, host: &str) -> Self {
        if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref::<Tls>()) {
            return explain_tls(tls, host);
        }
        let (kind, message) = match error {
            ConnectionError::AnswerTooLong => (
                FailureKind::AnswerTooLong,
                format!(
                    "the answer of {host} is longer than {MAX_ANSWER_BYTES} bytes; is it a Server Scout \
                     dashboard?"
                ),
            ),
            ConnectionError::Connect(why) if why.kind() == io::ErrorKind::ConnectionRefused => (
                FailureKind::Refused,
                format!(
                    "{host} refused the connection; is the dashboard running and the port right?"
                ),
            ),
            ConnectionError::Handshake(why) if why.kind() == io::ErrorKind::UnexpectedEof => (
                FailureKind::NotTls,
                format!(
                    "{host} ended the connection during the TLS handshake; is it the dashboard's TLS port?"
                ),
            ),
            ConnectionError::Connect(why) | ConnectionError::Handshake(why) => {
                (FailureKind::Other, format!("no answer from {host}: {why}"))
            }
            ConnectionError::Http(_) => (
                FailureKind::Closed,
                format!("{host} closed the connection without an answer"),
            ),
            ConnectionError::Name { .. } => (FailureKind::Name, error.to_string()),
            ConnectionError::TimedOut => (
                FailureKind::Timeout,
                format!(
                    "{host} did not answer in time; is it up, and does a firewall drop the packets?"
                ),
            ),
        };
        Self::new(kind, message)
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

fn explain_tls(error: &Tls, host: &str) -> Failure {
    match error {
        Tls::InvalidCertificate(why) => explain_certificate(why, host),
        Tls::InvalidMessage(_) => Failure::new(
            FailureKind::NotTls,
            format!("what answers at {host} does not speak TLS; is it the dashboard's TLS port?"),
        ),
        other => Failure::new(FailureKind::Tls, format!("TLS with {host} failed: {other}")),
    }
}

fn explain_certificate(error: &CertificateError, host: &str) -> Failure {
    match error {
        CertificateError::UnknownIssuer => Failure::new(
            FailureKind::UnknownCa,
            format!(
                "the certificate of {host} was issued by an unknown CA; set SERVERSCOUT_CA_FILE to \
                 the dashboard's ca.pem"
            ),
        ),
        // What a dashboard that was set up anew looks like to an agent with the old file.
        CertificateError::BadSignature => Failure::new(
            FailureKind::UnknownCa,
            format!(
                "the certificate of {host} was issued by an unknown CA that has the name of a trusted \
                 one; set SERVERSCOUT_CA_FILE to the ca.pem that the dashboard has now"
            ),
        ),
        CertificateError::NotValidForName => Failure::new(
            FailureKind::WrongName,
            format!(
                "the certificate of {host} is for another host name; use a name that it is valid for"
            ),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => Failure::new(
            FailureKind::WrongName,
            format!(
                "the certificate of {host} is for another host name; it is valid for: {}",
                presented
                    .iter()
                    .take(8)
                    .map(|name| printable(name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        CertificateError::Expired => Failure::new(
            FailureKind::CertificateTime,
            format!(
                "the certificate of {host} has expired; renew it, or set this host's clock right"
            ),
        ),
        CertificateError::ExpiredContext { time, not_after } => Failure::new(
            FailureKind::CertificateTime,
            format!(
                "the certificate of {host} expired at {} and this host's clock says {}; renew it, or \
                 set the clock right",
                timestamp(*not_after),
                timestamp(*time)
            ),
        ),
        CertificateError::NotValidYet => Failure::new(
            FailureKind::CertificateTime,
            format!("the certificate of {host} is not valid yet; is this host's clock right?"),
        ),
        CertificateError::NotValidYetContext { time, not_before } => Failure::new(
            FailureKind::CertificateTime,
            format!(
                "the certificate of {host} is not valid yet: it starts at {} and this host's clock \
                 says {}; set the clock right",
                timestamp(*not_before),
                timestamp(*time)
            ),
        ),
        CertificateError::Other(other) if is_ca(other) => Failure::new(
            FailureKind::Certificate,
            format!(
                "the certificate of {host} is that of a CA itself; give the dashboard one that the CA has \
                 issued, which is no CA"
            ),
        ),
        other => Failure::new(
            FailureKind::Certificate,
            format!("the certificate of {host} cannot be used: {other}"),
        ),
    }
}

/// Whether a CA stands where a server's certificate belongs, which rustls has no name for.
fn is_ca(error: &OtherError) -> bool {
    error.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Text from outside, fit for one line of a log.
#[must_use]
pub fn printable(text: &str) -> String {
    server_scout_wire::Label::escaped(text)
        .0
        .as_str()
        .to_owned()
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_millis(
        i64::try_from(time.as_secs())
            .unwrap_or(i64::MAX)
            .saturating_mul(1000),
    )
}

/// The error and all that caused it. An I/O error hides what it wraps from `source`, so it is
/// opened by hand.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
