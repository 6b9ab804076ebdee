//! `check`: would `run` work? Tests the configuration, TLS and the key, and stores nothing.

use std::io::{self, Write};

use crate::StartError;
use crate::config::{ConfigError, Environment, Settings};
use crate::dashboard::{Dashboard, Reply, Transport, Verdict};
use crate::key::{ApiKey, KeySource};
use crate::run::warn_if_exposed;

/// Prints one line for each step; false when a step failed.
pub async fn check(
    settings: Result<Settings, ConfigError>,
    environment: &Environment,
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

    fn failed(&mut self, step: &str, why: &str) -> Result<bool, StartError> {
        writeln!(self.0, "{step}: failed, {why}").map_err(StartError::Output)?;
        Ok(false)
    }
}
