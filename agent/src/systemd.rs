//! What the service manager is told. Without one, every function here does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The configuration is good and the first report is collected.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// One line about how things are, for `systemctl status`.
pub fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// The agent is about to end.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// The agent lives.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// How often the service manager expects to hear [`alive`]; twice as often as it would lose patience.
#[must_use]
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled()
        .map(|patience| patience / 2)
        .filter(|period| !period.is_zero())
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager could not be notified");
    }
}
