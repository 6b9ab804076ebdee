//! A network where every address is this machine and names lie: `tests/lying-network`, a program of its own.

use std::net::{IpAddr, TcpListener};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::checkout;
use crate::certificates::Authority;
use crate::process::Program;
use crate::wait::PATIENCE;

/// What names of this network end in.
pub const DOMAIN: &str = "liar.example";

/// A name and what it stands for, look-up after look-up. The last one stays.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Addresses; a name among them is one that this one stands for, and what follows is that one's.
    pub stands_for: Vec<Vec<String>>,
}

/// A network of its own. It ends when dropped, and so does the way out of whoever is in it.
#[derive(Debug)]
pub struct LyingNetwork {
    program: Program,
    _directory: TempDir,
    /// Lines that tell of its own beginning.
    begun: usize,
}

impl LyingNetwork {
    /// Makes a network of these names, with a listener that shows a certificate of `authority` for all of
    /// them. Each of `traps` was arrived at once before.
    pub async fn start(authority: &Authority, names: &[Name], traps: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let file = |name: &str| directory.path().join(name);
        let leaf = authority.leaf(&[&format!("*.{DOMAIN}"), "localhost", "127.0.0.1"]);
        leaf.write(&file("certificate.pem"), &file("key.pem"));
        let zone: serde_json::Map<String, Value> = { names.iter() }
            .map(|name| (name.name.clone(), json!(name.stands_for)))
            .collect();
        let zone = json!({ "names": zone, "traps": traps });
        std::fs::write(file("zone.json"), zone.to_string()).expect("the zone can be written");
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "--net"])
            .arg(checkout().join("tests/lying-network"))
            .arg(directory.path());
        let mut program = Program::start(command);
        program
            .line("the network", PATIENCE, |line| {
                parsed(line)?.get("ready").cloned()
            })
            .await;
        let mut network = Self {
            program,
            _directory: directory,
            begun: 0,
        };
        let arrived = network.connected();
        for trap in traps {
            let trap: IpAddr = trap.parse().expect("an address");
            let trap = if trap.is_unspecified() {
                loopback(trap)
            } else {
                trap
            };
            assert!(
                arrived.contains(&trap.to_canonical()),
                "{trap}: {arrived:?}"
            );
        }
        network.begun = network.program.stdout().lines().count();
        network
    }

    /// `command`, to be run within.
    #[must_use]
    pub fn within(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside
            .args(["--target", &self.program.id().to_string()])
            .args(["--user", "--mount", "--net", "--preserve-credentials"])
            .arg(command.get_program())
            .args(command.get_args());
        take_over(&mut inside, command);
        inside
    }

    /// Starts `command` within, with a listener of the outside that is passed as systemd does it.
    #[must_use]
    pub fn serve_within(&self, command: &Command, listener: TcpListener) -> Program {
        let mut passing = Command::new("/bin/sh");
        passing
            .args(["-c", PASS, "sh"])
            .arg(command.get_program())
            .args(command.get_args());
        take_over(&mut passing, command);
        Program::start_reading(self.within(&passing), std::os::fd::OwnedFd::from(listener))
    }

    /// The addresses that somebody arrived at, in turn.
    #[must_use]
    pub fn connected(&self) -> Vec<IpAddr> {
        let connected = |line: Value| line["connected"].as_str()?.parse().ok();
        self.told().into_iter().filter_map(connected).collect()
    }

    /// The names in the requests that came, in turn.
    #[must_use]
    pub fn requested(&self) -> Vec<String> {
        let requested = |line: Value| Some(line["requested"].as_str()?.to_owned());
        self.told().into_iter().filter_map(requested).collect()
    }

    /// How often a name was looked up.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        let told = self.told();
        let asked = |line: &&Value| line["asked"] == name && line["type"] == "A";
        told.iter().filter(asked).count()
    }

    fn told(&self) -> Vec<Value> {
        let out = self.program.stdout();
        out.lines().skip(self.begun).filter_map(parsed).collect()
    }
}

fn parsed(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// Where a connection to no address arrives.
fn loopback(unspecified: IpAddr) -> IpAddr {
    match unspecified {
        IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

/// Environment of one command for another.
fn take_over(command: &mut Command, of: &Command) {
    command.env_clear();
    for (name, value) in of.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
}

/// Makes the standard input the first passed socket of this very process.
const PASS: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 0</dev/null"#;
