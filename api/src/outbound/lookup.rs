//! Looking up a name, with a bound on how many look-ups are under way.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::OutboundError;

/// Looks up names as the host does, which is with its hosts file and its resolver.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    seats: Arc<Semaphore>,
}

impl Lookup {
    pub(super) fn new() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
        }
    }

    /// Every address of a name.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, OutboundError> {
        let look_up = async {
            let seat = Arc::clone(&self.seats).acquire_owned().await;
            let host = host.to_owned();
            tokio::task::spawn_blocking(move || {
                // The system's look-up cannot be called off: the seat is taken until it ends.
                let _seat = seat;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok::<_, std::io::Error>(found.map(|found: SocketAddr| found.ip()).collect())
            })
            .await
        };
        match tokio::time::timeout(PATIENCE, look_up).await {
            Ok(Ok(Ok(addresses))) => Ok(addresses),
            Ok(Ok(Err(_)) | Err(_)) => Err(OutboundError::Lookup),
            Err(_) => Err(OutboundError::TimedOut("the look-up of the name")),
        }
    }
}

/// Look-ups at a time; more wait.
const SEATS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);
