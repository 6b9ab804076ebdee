//! The disk under the data directory is full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jiff::SignedDuration;
use server_scout_tests::dashboard::{Setup, read_address};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Program, binaries, report};

/// Copies the data onto a file system of 8 MB of its own, and starts the dashboard there.
const SCRIPT: &str = r#"
    mount -t tmpfs -o size=8m,mode=0700 tmpfs "$1" &&
    cp -a "$2/." "$1/" &&
    exec "$3" serve
"#;

/// A fleet whose dashboard has a small disk for itself, and the way to that disk.
async fn fleet_on_a_small_disk() -> (Fleet, PathBuf) {
    let mut fleet = Fleet::start().await;
    assert!(fleet.dashboard.stop().await.success());
    let setup = fleet.dashboard.setup().clone();
    let small = setup.home().join("small");
    std::fs::create_dir(&small).unwrap();

    let mut program = start_on(&setup, &small);
    let address = program.line("the address", PATIENCE, read_address).await;
    let disk = PathBuf::from(format!("/proc/{}/root{}", program.id(), small.display()));
    fleet.dashboard.continue_as(program, address);
    (fleet, disk)
}

fn start_on(setup: &Setup, small: &Path) -> Program {
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "/bin/sh",
            "-c",
            SCRIPT,
            "sh",
        ])
        .arg(small)
        .arg(setup.data_dir())
        .arg(binaries::dashboard())
        .env_clear()
        .current_dir(setup.home());
    for (name, value) in setup.command(&["serve"]).get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("SERVERSCOUT_DATA_DIR", small);
    Program::start(command)
}

/// Writes until nothing more fits.
fn fill(disk: &Path) -> PathBuf {
    use std::io::Write;

    let path = disk.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_are_503_while_the_disk_is_full_and_nothing_acknowledged_is_lost() {
    let (fleet, disk) = fleet_on_a_small_disk().await;
    let start = report::seconds_ago(2000);
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let mut acknowledged = Vec::new();
    for second in 0..20 {
        fleet.accepted(&report::with_cpu(at(second), 10.0)).await;
        acknowledged.push(second);
    }

    let filler = fill(&disk);
    let mut refused = 0;
    for second in 20..1500 {
        let answer = fleet
            .report(&report::full(at(second), second.unsigned_abs()))
            .await;
        match answer.status {
            200 => acknowledged.push(second),
            503 => {
                let wait = answer
                    .header("retry-after")
                    .and_then(|text| text.parse::<u32>().ok());
                assert!(
                    wait.is_some_and(|seconds| (1..=300).contains(&seconds)),
                    "{answer:?}"
                );
                assert_eq!(
                    answer.header("content-type"),
                    Some("application/problem+json")
                );
                refused += 1;
                if refused == 5 {
                    break;
                }
            }
            status => panic!("{status}: {}", answer.text()),
        }
    }
    assert_eq!(refused, 5, "the disk never was full");
    assert_eq!(fleet.get("/healthz").await.status, 200, "it is alive");
    assert_eq!(fleet.get("/readyz").await.status, 503, "but cannot write");
    let list = fleet.get("/api/v1/servers").await;
    assert_eq!(
        list.status,
        200,
        "and still answers questions: {}",
        list.text()
    );

    std::fs::remove_file(filler).unwrap();

    until(
        "the dashboard recovers by itself",
        Duration::from_secs(30),
        async || {
            let answer = fleet.report(&report::with_cpu(at(1600), 10.0)).await;
            assert!([200, 503].contains(&answer.status), "{}", answer.text());
            (answer.status == 200).then_some(())
        },
    )
    .await;
    until("it says so", PATIENCE, async || {
        (fleet.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    for second in acknowledged {
        let found = fleet
            .history(&fleet.server.id, "cpu_usage", at(second), 1)
            .await;
        assert!(
            found[0].is_some(),
            "report {second} was acknowledged and is lost"
        );
    }
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_one_line() {
    let setup = Setup::new();
    std::fs::create_dir(setup.data_dir()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(setup.data_dir(), mode).unwrap();
    let script = r#"
        mount -t tmpfs -o size=64k,mode=0700 tmpfs "$1" || exit 99
        head -c 65536 /dev/zero > "$1/filler" 2>/dev/null
        exec "$2" serve
    "#;
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "/bin/sh",
            "-c",
            script,
            "sh",
        ])
        .arg(setup.data_dir())
        .arg(binaries::dashboard())
        .env_clear()
        .current_dir(setup.home());
    for (name, value) in setup.command(&["serve"]).get_envs() {
        command.env(name, value.unwrap());
    }

    let finished = server_scout_tests::process::run(command, "", PATIENCE).await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}
