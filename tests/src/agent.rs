//! The agent, by command or running.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Finished, Program, run};
use crate::wait::PATIENCE;
use crate::{Fleet, binaries};

/// How an agent is set up. Nothing of the test's own environment reaches it.
#[derive(Debug)]
pub struct Agent {
    state: TempDir,
    environment: Vec<(String, String)>,
}

impl Agent {
    /// An agent for the fleet's first server, with everything in place.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self::new(
            &fleet.dashboard.origin(),
            &fleet.server.key,
            &fleet.dashboard.ca_file(),
        )
    }

    /// An agent that reports to `url` with `key` and trusts the certificates in `ca_file`.
    #[must_use]
    pub fn new(url: &str, key: &str, ca_file: &Path) -> Self {
        let state = tempfile::tempdir().expect("a temporary directory can be made");
        Self {
            state,
            environment: Vec::new(),
        }
        .set("SERVERSCOUT_URL", url)
        .set("SERVERSCOUT_API_KEY", key)
        .set(
            "SERVERSCOUT_CA_FILE",
            ca_file.to_str().expect("temporary paths are UTF-8"),
        )
    }

    /// Sets one variable of the environment.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves one variable away.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// The state directory.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// The agent's program with these arguments in this environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries::agent());
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.state_dir())
            .env("SERVERSCOUT_STATE_DIR", self.state_dir())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.state_dir());
        command
    }

    /// Runs `server-scout-agent` with these arguments to its end.
    pub async fn finish(&self, arguments: &[&str]) -> Finished {
        run(self.command(arguments), "", PATIENCE).await
    }

    /// Starts `server-scout-agent run`.
    #[must_use]
    pub fn start(&self) -> Program {
        Program::start(self.command(&["run"]))
    }
}
