//! A dashboard that has given up its way out still answers, and connects to nothing by any road. Each
//! attempt is made by a process of its own, once with the filter and once without, where all of it works.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use rustix::net::{AddressFamily, SendFlags, SocketType};
use server_scout::confine;
use tempfile::TempDir;

/// Ways to somebody else, and what else would lead there.
const ROADS: [&str; 8] = [
    "connect",
    "connect from a thread of before",
    "connect a socket of before",
    "connect a socket that was accepted",
    "send on the way to a connection",
    "a datagram",
    "a local service",
    "a process that it starts",
];
/// What a dashboard goes on with.
const WORK: [&str; 4] = ["accept", "answer", "tell the service manager", "a thread"];

#[test]
fn no_road_leads_out_and_the_work_goes_on() {
    let place = tempfile::tempdir().unwrap();
    for road in ROADS {
        assert_eq!(attempt(&place, road, true), "PermissionDenied", "{road}");
    }
    for work in WORK {
        assert_eq!(attempt(&place, work, true), "done", "{work}");
    }
}

#[test]
fn without_the_filter_every_road_is_open() {
    let place = tempfile::tempdir().unwrap();
    for attempted in ROADS.iter().chain(&WORK) {
        assert_eq!(attempt(&place, attempted, false), "done", "{attempted}");
    }
}

#[test]
fn the_memory_is_closed_to_others_of_the_same_user() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(attempt(&place, "memory", true), "NotDumpable");
    assert_eq!(attempt(&place, "memory", false), "Dumpable");
}

/// What comes of an attempt in a process of its own.
fn attempt(place: &TempDir, what: &str, confined: bool) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "alone", "--ignored", "--nocapture"])
        .env("ATTEMPT", what)
        .env("PLACE", place.path())
        .env("CONFINED", confined.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| line.split_once("-> "));
    said.unwrap_or_else(|| panic!("{what}: {text}{output:?}"))
        .1
        .to_owned()
}

/// Not a test: what the others start.
#[test]
#[ignore = "the other tests start it as a process of its own"]
fn alone() {
    let attempt = std::env::var("ATTEMPT").unwrap();
    let place = std::env::var("PLACE").unwrap();
    let before = Before::new(Path::new(&place));
    if std::env::var("CONFINED").unwrap() == "true" {
        confine::close_memory().unwrap();
        confine::refuse_connections().unwrap();
    }
    if attempt == "memory" {
        return println!("-> {:?}", rustix::process::dumpable_behavior().unwrap());
    }
    let result = before.attempt(&attempt);
    let said = result.map_or_else(|why| format!("{:?}", why.kind()), |()| "done".to_owned());
    println!("-> {said}");
}

/// What a dashboard has before it gives up its way out.
struct Before {
    listener: TcpListener,
    elsewhere: SocketAddr,
    socket: OwnedFd,
    accepted: TcpStream,
    client: TcpStream,
    thread: mpsc::Sender<mpsc::Sender<io::Result<()>>>,
    manager: UnixDatagram,
    manager_path: PathBuf,
    _waiting: TcpStream,
    _other: TcpListener,
}

impl Before {
    fn new(place: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let elsewhere = other.local_addr().unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (thread, asked) = mpsc::channel::<mpsc::Sender<io::Result<()>>>();
        std::thread::spawn(move || {
            for answer in asked {
                answer
                    .send(TcpStream::connect(elsewhere).map(drop))
                    .unwrap();
            }
        });
        let manager_path = place.join(format!("manager-{}", std::process::id()));
        Self {
            listener,
            elsewhere,
            socket: rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap(),
            accepted,
            client,
            thread,
            manager: UnixDatagram::bind(&manager_path).unwrap(),
            manager_path,
            _waiting: waiting,
            _other: other,
        }
    }

    fn attempt(mut self, what: &str) -> io::Result<()> {
        let SocketAddr::V4(elsewhere) = self.elsewhere else {
            panic!("{} is not of version 4", self.elsewhere)
        };
        match what {
            "connect" => TcpStream::connect(elsewhere).map(drop),
            "connect from a thread of before" => {
                let (answer, said) = mpsc::channel();
                self.thread.send(answer).unwrap();
                said.recv().unwrap()
            }
            "connect a socket of before" => Ok(rustix::net::connect(&self.socket, &elsewhere)?),
            "connect a socket that was accepted" => {
                rustix::net::connect_unspec(&self.accepted)?;
                Ok(rustix::net::connect(&self.accepted, &elsewhere)?)
            }
            "send on the way to a connection" => {
                let connects = SendFlags::from_bits_retain(0x2000_0000);
                rustix::net::sendto(&self.socket, b"text", connects, &elsewhere)?;
                Ok(())
            }
            "a datagram" => UdpSocket::bind("127.0.0.1:0").map(drop),
            "a local service" => UnixDatagram::unbound()?.connect(&self.manager_path),
            "a process that it starts" => {
                let port = elsewhere.port();
                let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
                let status = Command::new("bash").args(["-c", &script]).status()?;
                let refused = io::Error::from(io::ErrorKind::PermissionDenied);
                status.success().then_some(()).ok_or(refused)
            }
            "accept" => self.listener.accept().map(drop),
            "answer" => {
                self.accepted.write_all(b"text")?;
                let mut read = [0; 4];
                self.client.read_exact(&mut read)
            }
            "tell the service manager" => {
                UnixDatagram::unbound()?.send_to(b"WATCHDOG=1", &self.manager_path)?;
                let mut read = [0; 16];
                assert_eq!(self.manager.recv(&mut read)?, 10);
                Ok(())
            }
            "a thread" => std::thread::Builder::new()
                .spawn(|| ())
                .map(|thread| thread.join().unwrap()),
            _ => panic!("nobody knows how to {what}"),
        }
    }
}
