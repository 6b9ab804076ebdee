//! The dashboard from start to stop.

use std::net::TcpListener as StdTcpListener;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::Path;
use std::sync::Arc;

use poem::EndpointExt as _;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::internals::InternalsPage;
use super::listen::{Acceptor, Listener};
use super::{App, BuildError, routes};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Limits, Listen, OutboundMode, PublicUrl, Tls};
use crate::data_dir::{DataDir, DataDirError, ServeLock};
use crate::domain::channels::dispatch::{Dispatcher, Means};
use crate::domain::{ServiceError, Services};
use crate::mail::{Mailer, MailerError};
use crate::master_key::{self, MasterKeyError};
use crate::outbound::{Outbound, TrustError};
use crate::secret::Secret;
use crate::store::{OpenError, Store, StoreError};
use crate::tls::{Certificates, SharedTrust, TlsError};

/// A dashboard that is ready to accept.
pub struct Dashboard {
    config: Config,
    services: Services,
    certificates: Option<Certificates>,
    trust: Option<SharedTrust>,
    mailer: Option<Mailer>,
    dispatcher: Option<Dispatcher>,
    listener: Listener,
    internals: Option<Listener>,
    address: String,
    _lock: ServeLock,
}

/// Why the dashboard does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port or socket.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// Where.
        address: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// The routes or pages.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// What only shows once the socket is there.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// What the start has to read or write.
    #[error("the database cannot be used: {0}")]
    Service(#[from] ServiceError),
    /// What the start has to read.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The way out for mail.
    #[error(transparent)]
    Mail(#[from] MailerError),
    /// The CAs of receivers.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Dashboard {
    /// Opens everything and binds the port. Nothing is accepted yet.
    pub async fn open(mut config: Config, clock: Clock) -> Result<Self, StartError> {
        let data_dir = DataDir::create(&config.data_dir)?;
        let lock = data_dir.lock()?;
        let listener = bind(&config.listen)?;
        if config.tls == Tls::Proxy && !is_local(&listener) {
            return Err(ConfigError::ProxyNotLocal.into());
        }
        learn_port(&mut config, &listener);
        let internals = config.internals_listen.as_ref();
        let internals = internals
            .map(|listen| bind_own(listen.place()))
            .transpose()?;
        let store = Store::open(&data_dir.database())?;
        let certificates = Certificates::open(&config, &data_dir, &clock)?;
        let trust = certificates.as_ref().and_then(Certificates::trust);
        let sealer = master_key::open_or_make(&config, &data_dir, &store).await?;
        let (limits, times) = (config.limits, config.sessions);
        let services = Services::start(store.clone(), clock, limits, times, Some(sealer)).await?;
        services.open_alerts().await?;
        services.set_outbound_policy(config.outbound.policy.clone());
        warn_of_openings(&config);
        let dispatcher = dispatcher(&config, &services, store)?;
        let mailer = mailer(&config)?;
        let address = shown(&listener, certificates.is_some());
        Ok(Self {
            mailer,
            dispatcher,
            config,
            services,
            certificates,
            trust,
            listener,
            internals,
            address,
            _lock: lock,
        })
    }

    /// Where it listens, for people: `https://127.0.0.1:8443`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The configuration, with the port that the kernel chose.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The services.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// A new link that creates the first owner; none when there is an owner.
    pub async fn first_owner_link(&self) -> Result<Option<String>, StartError> {
        let link = self.services.first_owner_link().await?;
        let address = |token: Secret| {
            format!(
                "{}/first-owner/{}",
                self.config.public_url.as_str(),
                token.expose()
            )
        };
        Ok(link.map(address))
    }

    /// Serves until `stop` resolves; then everything accepted is written and the store closed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), StartError> {
        let (stopper, stopping) = watch::channel(false);
        let tls = match &self.certificates {
            Some(certificates) => Some(TlsAcceptor::from(certificates.server_config()?)),
            None => None,
        };
        let app = App::new(
            self.services.clone(),
            self.config.clone(),
            self.trust,
            stopping.clone(),
        )?;
        let acceptor = Acceptor {
            endpoint: Arc::new(routes(app)?),
            tls,
            limits: self.config.limits,
            trusted_proxies: self.config.trusted_proxies.clone(),
        };
        let clock = self.services.clock().clone();
        let certificates = self.certificates.map(|c| tokio::spawn(c.keep_fresh(clock)));
        let upkeep = tokio::spawn(self.services.clone().keep_clean());
        let folding = tokio::spawn(self.services.clone().keep_folded());
        let audit = tokio::spawn(self.services.clone().keep_audited());
        let alerts = tokio::spawn(self.services.clone().keep_alerted());
        let mail = self.mailer.and_then(|mailer| {
            let bag = self.services.open_post(&self.config.public_url)?;
            Some(match self.config.outbound.mode {
                OutboundMode::Inline => tokio::spawn(bag.deliver(mailer)),
                OutboundMode::Separate => tokio::spawn(bag.leave()),
            })
        });
        let dispatcher = self.dispatcher;
        let sending = { dispatcher.clone() }.map(|dispatcher| tokio::spawn(dispatcher.run()));
        let internals = self.internals.map(|listener| {
            let acceptor = internals_acceptor(&self.services, &self.config, &listener);
            tokio::spawn(super::listen::run(acceptor, listener, stopping.clone()))
        });
        let accepting = tokio::spawn(super::listen::run(acceptor, self.listener, stopping));

        stop.await;
        let _ = stopper.send(true);
        let _ = accepting.await;
        if let Some(internals) = internals {
            let _ = internals.await;
        }
        let own = [upkeep, folding, audit, alerts].map(Some);
        for task in own
            .into_iter()
            .chain([certificates, mail, sending])
            .flatten()
        {
            task.abort();
            let _ = task.await;
        }
        if let Err(error) = self.services.write_key_uses().await {
            tracing::warn!("cannot write down when agent keys were used: {error}");
        }
        if let Err(error) = self.services.keep_alert_states().await {
            tracing::warn!("cannot write down what led up to now: {error}");
        }
        if let Some(dispatcher) = dispatcher {
            dispatcher.stop().await;
        }
        self.services.finish();
        Ok(())
    }
}

