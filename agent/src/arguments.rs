//! The command line.
//!
//! Read with a small parser: for five commands and a few options a large one would be a tenth of
//! the agent's size.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, ValueExt as _};

/// What the agent was asked to do.
#[derive(Debug, Eq, PartialEq)]
pub enum Arguments {
    /// Carry out a command.
    Command {
        /// Which one.
        command: Command,
        /// The configuration file.
        config: Option<PathBuf>,
        /// Whether `run` also ends when standard input does.
        end_with_stdin: bool,
    },
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// The commands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Test configuration, TLS and key, and store nothing.
    Check,
    /// Check the settings alone.
    CheckConfig,
    /// Exchange a code for this server's own key.
    Enrol(Enrol),
    /// Print one full report and send nothing.
    Report,
    /// Collect and push until told to end.
    Run,
}

/// What `enrol` is told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Enrol {
    /// The dashboard; without it, that of the settings.
    pub url: Option<String>,
    /// The code, or `-` for standard input.
    pub code: Option<String>,
    /// The file with the code.
    pub code_file: Option<PathBuf>,
    /// The CA to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether a key that is there is replaced.
    pub force: bool,
}

impl Arguments {
    /// Reads the arguments after the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let (mut command, mut config, mut end_with_stdin) = (None, None, false);
        let mut enrol = Enrol::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Short('h') | Arg::Long("help") => return Ok(Self::Help),
                Arg::Short('V') | Arg::Long("version") => return Ok(Self::Version),
                Arg::Long("config") if config.is_none() => {
                    config = Some(PathBuf::from(parser.value()?));
                }
                Arg::Long("end-with-stdin") => end_with_stdin = true,
                Arg::Long("url") => enrol.url = Some(parser.value()?.string()?),
                Arg::Long("code") => enrol.code = Some(parser.value()?.string()?),
                Arg::Long("code-file") => enrol.code_file = Some(parser.value()?.into()),
                Arg::Long("ca-file") => enrol.ca_file = Some(parser.value()?.into()),
                Arg::Long("force") => enrol.force = true,
                Arg::Value(name) if command.is_none() => {
                    command = Some(match name.to_str() {
                        Some("check") => Command::Check,
                        Some("check-config") => Command::CheckConfig,
                        Some("enrol") => Command::Enrol(Enrol::default()),
                        Some("report") => Command::Report,
                        Some("run") => Command::Run,
                        _ => return Err(Arg::Value(name).unexpected()),
                    });
                }
                other => return Err(other.unexpected()),
            }
        }
        let mut command = command
            .ok_or("no command is given; expected run, report, check, check-config or enrol")?;
        match &mut command {
            Command::Enrol(options) => *options = enrol,
            _ if enrol != Enrol::default() => {
                return Err(
                    "--url, --code, --code-file, --ca-file and --force belong to enrol".into(),
                );
            }
            Command::Check | Command::CheckConfig | Command::Report | Command::Run => {}
        }
        Ok(Self::Command {
            command,
            config,
            end_with_stdin,
        })
    }
}

/// What `--help` prints.
pub const HELP: &str = "\
Collects this host's metrics and pushes them to a Server Scout dashboard.

Usage: server-scout-agent [--config FILE] COMMAND

Commands:
  run           Collect and push until told to end
  report        Print one full report and send nothing
  check         Test configuration, TLS and key, and store nothing
  check-config  Check the settings alone; neither network nor key is needed
  enrol         Exchange a single-use code for this server's own key

Options:
  --config FILE      A TOML file with settings; the environment wins over it
  --end-with-stdin   run: end also when standard input does, for who starts the agent
  --url URL          enrol: the dashboard, https://HOST[:PORT]
  --code CODE        enrol: the code; - reads it from standard input
  --code-file FILE   enrol: reads the code from a file
  --ca-file FILE     enrol: the CA to trust instead of the system's
  --force            enrol: replace a key that is there
  -h, --help         Print this
  -V, --version      Print the version

Environment:
  SERVERSCOUT_URL                The dashboard, https://HOST[:PORT]
  SERVERSCOUT_API_KEY_FILE       The file with this server's key
  SERVERSCOUT_API_KEY            The key itself, instead of a file
  SERVERSCOUT_CA_FILE            The CA to trust instead of the system's
  SERVERSCOUT_INTERVAL_SECONDS   Seconds between two reports, 1 to 60; 5 by default
  SERVERSCOUT_SERVICES           systemd units whose state is reported, such as sshd,nginx
  SERVERSCOUT_WITHHOLD           What is not reported: any of sandbox, services, updates
  SERVERSCOUT_LOG                error, warn, info or debug; info by default
  SERVERSCOUT_STATE_DIR          Where reports wait that cannot be sent, and where enrol
                                 writes key, CA and address for run
";
