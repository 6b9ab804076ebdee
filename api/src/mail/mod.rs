//! Sending mail: a letter becomes a message, and the operator's mail server takes it or does not.

use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use rustls::CertificateError;
use server_scout_ui::UiError;
use server_scout_ui::mails::{Letter, Mails};
use zeroize::Zeroizing;

use crate::config::{Smtp, SmtpTls};
use crate::secret::random_bytes;
use crate::tls::verdict;

/// What is needed to send mail. The connection is made anew for each: mails are rare.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    mails: Mails,
}

/// Why mail cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// A file that the settings name.
    #[error("cannot read {variable} {}: {source}", path.display())]
    File {
        /// The setting.
        variable: &'static str,
        /// Which file.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The CA or the name of the server.
    #[error("the settings of the mail server do not work: {0}")]
    Tls(String),
    /// The template.
    #[error(transparent)]
    Ui(#[from] UiError),
}

/// Why one mail was not sent. The words hold neither its text nor its link, and none of the mail server's.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server refuses this mail; the same again would be refused again.
    #[error("{0}")]
    Refused(String),
    /// It may go another time.
    #[error("{0}")]
    Later(String),
}

impl Mailer {
    /// Reads the files that the settings name. No connection is made yet.
    pub fn open(smtp: &Smtp, greeting: Option<String>) -> Result<Self, MailerError> {
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.as_str())
                .port(smtp.port)
                .timeout(Some(PATIENCE))
                .tls(tls(smtp)?);
        if let Some(name) = greeting {
            builder = builder.hello_name(ClientId::Domain(name));
        }
        if let Some((username, file)) = &smtp.login {
            let password = read("SERVERSCOUT_SMTP__PASSWORD_FILE", file)?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            builder = builder.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            from: smtp.from.clone(),
            mails: Mails::new()?,
        })
    }

    /// Sends one letter to one address.
    pub async fn send(&self, to: &str, letter: &Letter) -> Result<(), SendError> {
        let id = format!("{:032x}", u128::from_le_bytes(random_bytes::<16>()));
        self.send_as(to, letter, &id).await
    }

    /// Sends one letter, known by an id of the sender's own that is the same when it is sent again.
    pub async fn send_as(&self, to: &str, letter: &Letter, id: &str) -> Result<(), SendError> {
        let message = self.message(to, letter, id)?;
        let sent = self.transport.send(message).await;
        sent.map(drop).map_err(|error| {
            let reason = words(&error);
            if error.is_permanent() {
                SendError::Refused(reason)
            } else {
                SendError::Later(reason)
            }
        })
    }

    /// Headers are made by the library from values that cannot hold a line's end: an address that
    /// it has parsed, and words that it encodes.
    fn message(&self, to: &str, letter: &Letter, id: &str) -> Result<Message, SendError> {
        let refused = |what: &str| SendError::Refused(format!("{what} cannot stand in a mail."));
        let to: Address = to.parse().map_err(|_| refused("The address"))?;
        let html = self.mails.html(letter).map_err(|_| refused("The text"))?;
        // The default would tell the name of this machine.
        let id = format!("<{id}@{}>", self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(to.into())
            .subject(one_line(&letter.subject))
            .message_id(Some(id))
            .multipart(MultiPart::alternative_plain_html(Mails::text(letter), html))
            .map_err(|_| refused("A header"))
    }
}

fn tls(smtp: &Smtp) -> Result<Tls, MailerError> {
    let wrong = |error: lettre::transport::smtp::Error| MailerError::Tls(reason(&error));
    let mut parameters = TlsParameters::builder(smtp.host.clone());
    if let Some(file) = &smtp.ca_file {
        let pem = read("SERVERSCOUT_SMTP__CA_FILE", file)?;
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            let words = "SERVERSCOUT_SMTP__CA_FILE holds no certificate in PEM";
            return Err(MailerError::Tls(words.to_owned()));
        }
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(wrong)?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    let parameters = || parameters.build().map_err(wrong);
    Ok(match smtp.tls {
        SmtpTls::Implicit => Tls::Wrapper(parameters()?),
        SmtpTls::StartTls => Tls::Required(parameters()?),
        SmtpTls::None => Tls::None,
    })
}

fn read(variable: &'static str, path: &std::path::Path) -> Result<Zeroizing<String>, MailerError> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| MailerError::File {
            variable,
            path: path.to_owned(),
            source,
        })
}

/// Of what the mail server said only the code: its words hold addresses and names of the operator's relays.
fn words(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("The mail server answered {code}."),
        None if error.is_timeout() => "The mail server did not answer in time.".to_owned(),
        None if error.is_tls() => distrust(error),
        None if error.is_response() => "The mail server's answer made no sense.".to_owned(),
        None if error.is_client() => {
            "The mail server does not offer what is needed, such as a login or TLS.".to_owned()
        }
        None => distrust(error),
    }
}

/// What is wrong with the server's certificate, but for the names in it; else there was no connection.
fn distrust(error: &lettre::transport::smtp::Error) -> String {
    let why = match verdict::behind(error) {
        Some(CertificateError::NotValidForNameContext { .. }) => &CertificateError::NotValidForName,
        Some(why) => why,
        None if error.is_tls() => return "TLS with the mail server failed.".to_owned(),
        None => return "The mail server could not be connected to.".to_owned(),
    };
    let words = verdict::words(why, "SERVERSCOUT_SMTP__CA_FILE");
    format!("The mail server's certificate {words}")
}

/// The library's words about settings, which no server had a part in, on one line.
fn reason(error: &lettre::transport::smtp::Error) -> String {
    one_line(&error.to_string())
        .chars()
        .take(MAX_REASON)
        .collect()
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// How long the mail server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// Characters of the library's words that are logged.
const MAX_REASON: usize = 300;

#[cfg(test)]
mod tests;