/// Binds, or takes over what systemd has bound.
fn bind(listen: &Listen) -> Result<Listener, StartError> {
    let mut passed = listenfd::ListenFd::from_env();
    if passed.len() > 0 {
        return inherit(&mut passed).map_err(|error| cannot_bind(listen, &error));
    }
    bind_own(listen)
}

/// Binds, whatever systemd has passed.
fn bind_own(listen: &Listen) -> Result<Listener, StartError> {
    let bound = match listen {
        Listen::Tcp(address) => StdTcpListener::bind(address).and_then(tcp),
        Listen::Unix(path) => unix(path),
    };
    bound.map_err(|error| cannot_bind(listen, &error))
}

fn cannot_bind(listen: &Listen, error: &std::io::Error) -> StartError {
    StartError::Bind {
        address: match listen {
            Listen::Tcp(address) => address.to_string(),
            Listen::Unix(path) => path.display().to_string(),
        },
        reason: advice(error),
    }
}

/// What serves the operator's own listener: a few connections, without TLS, as nothing leaves the
/// machine.
fn internals_acceptor(services: &Services, config: &Config, listener: &Listener) -> Acceptor {
    let any_host = matches!(listener, Listener::Unix(_));
    Acceptor {
        endpoint: Arc::new(InternalsPage::new(services.clone(), any_host).boxed()),
        tls: None,
        limits: Limits {
            connections: INTERNALS_CONNECTIONS,
            ..config.limits
        },
        trusted_proxies: Vec::new(),
    }
}

/// Connections open at a time to the operator's own listener.
const INTERNALS_CONNECTIONS: usize = 16;

fn inherit(passed: &mut listenfd::ListenFd) -> std::io::Result<Listener> {
    if let Ok(Some(listener)) = passed.take_tcp_listener(0) {
        return tcp(listener);
    }
    match passed.take_unix_listener(0)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Listener::Unix(UnixListener::from_std(listener)?))
        }
        None => Err(std::io::Error::other("systemd passed no stream socket")),
    }
}

