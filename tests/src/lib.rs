//! The means of the end-to-end tests: real programs, real TLS, real files.
//!
//! * [`binaries`]: where the programs under test are.
//! * [`process`]: one started program, its output and its end.
//! * [`dashboard`]: a dashboard in a directory of its own, and its command line.
//! * [`database`]: its database file, beside it.
//! * [`fleet`]: a dashboard with an owner, a token and servers, ready for reports.
//! * [`agent`]: the agent, by command or running.
//! * [`https`]: clients that trust one dashboard alone, down to single bytes.
//! * [`person`]: somebody with a session, as a browser without script would act.
//! * [`authenticator`]: an authenticator app.
//! * [`lying_network`]: a network of its own, whose names lie.
//! * [`postbox`]: a mail server that shows what it was given.
//! * [`report`]: reports to send.
//! * [`simulator`]: many agents in one process.
//! * [`certificates`] and [`sink`]: certificates of every kind, and a server that shows them.
//! * [`gate`]: a receiver that stops where the test wants it to, or never behaves.
//! * [`browser`]: Chromium that trusts one dashboard's CA.
//! * [`client`]: the generated client.
//! * [`machine`]: a Debian with systemd in a container.
//! * [`measure`]: what a process costs.
//! * [`wait`]: waiting with a deadline.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test fails by panicking, with the programs' logs; nothing here serves anybody else"
)]

pub mod agent;
pub mod authenticator;
pub mod binaries;
pub mod browser;
pub mod certificates;
pub mod client;
pub mod dashboard;
pub mod database;
pub mod fleet;
pub mod gate;
mod groups;
pub mod https;
pub mod lying_network;
pub mod machine;
pub mod measure;
pub mod person;
pub mod postbox;
pub mod process;
pub mod report;
pub mod simulator;
pub mod sink;
pub mod wait;

pub use agent::Agent;
pub use dashboard::Dashboard;
pub use database::Database;
pub use fleet::Fleet;
pub use machine::{Machine, Release};
pub use person::Person;
pub use postbox::Postbox;
pub use process::Program;
pub use simulator::SimulatedAgent;
