//! systemd's units, asked over the system bus with calls that change nothing.

use std::io;

use server_scout_wire::{Fact, Host, Label, Metric, Report};
use zvariant::{OwnedObjectPath, Signature};

use super::bus::{Bus, Call};
use super::options::Services;
use super::root::Root;

/// Adds how many units failed or are changing and which of the chosen ones are active, and to `host`
/// which failed and how the host is as a whole. A host without systemd or without a bus is left out.
pub fn collect(root: &Root, services: &Services, report: &mut Report, host: &mut Host) {
    if let Err(why) = ask(root, services, report, host) {
        tracing::debug!(%why, "systemd cannot be asked about its units");
    }
}

fn ask(root: &Root, services: &Services, report: &mut Report, host: &mut Host) -> io::Result<()> {
    let mut bus = Bus::connect(root)?;
    let answer = bus.call(manager("ListUnitsFiltered"), &STATES.to_vec())?;
    let units: Vec<Unit> = answer.read()?;
    for state in STATES {
        let count = units.iter().filter(|unit| unit.3 == state).count();
        let label = Label::escaped(state).0;
        report.push(Metric::Units, Some(label), count as f64);
    }
    let failed = units.iter().filter(|unit| unit.3 == "failed");
    let failed: Vec<&str> = failed.map(|unit| unit.0.as_str()).collect();
    if !failed.is_empty() {
        host.set(Fact::FailedUnits, Label::escaped(&failed.join(", ")).0);
    }

    let (_, state): (Signature, String) = bus.call(PROPERTY, &(MANAGER, "SystemState"))?.read()?;
    host.set(Fact::SystemState, Label::escaped(&state).0);

    if !services.names().is_empty() {
        let answer = bus.call(manager("ListUnitsByNames"), &services.names().to_vec())?;
        for unit in answer.read::<Vec<Unit>>()? {
            let active = f64::from(u8::from(["active", "reloading"].contains(&unit.3.as_str())));
            report.push(
                Metric::ServiceActive,
                Some(Label::escaped(&unit.0).0),
                active,
            );
        }
    }
    Ok(())
}

/// Name, description, whether it is loaded, whether it is active, in which state of its own kind it
/// is, whom it follows, its path, and three things about its job.
type Unit = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

const fn manager(method: &'static str) -> Call {
    Call {
        service: SERVICE,
        path: PATH,
        interface: MANAGER,
        method,
        starts: false,
    }
}

const PROPERTY: Call = Call {
    service: SERVICE,
    path: PATH,
    interface: "org.freedesktop.DBus.Properties",
    method: "Get",
    starts: false,
};
const SERVICE: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// The states that are neither rest nor work.
const STATES: [&str; 5] = [
    "activating",
    "deactivating",
    "failed",
    "maintenance",
    "reloading",
];