fn tcp(listener: StdTcpListener) -> std::io::Result<Listener> {
    listener.set_nonblocking(true)?;
    Ok(Listener::Tcp(TcpListener::from_std(listener)?))
}

fn unix(path: &Path) -> std::io::Result<Listener> {
    // A socket that an earlier run left behind is in the way; anything else is not ours to remove.
    if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = StdUnixListener::bind(path)?;
    // For the proxy, which has to be in our group: whoever connects here may say who they speak for.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    Ok(Listener::Unix(UnixListener::from_std(listener)?))
}

fn advice(error: &std::io::Error) -> String {
    if error.raw_os_error() == Some(libc::EAFNOSUPPORT) {
        return "this service may make no socket of the network; use unix:PATH".to_owned();
    }
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there already; stop it or set SERVERSCOUT_LISTEN".to_owned()
        }
        std::io::ErrorKind::PermissionDenied => {
            "that needs more rights than this user has; choose a port above 1023".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Whether only this machine can reach it, also when systemd has bound it.
fn is_local(listener: &Listener) -> bool {
    match listener {
        Listener::Tcp(listener) => listener
            .local_addr()
            .is_ok_and(|a| a.ip().to_canonical().is_loopback()),
        Listener::Unix(_) => true,
    }
}

/// The way out for mail, where the operator has named one. It greets with the dashboard's public name.
pub fn mailer(config: &Config) -> Result<Option<Mailer>, MailerError> {
    let greeting = config.public_url.host().map(|host| host.to_string());
    let open = |smtp| Mailer::open(smtp, greeting);
    config.smtp.as_ref().map(open).transpose()
}

/// What delivers to channels, where no other process does. Its clock and keys are those of the services.
fn dispatcher(
    config: &Config,
    services: &Services,
    store: Store,
) -> Result<Option<Dispatcher>, StartError> {
    if config.outbound.mode == OutboundMode::Separate {
        return Ok(None);
    }
    let ca_file = config.outbound.ca_file.as_deref();
    Ok(Some(Dispatcher::new(Means {
        store,
        sealer: services.sealer()?,
        clock: services.clock().clone(),
        outbound: Outbound::new(config.outbound.policy.clone(), ca_file)?,
        mailer: mailer(config)?,
        dashboard: config.public_url.as_str().to_owned(),
        holder: Dispatcher::DASHBOARD,
    })))
}

fn warn_of_openings(config: &Config) {
    let everybodys =
        { config.outbound.policy.opened.iter() }.any(|opening| opening.organisation.is_none());
    if everybodys {
        tracing::warn!(
            "SERVERSCOUT_OUTBOUND__ALLOW opens something to every organisation; put its name before it, as in Example=10.1.0.0/16"
        );
    }
}

/// With port 0 the public address is only known now.
fn learn_port(config: &mut Config, listener: &Listener) {
    let Listen::Tcp(asked) = &config.listen else {
        return;
    };
    let Listener::Tcp(listener) = listener else {
        return;
    };
    if asked.port() == 0
        && let Ok(address) = listener.local_addr()
        && config.public_url == PublicUrl::default()
    {
        config.public_url = PublicUrl::on_localhost(address.port());
    }
}

fn shown(listener: &Listener, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    match listener {
        Listener::Tcp(listener) => match listener.local_addr() {
            Ok(address) => format!("{scheme}://{address}"),
            Err(_) => scheme.to_owned(),
        },
        Listener::Unix(listener) => {
            let path = listener.local_addr().ok();
            let path = path.as_ref().and_then(|address| address.as_pathname());
            format!(
                "unix:{}",
                path.map(|path| path.display().to_string())
                    .unwrap_or_default()
            )
        }
    }
}

/// The signals that end the program, SIGTERM and SIGINT.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens from now on. To be called before anybody is told that the program runs: a signal
    /// that comes earlier ends it at once.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves when somebody wants the program to end.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
