//! The command line.

mod admin;
mod ca;
mod healthcheck;
mod keys;
mod notify;
mod quickstart;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::access::{Role, TokenScope};
use crate::config::{CONFIG_VARIABLE, Config};
use crate::domain::audit::KnownHead;

/// Server Scout watches a fleet of Linux servers.
#[derive(Debug, Parser)]
#[command(name = "server-scout", version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a dashboard and an agent for this machine together.
    Quickstart {
        /// Where the data goes.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Address and port to listen on.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Run the dashboard.
    Serve(FileArgs),
    /// Deliver to channels, beside a dashboard that does not.
    Notify(FileArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print every route and who may use it.
    Routes,
    /// Check the settings of `serve` alone, without a data directory.
    CheckConfig(FileArgs),
    /// Exit with status 0 when the dashboard is ready.
    Healthcheck {
        /// The dashboard's address; where it listens on this machine unless said otherwise.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The CA to trust; unless said otherwise the dashboard's own, or the system's and that of its
        /// certificate file.
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
        #[command(flatten)]
        file: FileArgs,
    },
    /// People.
    #[command(subcommand)]
    User(UserCommand),
    /// Servers.
    #[command(subcommand)]
    Server(ServerCommand),
    /// Access tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// The dashboard's own certificate authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The key that seals secrets.
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Write a consistent copy of the database, also while the dashboard runs.
    Backup {
        /// The copy; it must not exist yet.
        target: PathBuf,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a person; the password is read from standard input. Whoever has an account already keeps
    /// its password: give none.
    Add {
        /// The person's e-mail address.
        #[arg(long)]
        email: String,
        /// The organisation; made when it is new.
        #[arg(long)]
        organisation: String,
        /// owner, admin, member or viewer; owner of a new organisation, else viewer.
        #[arg(long)]
        role: Option<Role>,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Remove every second factor of somebody who has lost them, and end their sessions.
    ResetSecondFactor {
        /// The person's e-mail address.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Print a link, once, with which a person chooses another password within an hour.
    ResetLink {
        /// The person's e-mail address.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Subcommand)]
enum ServerCommand {
    /// Add a server; prints its agent key, once.
    Add {
        /// The organisation.
        #[arg(long)]
        organisation: String,
        /// The server's name.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Make a code with which an agent enrols as a new server; prints it, once.
    Enrol {
        /// The organisation.
        #[arg(long)]
        organisation: String,
        /// The server's name; its host's unless said otherwise.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Subcommand)]
enum CaCommand {
    /// Replace it: put the next one beside it, which takes its place after 30 days.
    Rotate {
        /// Let the next one take its place now.
        #[arg(long)]
        finish: bool,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Add an access token for a member; prints it, once.
    Add {
        /// The member's e-mail address.
        #[arg(long)]
        email: String,
        /// The organisation.
        #[arg(long)]
        organisation: String,
        /// read, write, admin or metrics.
        #[arg(long)]
        scope: TokenScope,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check every chain; says where one is broken, and exits with status 1 then.
    Verify {
        /// A head that the service log told earlier, CHAIN:COUNT:SEAL; may be given several times.
        #[arg(long, value_name = "HEAD")]
        head: Vec<KnownHead>,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Subcommand)]
enum MasterKeyCommand {
    /// Print a new master key, alone on standard output, for a file or a credential that
    /// `SERVERSCOUT_MASTER_KEY_FILE` leads to. Nothing is stored.
    New {
        /// Write it to this file instead, unless there is a master key in it already.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Seal every secret under a new master key, also while the dashboard runs.
    Rotate {
        /// Write the new key to this file instead of replacing the present one; the dashboard must
        /// be stopped.
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Args, Clone, Debug)]
struct FileArgs {
    /// A configuration file, TOML; the environment wins over it.
    #[arg(long, value_name = "FILE", env = CONFIG_VARIABLE)]
    config: Option<PathBuf>,
}

impl FileArgs {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

/// Runs the command that was asked for.
#[must_use]
pub fn main() -> ExitCode {
    // What this program makes is for its own user alone, whatever the umask was.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let command_line = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let outcome = runtime.block_on(run(command_line.command));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Quickstart { data_dir, listen } => quickstart::run(data_dir, listen).await,
        Command::Serve(file) => serve::run(file.load()?).await,
        Command::Notify(file) => notify::run(file.load()?).await,
        Command::Openapi => admin::openapi().await,
        Command::Routes => admin::routes().await,
        Command::CheckConfig(file) => {
            file.load()?;
            println!("the configuration can be used");
            Ok(())
        }
        Command::Healthcheck { url, ca_file, file } => {
            healthcheck::run(&file.load()?, url, ca_file).await
        }
        Command::User(UserCommand::Add {
            email,
            organisation,
            role,
            file,
        }) => admin::add_person(file.load()?, &email, &organisation, role).await,
        Command::User(UserCommand::ResetSecondFactor { email, file }) => {
            admin::reset_second_factor(file.load()?, &email).await
        }
        Command::User(UserCommand::ResetLink { email, file }) => {
            admin::reset_link(file.load()?, &email).await
        }
        Command::Server(ServerCommand::Add {
            organisation,
            name,
            file,
        }) => admin::add_server(file.load()?, &organisation, &name).await,
        Command::Server(ServerCommand::Enrol {
            organisation,
            name,
            file,
        }) => admin::add_enrolment(file.load()?, &organisation, name).await,
        Command::Ca(CaCommand::Rotate { finish, file }) => ca::rotate(&file.load()?, finish),
        Command::Token(TokenCommand::Add {
            email,
            organisation,
            scope,
            file,
        }) => admin::add_token(file.load()?, &email, &organisation, scope).await,
        Command::Audit(AuditCommand::Verify { head, file }) => {
            keys::verify_audit(file.load()?, head).await
        }
        Command::MasterKey(MasterKeyCommand::New { file }) => keys::new_master_key(file.as_deref()),
        Command::MasterKey(MasterKeyCommand::Rotate { new_key_file, file }) => {
            keys::rotate_master_key(file.load()?, new_key_file).await
        }
        Command::Backup { target, file } => admin::backup(&file.load()?, &target),
    }
}

/// One line, with the causes behind it where they say more.
fn fail(error: &anyhow::Error) -> ExitCode {
    let line = format!("{error:#}").replace(['\n', '\r'], " ");
    eprintln!("server-scout: {line}");
    ExitCode::FAILURE
}
