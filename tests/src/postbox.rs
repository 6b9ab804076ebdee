//! A mail server that shows what it was given: `tests/smtp-server`, a program of its own.

use std::process::Command;

use serde_json::Value;

use crate::binaries::checkout;
use crate::certificates::Authority;
use crate::dashboard::Setup;
use crate::process::Program;
use crate::wait::{PATIENCE, until};

/// Who logs in there.
pub const USER: &str = "dashboard";
/// With what.
pub const PASSWORD: &str = "the mail server's own password";

/// A mail server. It ends when dropped.
#[derive(Debug)]
pub struct Postbox {
    program: Program,
    port: u16,
}

/// A mail as the server understood it.
#[derive(Clone, Debug)]
pub struct Mail(pub Value);

/// How a mail server is set up.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'a> {
    /// `implicit` or `starttls`.
    pub tls: &'a str,
    /// The name in its certificate.
    pub name: &'a str,
    /// Mails that it puts off before it takes the first.
    pub refusals: u32,
    /// The password that it takes.
    pub password: &'a str,
}

impl Default for Kind<'_> {
    fn default() -> Self {
        Self {
            tls: "implicit",
            name: "localhost",
            refusals: 0,
            password: PASSWORD,
        }
    }
}

impl Postbox {
    /// Starts a mail server, and gives the settings of a dashboard that sends through it.
    pub async fn start(setup: Setup) -> (Self, Setup) {
        Self::of(Kind::default(), setup).await
    }

    /// The same of a kind.
    pub async fn of(kind: Kind<'_>, setup: Setup) -> (Self, Setup) {
        let authority = Authority::new();
        let file = |name: &str| setup.home().join(name);
        let (certificate, key) = (file("mail.pem"), file("mail.key"));
        authority.leaf(&[kind.name]).write(&certificate, &key);
        authority.write(&file("mail-ca.pem"));
        std::fs::write(file("mail-password"), format!("{PASSWORD}\n")).unwrap();
        let mut command = Command::new(checkout().join("tests/smtp-server"));
        command.arg(kind.tls).args([&certificate, &key]).args([
            USER,
            kind.password,
            &kind.refusals.to_string(),
        ]);
        let mut program = Program::start(command);
        let port = program.line("the mail server's port", PATIENCE, |line| {
            serde_json::from_str::<Value>(line).ok()?["port"].as_u64()
        });
        let port = u16::try_from(port.await).expect("a port");
        let path = |name: &str| file(name).display().to_string();
        let setup = setup
            .clone()
            .set("SERVERSCOUT_SMTP__HOST", "localhost")
            .set("SERVERSCOUT_SMTP__PORT", port.to_string())
            .set("SERVERSCOUT_SMTP__TLS", kind.tls)
            .set("SERVERSCOUT_SMTP__FROM", "Server Scout <scout@example.org>")
            .set("SERVERSCOUT_SMTP__USERNAME", USER)
            .set("SERVERSCOUT_SMTP__PASSWORD_FILE", path("mail-password"))
            .set("SERVERSCOUT_SMTP__CA_FILE", path("mail-ca.pem"));
        (Self { program, port }, setup)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every mail that came so far.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        let out = self.program.stdout();
        let lines = out
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line["text"].is_string())
            .map(Mail)
            .collect()
    }

    /// The first mail to an address whose subject holds these words.
    pub async fn mail(&self, to: &str, words: &str) -> Mail {
        let what = format!("a mail {words:?} to {to}{}", self.program.logs());
        until(&what, PATIENCE, async || {
            let mut mails = self.mails().into_iter();
            mails.find(|mail| mail.to() == to && mail.header("Subject").contains(words))
        })
        .await
    }
}

impl Mail {
    /// The one address that it was given for.
    #[must_use]
    pub fn to(&self) -> &str {
        let recipients = self.0["recipients"].as_array().expect("recipients");
        assert_eq!(recipients.len(), 1, "{recipients:?}");
        recipients[0].as_str().expect("an address")
    }

    /// The headers of that name, one after the other.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let headers = self.0["headers"].as_array().expect("headers");
        let named = headers.iter().filter(|header| header[0] == name);
        let values: Vec<&str> = named.filter_map(|header| header[1].as_str()).collect();
        values.join("; ")
    }

    /// The plain text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0["text"].as_str().expect("a text")
    }

    /// The HTML.
    #[must_use]
    pub fn html(&self) -> &str {
        self.0["html"].as_str().expect("HTML")
    }

    /// The path of the link on a line of its own, on the dashboard of this origin.
    #[must_use]
    pub fn link(&self, origin: &str) -> String {
        let mut lines = self.text().lines().map(str::trim_end);
        let link = lines.find_map(|line| line.strip_prefix(origin));
        link.unwrap_or_else(|| panic!("no link: {}", self.text()))
            .to_owned()
    }
}
