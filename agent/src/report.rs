//! `report`: one full report for people to look at. Nothing is sent.

use std::io::{self, Write};

use server_scout_wire::Identity;
use server_scout_wire::report::Boot;
use tokio::time::sleep;

use crate::StartError;
use crate::collect::{Collector, Due, Root};
use crate::config::Settings;
use crate::run::FIRST_READING;

/// Prints a report with every tier on standard output.
pub async fn report(settings: &Settings) -> Result<(), StartError> {
    let mut collector = Collector::new(Root::host(), settings.options().clone())?;
    sleep(FIRST_READING).await;
    let boot = Boot(getrandom::u64().map_err(StartError::Random)?);
    let report = collector.collect(Identity { boot, seq: 0 }, Due::ALL)?;
    let mut text =
        serde_json::to_vec_pretty(&report).map_err(|why| StartError::Output(why.into()))?;
    text.push(b'\n');
    io::stdout()
        .lock()
        .write_all(&text)
        .map_err(StartError::Output)
}
