//! The operator's commands. They work while the dashboard runs.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::access::{Role, TokenScope};
use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::domain::Services;
use crate::domain::acting::Acting;
use crate::domain::enrolments::EnrolmentFor;
use crate::http::App;
use crate::store::{self, Store};

/// Bytes of standard input that can be a password.
const MAX_INPUT: u64 = 4096;

pub(super) async fn add_person(
    config: Config,
    email: &str,
    organisation: &str,
    role: Option<Role>,
) -> anyhow::Result<()> {
    let services = open(&config).await?;
    let mut input = Zeroizing::new(String::new());
    std::io::stdin()
        .take(MAX_INPUT)
        .read_to_string(&mut input)
        .context("cannot read the password from standard input")?;
    let password = input.trim_end_matches(['\r', '\n']).to_owned();
    let role = services
        .add_person(email, organisation, role, password)
        .await?;
    services.finish();
    println!("added {email} to {organisation} as {role}");
    Ok(())
}

pub(super) async fn reset_second_factor(config: Config, email: &str) -> anyhow::Result<()> {
    let services = open(&config).await?;
    let there = services.reset_second_factor(email).await?;
    services.finish();
    let done = if there {
        "removed the second factors"
    } else {
        "there was no second factor"
    };
    println!("{done} of {email}; every session has ended");
    Ok(())
}

pub(super) async fn reset_link(config: Config, email: &str) -> anyhow::Result<()> {
    let services = open(&config).await?;
    let link = services.operator_reset_link(email).await?;
    services.finish();
    println!("{}/reset/{}", config.public_url.as_str(), link.expose());
    Ok(())
}

pub(super) async fn add_server(
    config: Config,
    organisation: &str,
    name: &str,
) -> anyhow::Result<()> {
    let services = open(&config).await?;
    let scope = services.operator_scope(organisation).await?;
    let acting = Acting::operator(scope);
    let (_, key) = services.add_server(&acting, name).await?;
    services.finish();
    println!("{}", key.expose());
    Ok(())
}

pub(super) async fn add_enrolment(
    config: Config,
    organisation: &str,
    name: Option<String>,
) -> anyhow::Result<()> {
    let trust = super::ca::trust(&config)?;
    let services = open(&config).await?;
    let scope = services.operator_scope(organisation).await?;
    let acting = Acting::operator(scope);
    let made = services
        .add_enrolment(&acting, EnrolmentFor::New(name))
        .await?;
    services.finish();
    println!("{}", made.shown(trust.as_deref()));
    Ok(())
}

pub(super) async fn add_token(
    config: Config,
    email: &str,
    organisation: &str,
    scope: TokenScope,
) -> anyhow::Result<()> {
    let services = open(&config).await?;
    let token = services.add_token(email, organisation, scope).await?;
    services.finish();
    println!("{}", token.expose());
    Ok(())
}

pub(super) fn backup(config: &Config, target: &Path) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&config.data_dir)?;
    if target.exists() {
        anyhow::bail!("{} exists already; choose another file", target.display());
    }
    store::backup_of(&data_dir.database(), target)
        .with_context(|| format!("cannot write the copy {}", target.display()))
}

pub(super) async fn openapi() -> anyhow::Result<()> {
    println!("{}", crate::http::api::document(shape().await?).trim_end());
    Ok(())
}

pub(super) async fn routes() -> anyhow::Result<()> {
    for route in crate::http::table(shape().await?)? {
        println!("{route}");
    }
    Ok(())
}

/// A dashboard without data, to be asked for its shape.
async fn shape() -> anyhow::Result<App> {
    let store = Store::in_memory()?;
    let config = Config::load(None)?;
    let (limits, times) = (config.limits, config.sessions);
    let services = Services::start(store, Clock::system(), limits, times, None).await?;
    let (_, stopping) = watch::channel(false);
    Ok(App::new(services, config, None, stopping)?)
}

async fn open(config: &Config) -> anyhow::Result<Services> {
    let data_dir = DataDir::open(&config.data_dir)?;
    let store = Store::open_existing(&data_dir.database())?;
    let (limits, times) = (config.limits, config.sessions);
    Ok(Services::start(store, Clock::system(), limits, times, None).await?)
}
