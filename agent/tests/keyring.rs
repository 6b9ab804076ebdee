//! A key file that changes while the agent runs: the new key is taken, and no report is lost.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use server_scout_agent::key::KeySource;
use server_scout_agent::keyring::{Keyring, Refused};
use support::{Agent, Ca, Dashboard, Reply, Request, wait};

const NEW: &str = "ssk-tests-another-key-of-the-same-server";

#[test]
fn a_changed_file_is_taken_before_the_old_key_is_refused() {
    let file = KeyFile::new("old");
    let mut keys = file.ring();
    assert!(!keys.look());
    file.write("new");
    assert!(keys.look());
    assert_eq!(text(&keys), "new");
    assert!(!keys.look(), "once");
}

#[test]
fn a_file_without_a_key_changes_nothing() {
    let file = KeyFile::new("old");
    let mut keys = file.ring();
    for content in ["", "\n", "two words", &"x".repeat(5000)] {
        file.write(content);
        assert!(!keys.look(), "{content:?}");
        assert_eq!(text(&keys), "old");
    }
    fs::remove_file(&file.path).unwrap();
    assert!(!keys.look());
    file.write("new");
    assert!(keys.look());
}

#[test]
fn while_the_new_key_is_refused_the_old_one_goes_on() {
    let file = KeyFile::new("old");
    let mut keys = file.ring();
    file.write("wrong");
    assert!(keys.look());
    assert_eq!(keys.refused(), Refused::AnotherKey);
    assert_eq!(text(&keys), "old");
    keys.accepted();
    assert!(!keys.look());
    assert_eq!(text(&keys), "old");
}

#[test]
fn two_refused_keys_do_not_take_turns() {
    let file = KeyFile::new("old");
    let mut keys = file.ring();
    file.write("new");
    assert!(keys.look());
    assert_eq!(keys.refused(), Refused::AnotherKey);
    for _ in 0..5 {
        assert_eq!(keys.refused(), Refused::Wait);
        assert_eq!(text(&keys), "new", "the file's is stayed with");
    }
}

#[test]
fn a_key_of_the_environment_never_changes() {
    let source = KeySource::Environment("key".to_owned().into());
    let mut keys = Keyring::new(source.read().unwrap(), source);
    assert!(!keys.look());
    assert_eq!(keys.refused(), Refused::Wait);
}

#[test]
fn a_rotation_under_a_running_agent_loses_nothing_and_is_never_refused() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let file = KeyFile::new(support::KEY);
    let agent = run(&dashboard, &ca, &file.path);
    dashboard.wait_for(2);

    file.write(NEW);

    let requests = wait("the new key", || with(&dashboard, NEW, 2));
    assert_contiguous(&requests);
    // Every request with the old key came before every one with the new.
    let keys: Vec<_> = requests.iter().map(key).collect();
    let first_new = keys.iter().position(|key| *key == NEW).unwrap();
    assert!(keys[first_new..].iter().all(|key| *key == NEW));
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success() && !output.contains(NEW), "{output}");
    assert!(!output.contains("takes no reports"), "{output}");
}

#[test]
fn after_a_revocation_everything_waits_for_the_successor() {
    let ca = Ca::new();
    let good = Arc::new(Mutex::new(support::KEY));
    let dashboard = {
        let good = Arc::clone(&good);
        Dashboard::start(&ca, move |request| {
            if key(request) == *good.lock().unwrap() {
                Reply::accepted(request)
            } else {
                Reply::problem(401, "unauthenticated")
            }
        })
    };
    let file = KeyFile::new(support::KEY);
    let state = tempfile::tempdir().unwrap();
    let agent = run_in(&dashboard, &ca, &file.path, Some(state.path()));
    dashboard.wait_for(2);

    let revoked_at = {
        let mut good = good.lock().unwrap();
        *good = NEW;
        Instant::now()
    };
    agent.wait_for_output("takes no reports");
    std::thread::sleep(Duration::from_secs(4));
    file.write(NEW);

    let requests = wait("the spool", || {
        let mut requests = with(&dashboard, NEW, 1)?;
        requests.retain(|request| key(request) == NEW || request.at < revoked_at);
        let seqs = seqs(&requests);
        (seqs.len() >= 7 && seqs.len() as u64 == seqs.last()? + 1).then_some(requests)
    });
    assert_contiguous(&requests);
    agent.terminate();
    assert!(agent.end().0.success());
}

struct KeyFile {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl KeyFile {
    fn new(key: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = Self {
            path: directory.path().join("key"),
            _directory: directory,
        };
        file.write(key);
        file
    }

    /// As people and secret managers do: beside it, and over it.
    fn write(&self, key: &str) {
        let fresh = self.path.with_extension("fresh");
        fs::write(&fresh, key).unwrap();
        fs::rename(&fresh, &self.path).unwrap();
    }

    fn ring(&self) -> Keyring {
        let source = KeySource::File(self.path.clone());
        Keyring::new(source.read().unwrap(), source)
    }
}

fn run(dashboard: &Dashboard, ca: &Ca, file: &Path) -> Agent {
    run_in(dashboard, ca, file, None)
}

fn run_in(dashboard: &Dashboard, ca: &Ca, file: &Path, state: Option<&Path>) -> Agent {
    let mut more = vec![("SERVERSCOUT_API_KEY_FILE", file.to_str().unwrap())];
    more.extend(state.map(|state| ("SERVERSCOUT_STATE_DIR", state.to_str().unwrap())));
    Agent::run(&dashboard.url(), ca, &more)
}

fn text(keys: &Keyring) -> String {
    let header = keys.key().header().unwrap();
    header.to_str().unwrap().to_owned()
}

fn key(request: &Request) -> &str {
    request.header("x-api-key").unwrap_or_default()
}

/// All requests, once `count` came with `wanted`.
fn with(dashboard: &Dashboard, wanted: &str, count: usize) -> Option<Vec<Request>> {
    let requests = dashboard.requests();
    let found = requests.iter().filter(|request| key(request) == wanted);
    (found.count() >= count).then_some(requests)
}

fn seqs(requests: &[Request]) -> BTreeSet<u64> {
    requests.iter().flat_map(Request::seqs).collect()
}

fn assert_contiguous(requests: &[Request]) {
    let seqs = seqs(requests);
    let expected: BTreeSet<u64> = (0..seqs.len() as u64).collect();
    assert_eq!(seqs, expected);
}
