//! `notify`: the outbound work alone, beside a `serve` that then needs no way out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::clock::Clock;
use crate::config::{Config, OutboundMode};
use crate::data_dir::{DataDir, DataDirError};
use crate::domain::channels::dispatch::{Dispatcher, Means};
use crate::http::serve::{StopSignals, mailer};
use crate::id::Id;
use crate::outbound::Outbound;
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
    let (data_dir, store) = tokio::select! {
        opened = open(&config) => opened?,
        () = signals.wait() => return Ok(()),
    };
    let sealer = master_key::open(&config, &data_dir, &store).await?;
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

/// Opens the database, once `serve` has made it or brought it up to date, as both may be started together.
async fn open(config: &Config) -> anyhow::Result<(DataDir, Store)> {
    let begun = Instant::now();
    loop {
        let error = match DataDir::open(&config.data_dir) {
            Ok(data_dir) => match Store::open_existing(&data_dir.database()) {
                Ok(store) => return Ok((data_dir, store)),
                Err(error @ OpenError::Older(_)) => anyhow::Error::from(error),
                Err(error) => return Err(error.into()),
            },
            Err(error @ DataDirError::Missing(_)) => error.into(),
            Err(error) => return Err(error.into()),
        };
        if begun.elapsed() > PATIENCE {
            return Err(error);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// How long the dashboard may take to make its database ready.
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_millis(500);
