//! Looking up a name, with a bound on how many look-ups are under way, in all and of each sender.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{OutboundError, Refusal};

/// Looks up names as the host does, which is with its hosts file and its resolver.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    seats: Arc<Semaphore>,
    /// Of each sender that looks something up, by its id.
    own_seats: Arc<Mutex<HashMap<String, Weak<Semaphore>>>>,
}

impl Lookup {
    pub(super) fn new() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
            own_seats: Arc::default(),
        }
    }

    /// Every address of a name, looked up for a sender.
    pub(super) async fn addresses(
        &self,
        sender: &str,
        host: &str,
    ) -> Result<Vec<IpAddr>, OutboundError> {
        let look_up = async {
            let own_seat = self.own_seats(sender).acquire_owned().await;
            let seat = Arc::clone(&self.seats).acquire_owned().await;
            let host = host.to_owned();
            tokio::task::spawn_blocking(move || {
                // The system's look-up cannot be called off: the seats are taken until it ends.
                let _seats = (own_seat, seat);
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok::<_, std::io::Error>(found.map(|found: SocketAddr| found.ip()).collect())
            })
            .await
        };
        match tokio::time::timeout(PATIENCE, look_up).await {
            Ok(Ok(Ok(addresses))) => Ok(addresses),
            Ok(Ok(Err(_)) | Err(_)) => Err(Refusal::NoPublicAddress.into()),
            Err(_) => Err(OutboundError::TimedOut("the look-up of the name")),
        }
    }

    /// The seats of a sender, so that names of one that nobody answers for delay no other.
    fn own_seats(&self, sender: &str) -> Arc<Semaphore> {
        let mut all = { self.own_seats.lock() }.unwrap_or_else(PoisonError::into_inner);
        if let Some(seats) = all.get(sender).and_then(Weak::upgrade) {
            return seats;
        }
        all.retain(|_, seats| seats.strong_count() > 0);
        let seats = Arc::new(Semaphore::new(OWN_SEATS));
        all.insert(sender.to_owned(), Arc::downgrade(&seats));
        seats
    }
}

/// Look-ups at a time, each on a thread; more wait.
const SEATS: usize = 24;
/// Of one sender.
const OWN_SEATS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(5);
