//! `notify`: the outbound work alone, beside a `serve` that then needs no way out.

use std::sync::Arc;

use anyhow::bail;

use crate::clock::Clock;
use crate::config::{Config, OutboundMode};
use crate::data_dir::DataDir;
use crate::domain::channels::dispatch::{Dispatcher, Means};
use crate::http::serve::{StopSignals, mailer};
use crate::id::Id;
use crate::master_key;
use crate::outbound::Outbound;
use crate::store::Store;

/// Sends until a signal comes. It reads neither the key of the certificate nor that of the CA.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    super::serve::prepare(&config);
    if config.outbound.mode != OutboundMode::Separate {
        bail!(
            "the dashboard sends by itself; set SERVERSCOUT_OUTBOUND__MODE=separate for both programs"
        );
    }
    let mut signals = StopSignals::listen()?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let store = Store::open_existing(&data_dir.database())?;
    let sealer = master_key::open(&config, &data_dir, &store).await?;
    let outbound = Outbound::new(
        config.outbound.policy.clone(),
        config.outbound.ca_file.as_deref(),
    )?;
    let dispatcher = Dispatcher::new(Means {
        store,
        sealer: Arc::new(sealer),
        clock: Clock::system(),
        outbound,
        mailer: mailer(&config)?,
        dashboard: config.public_url.as_str().to_owned(),
        holder: Id::<()>::random().as_i64(),
    });
    println!("sending");
    let sending = tokio::spawn(dispatcher.clone().run());
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    signals.wait().await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    sending.abort();
    let _ = sending.await;
    dispatcher.stop().await;
    Ok(())
}
