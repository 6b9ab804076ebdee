//! `serve`: the dashboard.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::clock::Clock;
use crate::config::{Config, Tls};
use crate::http::serve::{Dashboard, StopSignals, tell_systemd};
use crate::master_key;

pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    prepare(&config);
    let mut signals = StopSignals::listen()?;
    let dashboard = Dashboard::open(config, Clock::system()).await?;
    master_key::warn_of_its_place(dashboard.config());
    announce(&dashboard).await?;
    let systemd = tokio::spawn(tell_systemd(dashboard.services().clone()));
    let stop = async move {
        signals.wait().await;
        tracing::info!("stopping");
        systemd.abort();
        let _ = systemd.await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    };
    dashboard.run(stop).await?;
    Ok(())
}

/// What the process itself needs before anything is opened.
pub(super) fn prepare(config: &Config) {
    tracing_subscriber::fmt()
        .with_max_level(config.log)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    // A thousand agents need a thousand descriptors; what the system allows is ours to use.
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
    if raised.is_err() {
        tracing::warn!("cannot raise the limit of open files");
    }
}

/// Says where it listens and, while there is no owner, how to become one. The link is for the
/// person at the terminal, so it goes to standard output and never to the log.
pub(super) async fn announce(dashboard: &Dashboard) -> anyhow::Result<()> {
    println!("listening on {}", dashboard.address());
    if dashboard.config().tls == Tls::SelfSigned {
        let ca = dashboard.config().data_dir.join("ca.pem");
        println!(
            "agents and browsers trust it with the CA in {}",
            ca.display()
        );
    }
    if let Some(link) = dashboard.first_owner_link().await? {
        println!("no owner yet; within an hour, open this link once to create the first one:");
        println!("{link}");
    }
    Ok(())
}
