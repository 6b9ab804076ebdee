//! `check`: would `run` work? Tests the configuration, TLS and the key, says how the agent is confined, and
//! stores nothing.

use std::io::{self, Write};

use server_scout_wire::report::Boot;
use server_scout_wire::{Fact, Host, Identity, Report, Timestamp};

use crate::StartError;
use crate::collect::{Root, sandbox};
use crate::config::{ConfigError, Environment, Settings};
use crate::confine::Held;
use crate::connection::Reply;
use crate::dashboard::{Dashboard, Transport, Verdict};
use crate::key::{ApiKey, KeySource};
use crate::run::warn_if_exposed;

/// Prints one line for each step and for each part of the sandbox; false when a step failed. A part that
/// is missing is no failure: an older kernel has fewer, and outside of the unit there are fewer, too.
pub async fn check(
    settings: Result<Settings, ConfigError>,
    environment: &Environment,
    held: Option<&Held>,
) -> Result<bool, StartError> {
    let mut steps = Steps(io::stdout().lock());
    let (mut dashboard, key, source) = match prepare(settings, environment) {
        Ok(prepared) => prepared,
        Err(why) => return steps.failed("configuration", &why.to_string()),
    };
    steps.ok(
        "configuration",
        &format!("the dashboard is {}", dashboard.host()),
    )?;
    warn_if_exposed(&source, environment);
    for (part, text, holds) in sandbox(held) {
        steps.part(part, &text, holds)?;
    }

    // An empty batch stores nothing, and is refused without a good key.
    let reply = match dashboard.post(&key, b"[]").await {
        Ok(reply) => reply,
        Err(failure) => return steps.failed("connection", &failure.to_string()),
    };
    steps.ok("connection", "TLS is verified")?;
    judge(reply, &source, dashboard.host(), &mut steps)
}

/// `check-config`: whether the settings can be used, for who builds a host without running it.
pub fn settings(settings: &Settings) -> Result<(), StartError> {
    let url = settings.url()?;
    Steps(io::stdout().lock()).ok("configuration", &format!("the dashboard is {url}"))
}

fn prepare(
    settings: Result<Settings, ConfigError>,
    environment: &Environment,
) -> Result<(Dashboard, ApiKey, KeySource), StartError> {
    let settings = settings?;
    let url = settings.url()?;
    let source = settings.key_source(environment)?;
    let key = source.read()?;
    let dashboard = Dashboard::new(&url, settings.anchor())?;
    Ok((dashboard, key, source))
}

/// The parts of the sandbox, what the kernel says of each, and whether it holds.
fn sandbox(held: Option<&Held>) -> Vec<(&'static str, String, bool)> {
    let identity = Identity {
        boot: Boot(0),
        seq: 0,
    };
    let mut host = Host::default();
    let mut unsent = Report::new(Timestamp::now(), identity);
    let landlock = held.map(|held| held.landlock);
    let root = Root::host();
    sandbox::collect(&root, landlock, &mut Vec::new(), &mut unsent, &mut host);
    let mut parts: Vec<_> = host
        .facts()
        .filter_map(|(fact, text)| {
            let (_, part, holds) = PARTS.iter().find(|(of, _, _)| *of == fact)?;
            Some((*part, text.as_str().to_owned(), holds(text.as_str())))
        })
        .collect();
    if let Some(held) = held {
        let dumps = held.no_dump.is_ok();
        let text = if dumps { "impossible" } else { "possible" };
        parts.push(("memory dumps", text.to_owned(), dumps));
    }
    parts
}

fn judge(
    reply: Reply,
    source: &KeySource,
    host: &str,
    steps: &mut Steps<impl Write>,
) -> Result<bool, StartError> {
    match reply.judge(0) {
        Verdict::Judged(_) => {
            steps.ok("key", "the dashboard accepts it")?;
            Ok(true)
        }
        Verdict::KeyRefused { .. } => steps.failed("key", &source.explain_refusal()),
        Verdict::Later(later) => steps.failed("dashboard", &later.explain(host)),
        Verdict::Unacceptable(why) => steps.failed("dashboard", &why.explain(host)),
    }
}

struct Steps<W>(W);

impl<W: Write> Steps<W> {
    fn ok(&mut self, step: &str, what: &str) -> Result<(), StartError> {
        writeln!(self.0, "{step}: ok, {what}").map_err(StartError::Output)
    }

    fn part(&mut self, part: &str, text: &str, holds: bool) -> Result<(), StartError> {
        let word = if holds { "holds" } else { "missing" };
        writeln!(self.0, "sandbox, {part}: {word}, {text}").map_err(StartError::Output)
    }

    fn failed(&mut self, step: &str, why: &str) -> Result<bool, StartError> {
        writeln!(self.0, "{step}: failed, {why}").map_err(StartError::Output)?;
        Ok(false)
    }
}

/// A fact about the sandbox, what it is called here, and when it holds.
type Part = (Fact, &'static str, fn(&str) -> bool);

const PARTS: [Part; 8] = [
    (Fact::SandboxCapabilities, "capabilities", |text| {
        text == "none"
    }),
    (Fact::SandboxFileSystem, "file system", |text| {
        text == "read-only"
    }),
    (Fact::SandboxLandlock, "Landlock", |text| {
        text.starts_with("files")
    }),
    (Fact::SandboxMemory, "memory", |text| text != "unlimited"),
    (Fact::SandboxNewPrivileges, "new privileges", |text| {
        text == "impossible"
    }),
    (Fact::SandboxProcesses, "processes of others", |text| {
        text == "hidden"
    }),
    (Fact::SandboxSystemCalls, "system calls", |text| {
        text != "unfiltered"
    }),
    (Fact::SandboxUser, "user", |text| text == "another"),
];
