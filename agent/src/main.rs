//! The command line of the agent.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server_scout_agent::StartError;
use server_scout_agent::config::{Environment, Settings};
use server_scout_agent::{check, log, report, run};

/// Collects this host's metrics and pushes them to a Server Scout dashboard.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A TOML file with settings; variables SERVERSCOUT_* win over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Collect and push until told to end.
    Run,
    /// Print one full report and send nothing.
    Report,
    /// Test configuration, TLS and key, and store nothing.
    Check,
}

fn main() -> ExitCode {
    match carry_out(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("server-scout-agent: {why}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command was carried out and its result is a failure.
fn carry_out(arguments: &Arguments) -> Result<bool, StartError> {
    let environment = Environment::of_process()?;
    let settings = Settings::load(arguments.config.as_deref(), &environment);
    if let Ok(settings) = &settings {
        log::start(settings.log());
    }
    // One thread: an agent has nothing to do at the same time that takes long.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        match arguments.command {
            Command::Run => run::run(&settings?, &environment).await.map(|()| true),
            Command::Report => {
                settings?;
                report::report().await.map(|()| true)
            }
            Command::Check => check::check(settings, &environment).await,
        }
    })
}
