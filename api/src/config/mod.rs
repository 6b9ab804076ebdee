//! The configuration: a TOML file, then the environment, each value checked with its name at hand.

mod outbound;
mod settings;
mod smtp;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::timeseries::Retention;

pub use self::outbound::{OutboundMode, OutboundSettings};
pub use self::settings::ConfigError;
use self::settings::Settings;
pub use self::smtp::{Smtp, SmtpTls};

/// All that the operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where database, keys and certificates are.
    pub data_dir: PathBuf,
    /// Where the dashboard listens, unless systemd passes a socket.
    pub listen: Listen,
    /// Where the dashboard's own internals are shown, on this machine alone; nowhere when none.
    pub internals_listen: Option<LocalListen>,
    /// The names and addresses of the certificate and of the `Host` allow-list.
    pub hosts: Vec<url::Host>,
    /// What browsers and agents use.
    pub public_url: PublicUrl,
    /// Where the certificate comes from.
    pub tls: Tls,
    /// Networks whose forwarding headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// The file of the key that seals secrets; without one, `master.key` in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The operator's ceilings.
    pub limits: Limits,
    /// How mail leaves; none when no mail server is named.
    pub smtp: Option<Smtp>,
    /// How notices leave.
    pub outbound: OutboundSettings,
    /// How long a session lives.
    pub sessions: SessionTimes,
    /// The least important messages that are logged.
    pub log: tracing::Level,
}

/// Where the dashboard listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A place that only this machine can reach.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalListen(Listen);

impl LocalListen {
    /// The place.
    #[must_use]
    pub fn place(&self) -> &Listen {
        &self.0
    }
}

impl FromStr for LocalListen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let listen: Listen = text.parse()?;
        listen.is_local().then_some(Self(listen)).ok_or(())
    }
}

impl Listen {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Listen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some("") => Err(()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| ()),
        }
    }
}

/// Where the certificate comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tls {
    /// The operator's own files, read again when they change.
    Files {
        /// The chain, PEM.
        cert_file: PathBuf,
        /// The leaf's private key, PEM.
        key_file: PathBuf,
    },
    /// A proxy in front ends TLS.
    Proxy,
    /// An own CA, made at the first start.
    SelfSigned,
}

/// What browsers and agents use: `https://`, a host, perhaps a port, and nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The address without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// What a browser sends as `Origin`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host alone.
    #[must_use]
    pub fn host(&self) -> Option<url::Host> {
        self.0.host().map(|host| host.to_owned())
    }
}

impl FromStr for PublicUrl {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Url = text.parse().map_err(|_| ())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        let usable = url.scheme() == "https" && url.has_host() && bare && nobody;
        usable.then_some(Self(url)).ok_or(())
    }
}

/// The operator's ceilings.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Changes of one person without a pause; after that one a second.
    pub changes: usize,
    /// Connections open at a time.
    pub connections: usize,
    /// Connections open at a time from one address that is no proxy.
    pub connections_per_address: usize,
    /// Organisations that one person can own; 0 lets nobody make one in the pages or the API.
    pub organisations_per_person: usize,
    /// Members of one organisation, with those who are invited.
    pub people: usize,
    /// How long a successor of an agent key may stay unused before it expires.
    pub key_overlap: Duration,
    /// The longest that an organisation can keep what.
    pub retention: Retention,
    /// Series of one server; what is beyond is dropped and counted.
    pub series: usize,
    /// Series of one organisation; what is beyond is dropped and counted.
    pub series_of_organisation: usize,
    /// Servers of one organisation.
    pub servers: usize,
}

/// How long a session lives.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimes {
    /// Without a request.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
}

impl Config {
    /// Reads the file, when one is given, and the environment over it.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_settings(Settings::load(file)?)
    }

    fn from_settings(mut settings: Settings) -> Result<Self, ConfigError> {
        let listen = settings
            .parse(
                "listen",
                "an address and a port such as 127.0.0.1:8443, or unix:PATH",
            )?
            .unwrap_or(Listen::Tcp(DEFAULT_LISTEN));
        let public_url = settings
            .parse(
                "public_url",
                "an address such as https://scout.example.org, without a path",
            )?
            .unwrap_or_else(|| default_public_url(&listen));
        let hosts = settings
            .list(
                "hosts",
                "names and addresses, separated by commas",
                parse_host,
            )?
            .unwrap_or_default();
        let tls = read_tls(&mut settings)?;
        let trusted_proxies = settings
            .list(
                "trusted_proxies",
                "networks such as 127.0.0.1/32, separated by commas",
                parse_network,
            )?
            .unwrap_or_default();
        let config = Self {
            data_dir: settings
                .parse("data_dir", "a directory")?
                .unwrap_or_else(|| "data".into()),
            hosts: with_defaults(hosts, &public_url),
            public_url,
            internals_listen: settings.parse(
                "internals_listen",
                "a loopback address and a port such as 127.0.0.1:9443, or unix:PATH",
            )?,
            listen,
            tls,
            trusted_proxies,
            master_key_file: settings.parse("master_key_file", "a file")?,
            limits: read_limits(&mut settings)?,
            smtp: smtp::read(&mut settings)?,
            outbound: outbound::read(&mut settings)?,
            sessions: SessionTimes {
                idle: settings.seconds("sessions.idle_seconds", 60..=30 * DAY, DAY / 2)?,
                absolute: settings.seconds("sessions.absolute_seconds", 60..=365 * DAY, 7 * DAY)?,
            },
            log: settings
                .parse("log", "error, warn, info, debug or trace")?
                .unwrap_or(tracing::Level::INFO),
        };
        settings.finish()?;
        config.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        if self.tls == Tls::Proxy {
            if self.trusted_proxies.is_empty() {
                return Err(ConfigError::ProxyUnnamed);
            }
            if !self.listen.is_local() {
                return Err(ConfigError::ProxyNotLocal);
            }
        }
        Ok(self)
    }
}

