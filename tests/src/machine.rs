//! A Debian that boots systemd in a container of its own, for what only a real service manager shows.
//!
//! `tests/run appliance` makes the file systems and the packages; a machine changes only a layer above its
//! file system, which goes with it. It shares the network of this host unless it is said to be alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Finished, Program, run};
use crate::wait::until;

/// Which Debian.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Release {
    /// 12, with systemd 252.
    Bookworm,
    /// 13, with systemd 257.
    Trixie,
}

impl Release {
    /// Its name, which is also that of its file system.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

/// A machine that has booted. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Machine {
    program: Program,
    leader: u32,
    name: String,
    _groups: Groups,
}

impl Machine {
    /// Boots one that shares this host's network.
    pub async fn boot(release: Release) -> Self {
        // Without it, services there could have no network of their own either.
        Self::start(release, &["--capability=CAP_NET_ADMIN"]).await
    }

    /// Boots one with nothing but a loopback interface.
    pub async fn boot_alone(release: Release) -> Self {
        Self::start(release, &["--private-network"]).await
    }

    async fn start(release: Release, options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("scout-{}-{number}", std::process::id());
        let groups = Groups::new(&name);
        // The shell goes where the machine is to be, and then is the machine's program.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-euc", ENTER, "sh"])
            .arg(groups.words())
            .args([
                "systemd-nspawn",
                "--quiet",
                "--register=no",
                "--keep-unit",
                "--boot",
            ])
            .args(["--console=pipe", "--volatile=overlay"])
            // What services do by themselves in a real machine: filters of addresses, Landlock.
            .arg(format!("--system-call-filter={CALLS}"))
            .arg(format!("--machine=scout-{}-{number}", std::process::id()))
            .arg(format!(
                "--directory={}",
                appliance().join(release.name()).display()
            ))
            .args(options);
        let program = Program::start(command);
        let leader = until(
            &format!("the machine begins to boot{}", program.logs()),
            BOOT,
            async || first_process_of(program.id()),
        )
        .await;
        let machine = Self {
            program,
            leader,
            name,
            _groups: groups,
        };
        machine.booted(release).await;
        machine
    }

    async fn booted(&self, release: Release) {
        until(
            &format!("{} boots{}", release.name(), self.program.logs()),
            BOOT,
            async || {
                let state = self.try_run("systemctl is-system-running").await;
                let state = state.stdout.trim();
                ["running", "degraded"].contains(&state).then_some(())
            },
        )
        .await;
        self.run("printf '127.0.0.1 localhost\\n' >/etc/hosts")
            .await;
    }

    /// Runs a shell script as root in it; what it prints on standard output. Panics when it fails.
    pub async fn run(&self, script: &str) -> String {
        let finished = self.try_run(script).await;
        assert!(
            finished.status.success(),
            "{script}\nends with {}\n{}",
            finished.status,
            finished.said()
        );
        finished.stdout
    }

    /// Runs a shell script as root in it, whatever comes of it.
    pub async fn try_run(&self, script: &str) -> Finished {
        self.feed(script, "").await
    }

