//! The log: one line an event, to standard error.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;

/// Sends events of `level` and above to standard error. Colour is for terminals; where a journal
/// reads along, it knows the time itself.
pub fn start(level: LevelFilter) {
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init();
    } else {
        log.init();
    }
}
