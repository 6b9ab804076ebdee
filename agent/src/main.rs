//! The agent's entry: parse, start one thread's runtime, carry out one command.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use server_scout_agent::StartError;
use server_scout_agent::arguments::{Arguments, Command, HELP};
use server_scout_agent::config::{Environment, Settings};
use server_scout_agent::confine::{self, Needs};
use server_scout_agent::end::End;
use server_scout_agent::{check, enrol, log, report, run};

fn main() -> ExitCode {
    let result = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Arguments::Command {
            command,
            config,
            end_with_stdin,
        }) => carry_out(command, config.as_deref(), end_with_stdin),
        Ok(Arguments::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Arguments::Version) => {
            println!("server-scout-agent {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("server-scout-agent: {why}; --help shows what there is");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("server-scout-agent: {why}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command was carried out and its result is a failure.
fn carry_out(
    command: Command,
    config: Option<&Path>,
    end_with_stdin: bool,
) -> Result<bool, StartError> {
    let environment = Environment::of_process()?;
    let settings = Settings::load(config, &environment);
    if let Ok(settings) = &settings {
        log::start(settings.log());
    }
    // Before there is a second thread, and before the first byte of the network.
    let held = settings
        .as_ref()
        .ok()
        .and_then(|settings| Needs::of(&command, settings, &environment))
        .map(|needs| confine::enter(&needs));
    // One thread: an agent has nothing to do at the same time that takes long.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .thread_keep_alive(LOOKUP_THREAD_STAYS)
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        match command {
            Command::Run => {
                let end = End::new(end_with_stdin)?;
                run::run(&settings?, &environment, held.as_ref(), end)
                    .await
                    .map(|()| true)
            }
            Command::Report => report::report(&settings?).await.map(|()| true),
            Command::Enrol(options) => enrol::enrol(&options, &settings?).await.map(|()| true),
            Command::Check => check::check(settings, &environment, held.as_ref()).await,
            Command::CheckConfig => check::settings(&settings?).map(|()| true),
        }
    })
}

/// Looking up a name takes a thread, which is not needed again while the connection lasts.
const LOOKUP_THREAD_STAYS: Duration = Duration::from_secs(1);
