//! Where requests may go: to the public, and to what the operator opened for an organisation.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::Host;

use super::{Target, networks};

/// What may be reached. Made from the configuration alone; no page changes it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Ports besides those of what the operator opened.
    pub ports: Vec<u16>,
    /// What the operator opened.
    pub opened: Vec<Opening>,
}

/// Something inside that may be reached: `organisation=network`, `organisation=host`, or one of these
/// without an organisation, for all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// The organisation's name or id; none is everybody.
    pub organisation: Option<String>,
    /// What is open.
    pub place: Place,
}

/// A network or a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Whatever this name resolves to.
    Host(String),
    /// Every address within.
    Network(IpNet),
}

/// Who sends: what an opening may name.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The organisation's id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Why an address must not be reached. The words tell nothing of what is inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// An inside address.
    #[error("The address is not a public one; the operator has to allow it.")]
    NotPublic,
    /// A name without an address, with one inside, or unknown: which of these tells nobody anything.
    #[error("The name has no public address.")]
    NoPublicAddress,
    /// Another port.
    #[error("The port is not one that notifications may go to; the operator has to allow it.")]
    Port,
    /// In the clear to somewhere public.
    #[error("An address begins with https://.")]
    InTheClear,
}

impl Policy {
    /// Judges what can be judged before anything is looked up.
    pub fn check(&self, sender: Sender<'_>, target: &Target) -> Result<(), Refusal> {
        if let Some(address) = target.literal() {
            return self.check_addresses(sender, target, &[address]);
        }
        // Only an opening can excuse these, and an opened network shows with the addresses.
        let could_be_open = self.openings(sender).next().is_some();
        if could_be_open || (target.is_encrypted() && self.ports.contains(&target.port())) {
            return Ok(());
        }
        Err(if target.is_encrypted() {
            Refusal::Port
        } else {
            Refusal::InTheClear
        })
    }

    /// Whether an opening is for an organisation of this name, in capitals or not.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let mut organisations =
            { self.opened.iter() }.filter_map(|one| one.organisation.as_deref());
        organisations.any(|organisation| organisation.to_lowercase() == name)
    }

    /// Judges all addresses of the target's host: each must be allowed, so that nobody can hide one
    /// among others.
    pub fn check_addresses(
        &self,
        sender: Sender<'_>,
        target: &Target,
        addresses: &[IpAddr],
    ) -> Result<(), Refusal> {
        if addresses.is_empty() {
            return Err(Refusal::NoPublicAddress);
        }
        if addresses
            .iter()
            .all(|address| self.is_open(sender, target, *address))
        {
            return Ok(());
        }
        if !addresses
            .iter()
            .all(|address| networks::is_public(*address))
        {
            return Err(if target.literal().is_some() {
                Refusal::NotPublic
            } else {
                Refusal::NoPublicAddress
            });
        }
        if !target.is_encrypted() {
            return Err(Refusal::InTheClear);
        }
        if self.ports.contains(&target.port()) {
            Ok(())
        } else {
            Err(Refusal::Port)
        }
    }

    fn is_open(&self, sender: Sender<'_>, target: &Target, address: IpAddr) -> bool {
        let address = networks::canonical(address);
        self.openings(sender).any(|place| match place {
            Place::Host(name) => {
                matches!(target.host(), Host::Domain(host) if same_name(host, name))
            }
            Place::Network(network) => network.contains(&address),
        })
    }

    fn openings<'a>(&'a self, sender: Sender<'a>) -> impl Iterator<Item = &'a Place> {
        let is_for = move |opening: &&Opening| match opening.organisation.as_deref() {
            None => true,
            Some(organisation) => organisation == sender.id || organisation == sender.name,
        };
        self.opened
            .iter()
            .filter(is_for)
            .map(|opening| &opening.place)
    }
}

/// A dot at the end says only that the name is whole.
fn same_name(host: &str, name: &str) -> bool {
    host.strip_suffix('.').unwrap_or(host) == name
}

impl Default for Policy {
    /// Public addresses by HTTPS at its own port, and nothing else.
    fn default() -> Self {
        Self {
            ports: vec![443],
            opened: Vec::new(),
        }
    }
}

impl FromStr for Opening {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (organisation, place) = match text.rsplit_once('=') {
            Some((organisation, place)) => (Some(organisation.trim()), place.trim()),
            None => (None, text.trim()),
        };
        if organisation.is_some_and(str::is_empty) {
            return Err(());
        }
        let network = place
            .parse()
            .or_else(|_| place.parse::<IpAddr>().map(IpNet::from));
        let place = match network {
            Ok(network) => Place::Network(network),
            Err(_) => match Host::parse(place) {
                Ok(Host::Domain(name)) if !name.is_empty() => {
                    Place::Host(name.strip_suffix('.').unwrap_or(&name).to_owned())
                }
                _ => return Err(()),
            },
        };
        Ok(Self {
            organisation: organisation.map(ToOwned::to_owned),
            place,
        })
    }
}
