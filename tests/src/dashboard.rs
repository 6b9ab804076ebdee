//! A dashboard in a directory of its own, and its command line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Finished, Program, run};
use crate::wait::{PATIENCE, until};
use crate::{binaries, https};

/// How a dashboard is set up. Nothing of the test's own environment reaches it.
#[derive(Clone, Debug)]
pub struct Setup {
    home: Arc<TempDir>,
    data_dir: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Setup {
    /// An empty data directory to be, any free port of 127.0.0.1, else the defaults.
    #[must_use]
    pub fn new() -> Self {
        let home = tempfile::Builder::new()
            .prefix("server-scout-test-")
            .tempdir()
            .expect("a temporary directory can be made");
        let data_dir = home.path().join("data");
        let setup = Self {
            home: Arc::new(home),
            data_dir,
            environment: BTreeMap::new(),
        };
        let data_dir = setup.data_dir.display().to_string();
        setup
            .set("SERVERSCOUT_DATA_DIR", data_dir)
            .set("SERVERSCOUT_LISTEN", "127.0.0.1:0")
    }

    /// Sets one variable of the environment.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// With what the unit and the image set for the C library: fewer places to allocate from.
    #[must_use]
    pub fn as_shipped(self) -> Self {
        self.set("MALLOC_ARENA_MAX", "2")
    }

    /// Keeps the data in `data_dir`, which stays.
    #[must_use]
    pub fn at(mut self, data_dir: &Path) -> Self {
        data_dir.clone_into(&mut self.data_dir);
        self.set("SERVERSCOUT_DATA_DIR", data_dir.display().to_string())
    }

    /// A directory that lives as long as the dashboard, beside its data.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The files of the data directory, and of the directories in it.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut directories) = (Vec::new(), vec![self.data_dir.clone()]);
        while let Some(directory) = directories.pop() {
            let entries = std::fs::read_dir(&directory).expect("the directory can be read");
            for path in entries.map(|entry| entry.expect("an entry").path()) {
                let list = if path.is_dir() {
                    &mut directories
                } else {
                    &mut files
                };
                list.push(path);
            }
        }
        files
    }

    /// The dashboard's program with these arguments in this environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries::dashboard());
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .envs(&self.environment)
            .current_dir(self.home());
        command
    }

    /// Starts `server-scout serve` and says how it ended; for settings that cannot work.
    pub async fn serve_to_the_end(&self) -> Finished {
        run(self.command(&["serve"]), "", PATIENCE).await
    }

    /// Starts the dashboard and waits until it is ready.
    pub async fn start(self) -> Dashboard {
        let program = Program::start(self.command(&["serve"]));
        Dashboard::of(program, self).await
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

/// A dashboard that is ready.
#[derive(Debug)]
pub struct Dashboard {
    program: Program,
    setup: Setup,
    address: SocketAddr,
}

impl Dashboard {
    /// A fresh dashboard with the default settings.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// Waits until `program`, which was started with `setup`, is ready.
    pub async fn of(mut program: Program, setup: Setup) -> Self {
        let address = program.line("the address", PATIENCE, read_address).await;
        let mut dashboard = Self {
            program,
            setup,
            address,
        };
        dashboard.ready().await;
        dashboard
    }

    async fn ready(&mut self) {
        let client = self.client();
        let url = self.url("/readyz");
        for _ in 0..400 {
            let answer = client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "the dashboard listens but does not get ready{}",
            self.program.logs()
        );
    }

    /// The settings it was started with.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its process, to change it.
    pub fn program_mut(&mut self) -> &mut Program {
        &mut self.program
    }

    /// The CA that it made for itself.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.setup.data_dir().join("ca.pem")
    }

    /// `https://localhost:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The address of `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// A client that trusts this dashboard and nobody else.
    #[must_use]
    pub fn client(&self) -> reqwest::Client {
        https::client(&self.ca_file(), self.address)
    }

    /// A TLS connection to it, for single bytes.
    pub async fn connect(&self) -> https::Connection {
        https::Connection::open(&self.ca_file(), self.address).await
    }

    /// The token of the one-time link for the first owner that it printed.
    pub async fn first_owner_token(&mut self) -> String {
        self.program
            .line("the first owner's link", PATIENCE, read_first_owner_token)
            .await
    }

    /// Asks it to end, and waits.
    pub async fn stop(&mut self) -> ExitStatus {
        self.program.signal(Signal::TERM);
        self.program.end(PATIENCE).await
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts it again on the same data, after [`Dashboard::stop`] or [`Dashboard::kill`].
    pub async fn again(self) -> Self {
        self.setup.clone().start().await
    }

    /// Takes `program`, which serves the same organisation at `address`, for the dashboard, after
    /// [`Dashboard::stop`] or [`Dashboard::kill`].
    pub fn continue_as(&mut self, program: Program, address: SocketAddr) {
        self.program = program;
        self.address = address;
    }

    /// Runs one of its commands beside it.
    pub async fn command(&self, arguments: &[&str], input: &str) -> Finished {
        run(self.setup.command(arguments), input, PATIENCE).await
    }

    /// Creates a person, and the organisation when it is new.
    pub async fn add_user(&self, email: &str, organisation: &str, role: &str, password: &str) {
        let arguments = [
            "user",
            "add",
            "--email",
            email,
            "--organisation",
            organisation,
        ];
        let arguments = [&arguments[..], &["--role", role]].concat();
        let _ = self.command(&arguments, password).await.success();
    }

    /// Creates a server and returns its agent key.
    pub async fn add_server(&self, organisation: &str, name: &str) -> String {
        let arguments = [
            "server",
            "add",
            "--organisation",
            organisation,
            "--name",
            name,
        ];
        alone(&self.command(&arguments, "").await.success())
    }

    /// Creates an access token.
    pub async fn add_token(&self, email: &str, organisation: &str, scope: &str) -> String {
        let arguments = [
            "token",
            "add",
            "--email",
            email,
            "--organisation",
            organisation,
        ];
        let arguments = [&arguments[..], &["--scope", scope]].concat();
        alone(&self.command(&arguments, "").await.success())
    }

    /// Waits until `text` stands in its log.
    pub async fn logged(&self, text: &str) {
        until(
            &format!("{text:?} is logged{}", self.program.logs()),
            PATIENCE,
            async || self.program.stderr().contains(text).then_some(()),
        )
        .await;
    }
}

/// The address in the line `listening on https://127.0.0.1:PORT`.
#[must_use]
pub fn read_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on https://")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The token in a line that holds the first owner's link.
#[must_use]
pub fn read_first_owner_token(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("/first-owner/")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// The only line of `stdout`.
fn alone(stdout: &str) -> String {
    let mut lines = stdout.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    assert!(
        !line.is_empty() && lines.next().is_none(),
        "expected one line alone: {stdout:?}"
    );
    line
}
