//! What the agent gives up once it knows what it was told, and before it hears anything from the network.
//!
//! The unit's sandbox again, from within, so that it holds without systemd, too. What is given up here
//! comes back for no thread of the process. A kernel that cannot do a part of it does the rest, and
//! [`Held`] says so.

mod calls;
mod files;
mod filter;
mod needs;

pub use self::files::Landlock;
pub use self::filter::FilterError;
pub use self::needs::Needs;

use std::io;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::state::State;

/// What holds of this process from now on.
#[derive(Debug)]
pub struct Held {
    /// Files and ports.
    pub landlock: Landlock,
    /// System calls are filtered.
    pub filter: Result<(), FilterError>,
    /// No program that it runs can give it privileges.
    pub no_new_privileges: io::Result<()>,
    /// Its memory ends in no file, and nobody of the same user can look into it.
    pub no_dump: io::Result<()>,
}

/// Gives up everything but `needs`, for this thread and all that it starts. To be called while there is
/// no other thread.
#[must_use]
pub fn enter(needs: &Needs) -> Held {
    if needs.makes_state_dir
        && let Some(path) = &needs.state_dir
    {
        // Who needs it later says why it cannot be made.
        let _ = State::at(path).create();
    }
    let held = Held {
        no_new_privileges: rustix::thread::set_no_new_privs(true).map_err(Into::into),
        no_dump: set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Into::into),
        landlock: files::enter(needs),
        // The last, as the others are calls that it forbids.
        filter: filter::enter(needs.gives_away),
    };
    held.log();
    held
}

impl Held {
    /// One line for what holds, and one for each part that does not.
    fn log(&self) {
        for (what, why) in [
            (
                "new privileges",
                self.no_new_privileges
                    .as_ref()
                    .err()
                    .map(ToString::to_string),
            ),
            (
                "memory dumps",
                self.no_dump.as_ref().err().map(ToString::to_string),
            ),
            (
                "system calls",
                self.filter.as_ref().err().map(ToString::to_string),
            ),
        ] {
            if let Some(why) = why {
                tracing::warn!("the agent cannot give up {what}: {why}");
            }
        }
        match self.landlock {
            Landlock::Unavailable => tracing::warn!(
                "this kernel has no Landlock, so what the agent can read is up to its user and its unit"
            ),
            Landlock::Unused => tracing::warn!(
                "Landlock is refused here, so what the agent can read is up to its user and its unit"
            ),
            landlock => tracing::debug!("Landlock holds: {}", landlock.as_str()),
        }
    }
}
