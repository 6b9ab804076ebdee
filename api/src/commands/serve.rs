//! `serve`: the dashboard.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::clock::Clock;
use crate::config::{Config, OutboundMode, Tls};
use crate::confine;
use crate::http::serve::{Dashboard, StopSignals};
use crate::{master_key, systemd};

pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    prepare(&config);
    let mut signals = StopSignals::listen()?;
    let dashboard = Dashboard::open(config, Clock::system()).await?;
    if dashboard.config().outbound.mode == OutboundMode::Separate {
        give_up_the_way_out();
    }
    master_key::warn_of_its_place(dashboard.config());
    announce(&dashboard).await?;
    let services = dashboard.services().clone();
    let telling = tokio::spawn(systemd::keep_told(move || {
        let services = services.clone();
        async move { services.probe().await }
    }));
    let stop = async move {
        signals.wait().await;
        tracing::info!("stopping");
        telling.abort();
        let _ = telling.await;
        systemd::stopping();
    };
    dashboard.run(stop).await?;
    Ok(())
}

/// Another process sends, so this one needs no connection but those that come to it. What holds is logged.
fn give_up_the_way_out() {
    close_memory();
    match confine::refuse_connections() {
        Ok(()) => tracing::info!("the kernel refuses this process every outgoing connection"),
        Err(error) => tracing::warn!(
            "this process could still make outgoing connections, unless its service manager forbids them: {error}"
        ),
    }
}

/// Of two processes of one user, one must not be able to take what the other has.
pub(super) fn close_memory() {
    if let Err(error) = confine::close_memory() {
        tracing::warn!("other processes of this user can look into this one: {error}");
    }
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