fn read_tls(settings: &mut Settings) -> Result<Tls, ConfigError> {
    let mode: Option<String> = settings.parse("tls.mode", "")?;
    let cert_file: Option<PathBuf> = settings.parse("tls.cert_file", "a file")?;
    let key_file: Option<PathBuf> = settings.parse("tls.key_file", "a file")?;
    match (
        mode.as_deref().unwrap_or("self-signed"),
        cert_file,
        key_file,
    ) {
        ("files", Some(cert_file), Some(key_file)) => Ok(Tls::Files {
            cert_file,
            key_file,
        }),
        ("files", _, _) => Err(ConfigError::TlsFilesMissing),
        ("proxy", None, None) => Ok(Tls::Proxy),
        ("self-signed", None, None) => Ok(Tls::SelfSigned),
        ("proxy" | "self-signed", _, _) => Err(ConfigError::TlsFilesUnused),
        (other, _, _) => Err(settings.invalid("tls.mode", other, "self-signed, files or proxy")),
    }
}

fn read_limits(settings: &mut Settings) -> Result<Limits, ConfigError> {
    let connections = settings.number("limits.connections", 16..=100_000, 4096)?;
    let per_address = settings.number("limits.connections_per_address", 4..=100_000, 1024)?;
    Ok(Limits {
        changes: settings.number("limits.changes", 60..=1_000_000, 600)?,
        connections,
        connections_per_address: per_address,
        organisations_per_person: settings.number(
            "limits.organisations_per_person",
            0..=10_000,
            20,
        )?,
        people: settings.number("limits.people", 1..=10_000, 500)?,
        key_overlap: settings.seconds("limits.key_overlap_seconds", 3600..=90 * DAY, 7 * DAY)?,
        retention: read_retention(settings)?,
        series: settings.number("limits.series", 50..=100_000, 1000)?,
        series_of_organisation: settings.number(
            "limits.series_of_organisation",
            50..=10_000_000,
            500_000,
        )?,
        servers: settings.number("limits.servers", 1..=100_000, 5000)?,
    })
}

fn read_retention(settings: &mut Settings) -> Result<Retention, ConfigError> {
    let mut ceiling = |name: &str, days: u64| settings.seconds(name, 3600..=800 * DAY, days * DAY);
    Ok(Retention {
        raw: ceiling("limits.retention_seconds", 14)?,
        minute: ceiling("limits.retention_minute_seconds", 90)?,
        quarter_hour: ceiling("limits.retention_quarter_hour_seconds", 400)?,
        hour: ceiling("limits.retention_hour_seconds", 800)?,
    })
}

/// With port 0 the kernel chooses; `serve` learns it when it listens.
fn default_public_url(listen: &Listen) -> PublicUrl {
    let port = match listen {
        Listen::Tcp(address) if address.port() != 0 => address.port(),
        Listen::Tcp(_) | Listen::Unix(_) => DEFAULT_LISTEN.port(),
    };
    PublicUrl::on_localhost(port)
}

impl Default for PublicUrl {
    fn default() -> Self {
        Self::on_localhost(DEFAULT_LISTEN.port())
    }
}

impl PublicUrl {
    /// `https://localhost:PORT`.
    ///
    /// # Panics
    ///
    /// Never: the text is an address with every port.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is fixed but for a number")]
    pub fn on_localhost(port: u16) -> Self {
        Self(Url::parse(&format!("https://localhost:{port}")).expect("a valid address"))
    }
}

fn with_defaults(mut hosts: Vec<url::Host>, public_url: &PublicUrl) -> Vec<url::Host> {
    if hosts.is_empty() {
        hosts.extend(public_url.host());
        hosts.extend(LOCAL_HOSTS.iter().filter_map(|host| parse_host(host)));
    }
    let mut once: Vec<url::Host> = Vec::new();
    for host in hosts {
        if !once.contains(&host) {
            once.push(host);
        }
    }
    once
}

fn parse_host(text: &str) -> Option<url::Host> {
    // Addresses of version 6 stand without brackets in a list.
    if let Ok(address) = text.parse() {
        return Some(url::Host::Ipv6(address));
    }
    url::Host::parse(text).ok()
}

fn parse_network(text: &str) -> Option<IpNet> {
    let single = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(single)
}

/// Names the file where no `--config` does; it is no setting itself.
pub const CONFIG_VARIABLE: &str = "SERVERSCOUT_CONFIG";

const DAY: u64 = 24 * 60 * 60;
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8443);
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

#[cfg(test)]
mod tests;