    /// Runs a shell script with this standard input.
    pub async fn feed(&self, script: &str, input: &str) -> Finished {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.leader))
            .args(["--all", "/usr/bin/env", "-i"])
            .args(["PATH=/usr/sbin:/usr/bin", "DEBIAN_FRONTEND=noninteractive"])
            .args(["/bin/sh", "-euc", script]);
        run(command, input, PATIENCE).await
    }

    /// Copies a file of this host into it.
    pub fn put(&self, from: &Path, to: &str) {
        // Its root as this host sees it.
        let root = PathBuf::from(format!("/proc/{}/root", self.leader));
        let target = root.join(to.trim_start_matches('/'));
        std::fs::copy(from, &target)
            .unwrap_or_else(|error| panic!("{} to {to}: {error}", from.display()));
    }

    /// Writes a file in it.
    pub async fn write(&self, path: &str, text: &str) {
        let script = format!("cat >'{path}'");
        let finished = self.feed(&script, text).await;
        assert!(finished.status.success(), "{path}: {}", finished.said());
    }

    /// Installs a package that was made of this checkout; what the installation says.
    pub async fn install(&self, name: &str) -> String {
        let file = package(&format!("{name}_"), ".deb");
        self.put(&file, "/root/package.deb");
        self.run("dpkg --install /root/package.deb").await
    }

    /// Runs a unit of it to its end; what it printed.
    pub async fn run_unit(&self, name: &str, text: &str) -> String {
        self.write(&format!("/etc/systemd/system/{name}.service"), text)
            .await;
        let unit = format!("{name}.service");
        self.run("systemctl daemon-reload").await;
        let started = self.try_run(&format!("systemctl start {unit}")).await;
        // The journal takes what comes through pipes a moment later.
        let printed = self
            .run(&format!(
                "journalctl --sync; journalctl --no-pager --output=cat _SYSTEMD_UNIT={unit}"
            ))
            .await;
        assert!(
            started.status.success(),
            "{name}: {}{printed}{}",
            started.said(),
            self.run(&format!("journalctl --no-pager --unit={unit}"))
                .await
        );
        printed
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With the first process of a machine end all others.
        if let Some(leader) = Pid::from_raw(self.leader.cast_signed()) {
            let _ = kill_process(leader, Signal::KILL);
        }
        let start = Instant::now();
        while self.program.status().is_none() && start.elapsed() < END {
            std::thread::sleep(Duration::from_millis(10));
        }
        // The container's program leaves it where /run is no file system of its own.
        let _ = std::fs::remove_dir(Path::new(PROPAGATE).join(&self.name));
    }
}

/// Control groups of a machine's own: two service managers in one would take each other's processes for
/// their own.
#[derive(Debug)]
struct Groups(Vec<PathBuf>);

impl Groups {
    fn new(name: &str) -> Self {
        let hierarchies = HIERARCHIES.iter().map(Path::new);
        let groups: Vec<PathBuf> = hierarchies
            .filter(|hierarchy| hierarchy.join("cgroup.procs").is_file())
            .map(|hierarchy| hierarchy.join(name))
            .collect();
        for group in &groups {
            std::fs::create_dir(group)
                .unwrap_or_else(|error| panic!("{}: {error}", group.display()));
        }
        Self(groups)
    }

    fn words(&self) -> String {
        let paths: Vec<String> = self
            .0
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        paths.join(" ")
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in &self.0 {
            remove(group);
        }
    }
}

/// Removes a control group with those in it, from within.
fn remove(group: &Path) {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(group);
}

const ENTER: &str = r#"for group in $1; do echo $$ >"$group/cgroup.procs"; done; shift; exec "$@""#;
/// Where control groups are that a service manager uses: version 2, alone or beside version 1.
const HIERARCHIES: [&str; 3] = [
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/systemd",
    "/sys/fs/cgroup/unified",
];
const PROPAGATE: &str = "/run/systemd/nspawn/propagate";
const END: Duration = Duration::from_secs(5);

/// What `tests/run appliance` has made ready.
#[must_use]
pub fn appliance() -> PathBuf {
    let directory = std::env::var_os("SERVERSCOUT_APPLIANCE").map(PathBuf::from);
    directory.expect(
        "SERVERSCOUT_APPLIANCE does not say where the file systems and packages are: run these tests \
         with `tests/run appliance`, which makes them",
    )
}

/// A package that was made of this checkout, by the beginning and the end of its name.
#[must_use]
pub fn package(begin: &str, end: &str) -> PathBuf {
    let directory = appliance().join("packages");
    let entries = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a directory can be read").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(begin) && name.ends_with(end)
        })
        .collect();
    let [package] = found.as_slice() else {
        panic!("{begin}…{end} is there {} times", found.len());
    };
    package.clone()
}

/// The first process of a machine: of the children of the program that runs it, the one that is number 1
/// where it lives.
fn first_process_of(program: u32) -> Option<u32> {
    let path = format!("/proc/{program}/task/{program}/children");
    let children = std::fs::read_to_string(path).ok()?;
    children.split_whitespace().find_map(|child| {
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).ok()?;
        let numbers = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))?;
        let is_first = numbers.split_whitespace().count() > 1 && numbers.ends_with("\t1");
        is_first.then(|| child.parse().ok())?
    })
}

/// Calls that the container's own filter forbids unless told otherwise.
const CALLS: &str = "bpf landlock_create_ruleset landlock_add_rule landlock_restrict_self";
const BOOT: Duration = Duration::from_secs(90);
/// A package is installed, or a unit runs.
const PATIENCE: Duration = Duration::from_mins(1);
