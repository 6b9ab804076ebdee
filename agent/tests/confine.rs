//! What the agent gives up after its start is gone, and what it needs stays. Each attempt is made by a
//! process of its own, which confines itself as `run` does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, kill_process};
use server_scout_agent::arguments::{Command, Enrol};
use server_scout_agent::config::{Environment, Settings};
use server_scout_agent::confine::{self, Landlock, Needs};
use tempfile::TempDir;

/// A place for one agent: its state, its key, somebody else's files, a dashboard's port.
struct Place {
    home: TempDir,
    dashboard: TcpListener,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for (directory, file) in [("state", "note"), ("keys", "key"), ("private", "letter")] {
            fs::create_dir(home.path().join(directory)).unwrap();
            fs::write(home.path().join(directory).join(file), "ssa_text").unwrap();
        }
        Self {
            home,
            dashboard: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    /// Makes the attempts in a process that has confined itself, and says what came of them.
    fn attempt(&self, attempts: &[&str]) -> Output {
        self.process(attempts).output().unwrap()
    }

    fn process(&self, attempts: &[&str]) -> Process {
        let port = self.dashboard.local_addr().unwrap().port();
        let mut process = Process::new(std::env::current_exe().unwrap());
        process
            .args(["--exact", "confined", "--ignored", "--nocapture"])
            .env("ATTEMPTS", attempts.join(","))
            .env("PLACE", self.home.path())
            .env("SERVERSCOUT_URL", format!("https://localhost:{port}"))
            .env(
                "SERVERSCOUT_API_KEY_FILE",
                self.home.path().join("keys/key"),
            )
            .env("SERVERSCOUT_STATE_DIR", self.home.path().join("state"));
        process
    }

    fn results(&self, attempts: &[&str]) -> Vec<String> {
        Self::results_of(attempts, &self.attempt(attempts))
    }

    fn results_of(attempts: &[&str], output: &Output) -> Vec<String> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{output:?}");
        let results: Vec<String> = text
            .lines()
            .filter_map(|line| Some(line.split_once("-> ")?.1.to_owned()))
            .collect();
        assert_eq!(results.len(), attempts.len(), "{text}");
        results
    }

    fn assert_all(&self, attempts: &[&str], expected: &str) {
        for (attempt, result) in attempts.iter().zip(self.results(attempts)) {
            assert_eq!(result, expected, "{attempt}");
        }
    }
}

#[test]
fn what_the_agent_needs_still_works() {
    let place = Place::new();
    place.assert_all(
        &[
            "read /etc/passwd",
            "read /proc/self/status",
            "read /proc/1/stat",
            // A static agent finds its random numbers there.
            "random /dev/urandom",
            "random /dev/random",
            "read PLACE/state/note",
            "read PLACE/keys/key",
            "list /proc",
            "list /sys/class",
            "write PLACE/state/new",
            "spool PLACE/state",
            "connect dashboard",
            "datagram",
            "lookup localhost",
            "thread",
        ],
        "done",
    );
}

#[test]
fn files_of_others_are_closed() {
    let place = Place::new();
    place.assert_all(
        &[
            "read PLACE/private/letter",
            "list PLACE/private",
            "list /",
            "list /root",
            "list /home",
            "list /tmp",
            "write PLACE/private/new",
            "write PLACE/keys/new",
            "write /etc/server-scout-new",
            "write /tmp/server-scout-new",
            "socket PLACE/state/socket",
        ],
        "PermissionDenied",
    );
}

#[test]
fn no_other_port_can_be_reached_or_listened_on() {
    let place = Place::new();
    place.assert_all(&["connect elsewhere", "listen"], "PermissionDenied");
}

#[test]
fn what_is_beyond_its_purpose_is_as_if_the_kernel_had_none_of_it() {
    let place = Place::new();
    place.assert_all(
        &[
            "start a program",
            "signal parent",
            "set-user-id PLACE/state/note",
            "raw socket",
        ],
        "Unsupported",
    );
}

#[test]
fn what_only_an_intruder_asks_for_ends_the_process() {
    let place = Place::new();
    for attempt in ["change root", "hidden program", "listen in the dark"] {
        let output = place.attempt(&[attempt]);
        let signal = output.status.signal();
        assert_eq!(signal, Some(Signal::SYS.as_raw()), "{attempt}: {output:?}");
    }
}

#[test]
fn everything_holds_on_this_kernel_and_is_told() {
    let place = Place::new();
    let results = place.results(&["held"]);
    assert_eq!(results, ["files, ports, signals, true, true, true"]);
}

#[test]
fn a_code_that_comes_through_a_pipe_gives_nothing_up() {
    let place = Place::new();
    let attempts = ["held", "code", "read PLACE/private/letter"];
    let mut process = place.process(&attempts);
    let process = process.env("CODE_FILE", "/dev/stdin").stdin(Stdio::piped());
    let mut process = process.stdout(Stdio::piped()).spawn().unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(b"sse_code")
        .unwrap();
    let results = Place::results_of(&attempts, &process.wait_with_output().unwrap());
    assert_eq!(
        results,
        [
            "files, ports, signals, true, true, true",
            "sse_code",
            "PermissionDenied"
        ]
    );
}

