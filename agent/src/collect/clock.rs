//! Whether the clock is right.

use std::io;

use server_scout_wire::{Metric, Report};
use zvariant::Signature;

use super::bus::{Bus, Call};
use super::root::Root;
use super::surroundings::is_in_container;

/// Adds whether the clock is synchronised: what the kernel says, whatever keeps it, where the bus
/// answers, else what the service manager's own client wrote. A host that has neither is left out.
pub fn collect(root: &Root, report: &mut Report) {
    let synchronised = match ask(root) {
        // The kernel may have been forbidden to tell, and then looks as if nothing kept the clock.
        Ok(false) if is_in_container(root) => None,
        Ok(synchronised) => Some(synchronised),
        Err(why) => {
            tracing::debug!(%why, "systemd cannot be asked about the clock");
            client(root)
        }
    };
    if let Some(synchronised) = synchronised {
        let value = f64::from(u8::from(synchronised));
        report.push(Metric::ClockSynchronised, None, value);
    }
}

fn ask(root: &Root) -> io::Result<bool> {
    let mut bus = Bus::connect(root)?;
    let answer = bus.call(PROPERTY, &(SERVICE, "NTPSynchronized"))?;
    match answer.read()? {
        (Signature::Bool, synchronised) => Ok(synchronised),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// What systemd-timesyncd wrote; none where it does not run.
fn client(root: &Root) -> Option<bool> {
    let directory = root.path("run/systemd/timesync");
    let is_there = directory.exists();
    is_there.then(|| directory.join("synchronized").exists())
}

/// A read of a property changes nothing. Nobody runs the service all the time, so it is started.
const PROPERTY: Call = Call {
    service: SERVICE,
    path: "/org/freedesktop/timedate1",
    interface: "org.freedesktop.DBus.Properties",
    method: "Get",
    starts: true,
};
const SERVICE: &str = "org.freedesktop.timedate1";
