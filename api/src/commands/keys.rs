//! The master key's and the audit log's commands.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::domain::Services;
use crate::domain::audit::KnownHead;
use crate::master_key::{self, Rotation};
use crate::secret::{Purpose, Secret};
use crate::store::Store;

/// Checks every chain. An error when one is broken.
pub(super) async fn verify_audit(config: Config, heads: Vec<KnownHead>) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&config.data_dir)?;
    let store = Store::open_existing(&data_dir.database())?;
    let sealer = Some(master_key::open(&config, &data_dir, &store).await?);
    let (limits, times) = (config.limits, config.sessions);
    let services = Services::start(store, Clock::system(), limits, times, sealer).await?;
    let findings = services.verify_audit(heads).await?;
    services.finish();
    let mut broken = 0;
    for finding in &findings {
        let words = match &finding.broken {
            None => format!("whole, {} events, head {}", finding.events, finding.head),
            Some(problem) => {
                broken += 1;
                format!("BROKEN: {problem}")
            }
        };
        println!("{} {words}", named(&finding.chain));
    }
    if broken > 0 {
        bail!("{broken} of {} audit chains are broken", findings.len());
    }
    Ok(())
}

fn named(chain: &str) -> String {
    if chain.bytes().all(|digit| digit == b'0') {
        "installation".to_owned()
    } else {
        format!("organisation {chain}")
    }
}

/// A fresh master key for an operator who keeps it apart from the data: printed, or in a file.
pub(super) fn new_master_key(file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else {
        println!("{}", Secret::generate(Purpose::MasterKey).expose());
        return Ok(());
    };
    let made = master_key::make_at(file)?;
    let what = if made { "wrote" } else { "there is already" };
    println!("{what} the master key {}", file.display());
    Ok(())
}

/// Seals every secret under a new master key, while the dashboard runs. With `new_file` the key is
/// written there, for an operator who keeps it elsewhere; the dashboard must stand still for that.
pub(super) async fn rotate_master_key(
    config: Config,
    new_file: Option<PathBuf>,
) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&config.data_dir)?;
    let stopped = new_file.as_ref().map(|_| data_dir.lock()).transpose();
    let _stopped =
        stopped.context("the dashboard cannot know of a key in another file; stop it first")?;
    let store = Store::open_existing(&data_dir.database())?;
    let present = master_key::file(&config, &data_dir);
    master_key::settle(&present, &store).await?;
    let rotation = Rotation::prepare(present.clone(), new_file.clone())?;
    let (limits, times) = (config.limits, config.sessions);
    let services = Services::start(store.clone(), Clock::system(), limits, times, None).await?;
    let rotated = services.rotate_master_key(rotation).await;
    // Also after a failure: the file must be the one that fits.
    master_key::settle(&present, &store).await?;
    let count = rotated?;
    drop(store);
    services.finish();
    println!("{count} secrets are sealed under the new master key");
    if let Some(file) = new_file {
        println!(
            "it is in {}; let SERVERSCOUT_MASTER_KEY_FILE lead to it, then start the dashboard",
            file.display()
        );
    }
    Ok(())
}
