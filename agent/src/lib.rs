#![doc = include_str!("../README.md")]

pub mod arguments;
pub mod backoff;
pub mod bundle;
pub mod check;
pub mod collect;
pub mod config;
pub mod confine;
pub mod connection;
pub mod dashboard;
pub mod end;
pub mod enrol;
pub mod failure;
pub mod journal;
pub mod key;
pub mod keyring;
pub mod log;
pub mod pin;
pub mod push;
pub mod report;
pub mod run;
pub mod spool;
pub mod state;
pub mod systemd;
pub mod tiers;
pub mod tls;
pub mod trust;
pub mod watched;

use std::io;

/// Why a command could not be carried out. One line for people.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The host cannot be read.
    #[error(transparent)]
    Collect(#[from] collect::CollectError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// No key was got for a code.
    #[error(transparent)]
    Enrol(#[from] enrol::EnrolError),
    /// The key is missing or wrong.
    #[error(transparent)]
    Key(#[from] key::KeyError),
    /// The result cannot be printed.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The runtime cannot be made.
    #[error("the runtime cannot be set up: {0}")]
    Runtime(io::Error),
    /// Signals cannot be listened to.
    #[error("cannot listen to signals: {0}")]
    Signal(io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
}
