//! `notify`: the outbound work alone, beside a `serve` that then needs no way out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use self::Unopened::{Never, NotYet};
use crate::clock::Clock;
use crate::config::{Config, OutboundMode};
use crate::data_dir::{DataDir, DataDirError};
use crate::domain::channels::dispatch::{Dispatcher, Means};
use crate::http::serve::{StopSignals, mailer};
use crate::id::Id;
use crate::outbound::Outbound;
use crate::sealing::Sealer;
use crate::store::{OpenError, Store, deliveries};
use crate::{master_key, systemd};

/// Sends until a signal comes. It reads neither the key of the certificate nor that of the CA.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    super::serve::prepare(&config);
    super::serve::close_memory();
    if config.outbound.mode != OutboundMode::Separate {
        bail!(
            "the dashboard sends by itself; set SERVERSCOUT_OUTBOUND__MODE=separate for both programs"
        );
    }
    let mut signals = StopSignals::listen()?;
    let (store, sealer) = tokio::select! {
        opened = open_in_time(&config) => opened?,
        () = signals.wait() => return Ok(()),
    };
    let outbound = Outbound::new(
        config.outbound.policy.clone(),
        config.outbound.ca_file.as_deref(),
    )?;
    let clock = Clock::system();
    let dispatcher = Dispatcher::new(Means {
        store: store.clone(),
        sealer: Arc::new(sealer),
        clock: clock.clone(),
        outbound,
        mailer: mailer(&config)?,
        dashboard: config.public_url.as_str().to_owned(),
        holder: Id::<()>::random().as_i64(),
    });
    println!("sending");
    let sending = tokio::spawn(dispatcher.clone().run());
    let telling = tokio::spawn(systemd::keep_told(move || {
        let (store, now) = (store.clone(), clock.now());
        async move { store.read(move |c| deliveries::is_leased(c, now)).await }
    }));
    signals.wait().await;
    systemd::stopping();
    for task in [sending, telling] {
        task.abort();
        let _ = task.await;
    }
    dispatcher.stop().await;
    Ok(())
}

/// Opens what `serve` makes and brings up to date, once it has, as both may be started together.
async fn open_in_time(config: &Config) -> anyhow::Result<(Store, Sealer)> {
    let begun = Instant::now();
    loop {
        match open(config).await {
            Err(NotYet(_)) if begun.elapsed() < PATIENCE => tokio::time::sleep(AGAIN).await,
            Err(NotYet(error) | Never(error)) => return Err(error),
            Ok(opened) => return Ok(opened),
        }
    }
}

async fn open(config: &Config) -> Result<(Store, Sealer), Unopened> {
    let data_dir = DataDir::open(&config.data_dir).map_err(|error| match error {
        DataDirError::Missing(_) => NotYet(error.into()),
        _ => Never(error.into()),
    })?;
    let store = Store::open_existing(&data_dir.database()).map_err(|error| match error {
        OpenError::Older(_) => NotYet(error.into()),
        _ => Never(error.into()),
    })?;
    // A key in the data directory is made after the database.
    let is_there = master_key::file(config, &data_dir).exists();
    let sealer = master_key::open(config, &data_dir, &store).await;
    let unopened = if is_there { Never } else { NotYet };
    Ok((store, sealer.map_err(|error| unopened(error.into()))?))
}

/// Why there is nothing to work with.
enum Unopened {
    /// The dashboard may be about to make it.
    NotYet(anyhow::Error),
    /// Waiting is no use.
    Never(anyhow::Error),
}

/// How long the dashboard may take to make its database and its key.
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_millis(500);
