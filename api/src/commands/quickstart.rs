//! `quickstart`: the dashboard, and an agent for this machine as a program of its own beside it.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::{Child, Command};

use crate::clock::Clock;
use crate::config::{Config, Listen, PublicUrl};
use crate::data_dir::DataDir;
use crate::domain::names::Name;
use crate::domain::principal::{Credential, Principal};
use crate::http::serve::{Dashboard, StopSignals};

const AGENT: &str = "server-scout-agent";
/// The agent's state directory in ours. It reads that and nothing else of the data directory; what lies in it
/// is named as `enrol` names it.
const STATE_DIR: &str = "agent";
const KEY_FILE: &str = "agent/api-key";
const CA_FILE: &str = "agent/ca.pem";

pub(super) async fn run(
    data_dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
) -> anyhow::Result<()> {
    let mut config = Config::load(None)?;
    if let Some(data_dir) = data_dir {
        config.data_dir = data_dir;
    }
    if let Some(listen) = listen {
        if config.public_url == PublicUrl::default() && listen.port() != 0 {
            config.public_url = PublicUrl::on_localhost(listen.port());
        }
        config.listen = Listen::Tcp(listen);
    }
    // Two programs write to this terminal; people want the link, not the details.
    config.log = config.log.min(tracing::Level::WARN);
    super::serve::prepare(&config);
    let mut signals = StopSignals::listen()?;
    let agent = find_agent()?;
    let dashboard = Dashboard::open(config, Clock::system()).await?;
    prepare_server(&dashboard).await?;

    super::serve::announce(&dashboard).await?;
    let mut child = start_agent(&agent, &dashboard)?;
    // `wait` would close it, and with it end the agent.
    let _pipe = child.stdin.take();
    println!("an agent reports for this machine; Ctrl-C ends both");

    let stop = async {
        tokio::select! {
            () = signals.wait() => {}
            status = child.wait() => {
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                eprintln!("server-scout: the agent ended ({status}); the dashboard goes on without it");
                signals.wait().await;
            }
        }
        end_agent(&mut child).await;
    };
    dashboard.run(stop).await?;
    Ok(())
}

/// Beside this program, else on PATH.
fn find_agent() -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .map(|program| program.with_file_name(AGENT));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join(AGENT));
    beside
        .into_iter()
        .chain(on_path)
        .find(|candidate| candidate.is_file())
        .with_context(|| {
            format!("{AGENT} is neither beside this program nor on PATH; build or install it")
        })
}

/// Makes sure that this machine is a server with a key that counts, and that its agent has that key and
/// knows whom to trust.
async fn prepare_server(dashboard: &Dashboard) -> anyhow::Result<()> {
    let services = dashboard.services();
    let data_dir = DataDir::open(&dashboard.config().data_dir)?;
    let state_dir = data_dir.file(STATE_DIR);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&state_dir)
        .with_context(|| format!("cannot make {}", state_dir.display()))?;
    if let Some(ca) = data_dir.read("ca.pem")? {
        data_dir.write(CA_FILE, &ca)?;
    }
    let kept = data_dir
        .read(KEY_FILE)?
        .and_then(|key| String::from_utf8(key).ok());
    if let Some(key) = kept {
        let known = services
            .authenticate(&Credential::AgentKey(key.trim().to_owned()))
            .await?;
        if matches!(known, Some(Principal::Agent(_))) {
            return Ok(());
        }
    }
    let host = rustix::system::uname();
    let name = Name::from_hostname(&host.nodename().to_string_lossy());
    let scope = services
        .quickstart_organisation(&Name::parse("organisation", "My servers")?)
        .await?;
    let key = services.local_server(scope, &name).await?;
    data_dir.write(KEY_FILE, key.expose().as_bytes())?;
    Ok(())
}

fn start_agent(agent: &PathBuf, dashboard: &Dashboard) -> anyhow::Result<Child> {
    let config = dashboard.config();
    let data_dir = std::path::absolute(&config.data_dir)?;
    Command::new(agent)
        // It ends with us, however we end: it sees our end of the pipe go.
        .args(["run", "--end-with-stdin"])
        // What is in our environment is not the agent's business.
        .env_clear()
        .env("SERVERSCOUT_URL", config.public_url.as_str())
        .env("SERVERSCOUT_STATE_DIR", data_dir.join(STATE_DIR))
        .env("SERVERSCOUT_LOG", "warn")
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        // Ctrl-C is for us; we tell the agent.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", agent.display()))
}

/// Asks the agent to end, and waits a little for its last reports.
async fn end_agent(child: &mut Child) {
    let process = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let Some(process) = process else { return };
    let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    let patience = std::time::Duration::from_secs(5);
    if tokio::time::timeout(patience, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
