//! What the service manager is told. Without one, every function here does nothing.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

/// The program is about to end.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

/// Says that the program is ready, and from then on that it is alive, if that is asked for. `probe` ends
/// once it is; how it went does not matter.
pub async fn keep_told<F: Future + Send>(probe: impl Fn() -> F + Send) {
    tell(&NotifyState::Ready);
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval(limit / 2);
    loop {
        tick.tick().await;
        // A writer that hangs is not alive; a full disk is.
        if tokio::time::timeout(limit / 4, probe()).await.is_ok() {
            tell(&NotifyState::Watchdog);
        } else {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn tell(state: &NotifyState<'_>) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&socket, &state.to_string()) {
        tracing::debug!("the service manager could not be told: {error}");
    }
}

/// By address and without a connection, which the dashboard may have given up.
fn send(socket: &OsStr, message: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}