#[test]
fn a_key_of_the_root_directory_opens_nothing_else() {
    let variables = [
        ("SERVERSCOUT_URL", "https://192.0.2.1"),
        ("SERVERSCOUT_API_KEY_FILE", "/key"),
    ];
    let environment = environment(&variables);
    let settings = Settings::load(None, &environment).unwrap();
    let needs = Needs::of(&Command::Run, &settings, &environment).unwrap();

    assert!(!needs.readable.contains(&PathBuf::from("/")));
    assert!(needs.readable.contains(&PathBuf::from("/key")));
    // An address needs no name server.
    assert_eq!(needs.ports, [443]);
}

#[test]
fn a_blank_credential_can_still_be_seen_to_be_blank() {
    let environment = environment(&[("CREDENTIALS_DIRECTORY", "/run/credentials/agent")]);
    let settings = Settings::load(None, &environment).unwrap();
    let needs = Needs::of(&Command::Check, &settings, &environment).unwrap();
    let credentials = PathBuf::from("/run/credentials/agent");
    assert!(needs.readable.contains(&credentials));
}

#[test]
fn a_report_for_people_is_made_outside() {
    let environment = environment(&[]);
    let settings = Settings::load(None, &environment).unwrap();
    assert_eq!(Needs::of(&Command::Report, &settings, &environment), None);
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let texts = variables
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Environment::new(texts).unwrap()
}

/// Not a test: what the others start.
#[test]
#[ignore = "the other tests start it as a process of its own"]
fn confined() {
    let environment = Environment::of_process().unwrap();
    let settings = Settings::load(None, &environment).unwrap();
    let code_file = std::env::var_os("CODE_FILE").map(PathBuf::from);
    let command = match &code_file {
        Some(file) => Command::Enrol(Enrol {
            code_file: Some(file.clone()),
            ..Enrol::default()
        }),
        None => Command::Run,
    };
    let needs = Needs::of(&command, &settings, &environment).unwrap();
    let place = PathBuf::from(std::env::var("PLACE").unwrap());
    let attempts = std::env::var("ATTEMPTS").unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let parent = std::os::unix::process::parent_id();

    let held = confine::enter(&needs);
    for attempt in attempts.split(',') {
        let words = attempt.replace("PLACE", place.to_str().unwrap());
        let (verb, object) = words.split_once(' ').unwrap_or((&words, ""));
        let path = Path::new(object);
        let result = match verb {
            "held" => {
                let Landlock::Signals = held.landlock else {
                    panic!("{:?}", held.landlock)
                };
                println!(
                    "-> {}, {}, {}, {}",
                    held.landlock.as_str(),
                    held.filter.is_ok(),
                    held.no_new_privileges.is_ok(),
                    held.no_dump.is_ok()
                );
                continue;
            }
            "code" => {
                let code = fs::read_to_string(code_file.as_ref().unwrap());
                println!("-> {}", code.unwrap_or_else(|why| why.to_string()));
                continue;
            }
            "read" => fs::read(path).map(drop),
            "random" => File::open(path).and_then(|mut file| file.read_exact(&mut [0; 16])),
            "list" => fs::read_dir(path).map(drop),
            "write" => fs::write(path, "text"),
            "spool" => use_spool(path),
            "connect" if object == "dashboard" => connect(needs.ports[0]),
            "connect" => connect(elsewhere.local_addr().unwrap().port()),
            "datagram" => {
                UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.connect("127.0.0.1:9"))
            }
            "lookup" => std::net::ToSocketAddrs::to_socket_addrs(&(object, 1)).map(drop),
            "thread" => std::thread::Builder::new()
                .name("named".to_owned())
                .spawn(|| ())
                .map(|thread| thread.join().unwrap()),
            "socket" => UnixListener::bind(path).map(drop),
            "listen" if object.is_empty() => TcpListener::bind("127.0.0.1:0").map(drop),
            "listen" => SocketAddr::from_abstract_name(b"server-scout-dark")
                .and_then(|name| UnixListener::bind_addr(&name))
                .map(drop),
            "start" => Process::new("/bin/true").spawn().map(drop),
            "signal" => {
                let parent = Pid::from_raw(parent.cast_signed()).unwrap();
                kill_process(parent, Signal::CONT).map_err(Into::into)
            }
            "set-user-id" => fs::set_permissions(path, Permissions::from_mode(0o4755)),
            "raw" => raw_socket(),
            "change" => rustix::process::chroot("/").map_err(Into::into),
            "hidden" => rustix::fs::memfd_create("program", MemfdFlags::empty())
                .map(drop)
                .map_err(Into::into),
            _ => panic!("nobody knows how to {attempt}"),
        };
        let said = result.map_or_else(|why| format!("{:?}", why.kind()), |()| "done".to_owned());
        println!("-> {said}");
    }
}

fn connect(port: u16) -> io::Result<()> {
    TcpStream::connect(("127.0.0.1", port)).map(drop)
}

/// All that the spool and the stored key do with files.
fn use_spool(state: &Path) -> io::Result<()> {
    let spool = state.join("spool");
    fs::create_dir(&spool)?;
    fs::set_permissions(&spool, Permissions::from_mode(0o700))?;
    let lock = File::create(spool.join("lock"))?;
    lock.try_lock().map_err(io::Error::other)?;
    let mut file = File::create(spool.join("new"))?;
    file.write_all(b"text")?;
    file.set_len(2)?;
    file.sync_data()?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    fs::rename(spool.join("new"), spool.join("old"))?;
    File::open(&spool)?.sync_all()?;
    fs::remove_file(spool.join("old"))
}

fn raw_socket() -> io::Result<()> {
    rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::RAW,
        Some(rustix::net::ipproto::ICMP),
    )
    .map(drop)
    .map_err(Into::into)
}
