//! What the agent asks of systemd over the bus, and what it makes of strange answers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use server_scout_agent::collect::{Root, units};
use server_scout_wire::report::Boot;
use server_scout_wire::{Fact, Host, Identity, Label, Metric, Report, Timestamp};
use tempfile::TempDir;
use zvariant::serialized::Context;
use zvariant::{BE, Endian, LE, ObjectPath, to_bytes};

#[test]
fn units_are_counted_and_those_that_failed_are_named() {
    for order in [LE, BE] {
        let bus = Bus::start(vec![
            signal(order),
            answer(order, &"a name of the connection"),
            answer(
                order,
                &[
                    unit("nginx.service", "failed"),
                    unit("a.mount", "activating"),
                    unit("b.service", "failed"),
                ]
                .to_vec(),
            ),
            answer(order, &text("degraded")),
            answer(
                order,
                &[
                    unit("sshd.service", "active"),
                    unit("gone.service", "inactive"),
                ]
                .to_vec(),
            ),
        ]);
        let (report, host) = bus.collect("sshd,gone");
        assert_eq!(value(&report, Metric::Units, "failed"), Some(2.0));
        assert_eq!(value(&report, Metric::Units, "activating"), Some(1.0));
        assert_eq!(value(&report, Metric::Units, "reloading"), Some(0.0));
        assert_eq!(
            value(&report, Metric::ServiceActive, "sshd.service"),
            Some(1.0)
        );
        assert_eq!(
            value(&report, Metric::ServiceActive, "gone.service"),
            Some(0.0)
        );
        assert_eq!(
            host.get(Fact::FailedUnits).unwrap().as_str(),
            "nginx.service, b.service"
        );
        assert_eq!(host.get(Fact::SystemState).unwrap().as_str(), "degraded");
        let asked = bus.asked();
        for only_reads in ["Hello", "ListUnitsFiltered", "Get", "ListUnitsByNames"] {
            assert!(asked.contains(only_reads), "{only_reads}");
        }
    }
}

#[test]
fn what_is_no_answer_is_left_out() {
    let hello = || answer(LE, &"name");
    let mut too_long = answer(LE, &"x");
    too_long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut no_order = answer(LE, &"x");
    no_order[0] = b'x';
    let mut error = answer(LE, &"x");
    error[1] = 3;
    for wrong in [
        vec![],
        vec![hello()],
        vec![hello(), error],
        vec![hello(), too_long],
        vec![hello(), no_order],
        vec![hello(), answer(LE, &"no array of units")],
        vec![hello(), answer(LE, &7_u8)],
        vec![hello(), vec![0; 16]],
    ] {
        let (report, host) = Bus::start(wrong).collect("");
        assert!(report.samples().is_empty() && host.facts().count() == 0);
    }
}

#[test]
fn a_bus_that_is_silent_or_refuses_holds_nobody_up() {
    let start = Instant::now();
    let (report, _) = Bus::speaking(b"REJECTED EXTERNAL\r\n", vec![]).collect("");
    assert!(report.samples().is_empty());
    let (report, _) = Bus::speaking(&[b'x'; 1000], vec![]).collect("");
    assert!(report.samples().is_empty());
    assert!(start.elapsed() < Duration::from_secs(1));

    let tree = tempfile::tempdir().unwrap();
    let _silent = listen(tree.path());
    assert!(collect(tree.path(), "").0.samples().is_empty());
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_host_without_a_bus_is_left_out() {
    let tree = tempfile::tempdir().unwrap();
    let (report, host) = collect(tree.path(), "sshd");
    assert!(report.samples().is_empty() && host.facts().count() == 0);
}

/// A bus that answers whatever is asked with what it was given, in order.
struct Bus {
    tree: TempDir,
    heard: JoinHandle<String>,
}

impl Bus {
    fn start(answers: Vec<Vec<u8>>) -> Self {
        Self::speaking(b"OK 0123456789abcdef0123456789abcdef\r\n", answers)
    }

    fn speaking(greeting: &'static [u8], answers: Vec<Vec<u8>>) -> Self {
        let tree = tempfile::tempdir().unwrap();
        let listener = listen(tree.path());
        let heard = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(&stream, greeting, &answers)
        });
        Self { tree, heard }
    }

    fn collect(&self, services: &str) -> (Report, Host) {
        collect(self.tree.path(), services)
    }

    fn asked(self) -> String {
        self.heard.join().unwrap()
    }
}

fn serve(mut stream: &UnixStream, greeting: &[u8], answers: &[Vec<u8>]) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).unwrap();
    assert!(line.starts_with(b"\0AUTH EXTERNAL "));
    let _ = stream.write_all(greeting);
    let _ = stream.write_all(&answers.concat());
    // Whoever asks hears no more than that.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut asked = Vec::new();
    let _ = reader.read_to_end(&mut asked);
    String::from_utf8_lossy(&asked).into_owned()
}

fn listen(tree: &Path) -> UnixListener {
    let directory = tree.join("run/dbus");
    fs::create_dir_all(&directory).unwrap();
    UnixListener::bind(directory.join("system_bus_socket")).unwrap()
}

fn collect(tree: &Path, services: &str) -> (Report, Host) {
    let identity = Identity {
        boot: Boot(1),
        seq: 0,
    };
    let mut report = Report::new(Timestamp::from_millis(0), identity);
    let mut host = Host::default();
    let services = services.parse().unwrap();
    units::collect(&Root::at(tree), &services, &mut report, &mut host);
    (report, host)
}

fn value(report: &Report, metric: Metric, label: &str) -> Option<f64> {
    let label = Some(Label::new(label).unwrap());
    let mut samples = report.samples().iter();
    let sample = samples.find(|sample| sample.metric == metric && sample.label == label);
    sample.map(|sample| sample.value)
}

type Unit = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    ObjectPath<'static>,
    u32,
    &'static str,
    ObjectPath<'static>,
);

fn unit(name: &'static str, active: &'static str) -> Unit {
    let path = || ObjectPath::from_static_str("/org/freedesktop/systemd1/unit/x").unwrap();
    (name, "", "loaded", active, "", "", path(), 0, "", path())
}

fn text(text: &str) -> zvariant::Value<'_> {
    zvariant::Value::new(text)
}

fn answer<T: serde::Serialize + zvariant::Type>(order: Endian, body: &T) -> Vec<u8> {
    message(order, 2, body)
}

fn signal(order: Endian) -> Vec<u8> {
    message(order, 4, &":1.7")
}

/// A message with a field that nobody looks at.
fn message<T: serde::Serialize + zvariant::Type>(order: Endian, kind: u8, body: &T) -> Vec<u8> {
    let context = Context::new_dbus(order, 0);
    let body = to_bytes(context, body).unwrap();
    let letter = if order == LE { b'l' } else { b'B' };
    let length = u32::try_from(body.len()).unwrap();
    let fields = vec![(5_u8, zvariant::Value::U32(1))];
    let head = (letter, kind, 0_u8, 1_u8, length, 1_u32, fields);
    let mut message = to_bytes(context, &head).unwrap().to_vec();
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend_from_slice(&body);
    message
}
