//! What stands in the way of a start is one clear line and exit status 1.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use server_scout_tests::Dashboard;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::process::Finished;

/// Checks the one line and the status, and that the line holds every word.
pub(crate) fn assert_one_line(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    for word in words {
        let found = finished
            .stderr
            .to_lowercase()
            .contains(&word.to_lowercase());
        assert!(found, "{word:?} is not in {:?}", finished.stderr);
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert!(
        !finished.stdout.contains("listening"),
        "{}",
        finished.stdout
    );
}

fn make_private(directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// A dashboard that ran once, and is over.
async fn used() -> Dashboard {
    let mut dashboard = Dashboard::start().await;
    assert!(dashboard.stop().await.success());
    dashboard
}

/// The files of the database.
fn database(setup: &Setup) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(setup.data_dir()).unwrap();
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let start = std::fs::read(&path).unwrap_or_default();
        if start.starts_with(b"SQLite format 3\0") {
            files.push(path);
        }
    }
    assert!(!files.is_empty(), "no database");
    files
}

#[tokio::test]
async fn a_port_in_use() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();

    let finished = Setup::new()
        .set("SERVERSCOUT_LISTEN", &address)
        .serve_to_the_end()
        .await;

    assert_one_line(&finished, &[&address, "SERVERSCOUT_LISTEN"]);
}

#[tokio::test]
async fn a_data_directory_that_others_may_read() {
    for mode in [0o755, 0o750, 0o707, 0o777] {
        let setup = Setup::new();
        make_private(setup.data_dir());
        std::fs::write(setup.data_dir().join("something"), "").unwrap();
        std::fs::set_permissions(setup.data_dir(), PermissionsExt::from_mode(mode)).unwrap();

        let finished = setup.serve_to_the_end().await;

        assert_one_line(&finished, &[setup.data_dir().to_str().unwrap(), "700"]);
    }
}

#[tokio::test]
async fn an_empty_data_directory_into_which_others_may_write() {
    let setup = Setup::new();
    make_private(setup.data_dir());
    std::fs::set_permissions(setup.data_dir(), PermissionsExt::from_mode(0o777)).unwrap();

    let finished = setup.serve_to_the_end().await;

    assert_one_line(&finished, &[setup.data_dir().to_str().unwrap(), "700"]);
}

#[tokio::test]
async fn a_data_directory_that_is_a_file() {
    let setup = Setup::new();
    std::fs::write(setup.data_dir(), "").unwrap();

    let finished = setup.serve_to_the_end().await;

    assert_one_line(&finished, &[setup.data_dir().to_str().unwrap()]);
}

#[tokio::test]
async fn a_damaged_database() {
    for (offset, rubbish) in [(0, vec![0x5a; 4096]), (20, vec![0xff; 80])] {
        let dashboard = used().await;
        for path in database(dashboard.setup()) {
            let mut content = std::fs::read(&path).unwrap();
            content[offset..offset + rubbish.len()].copy_from_slice(&rubbish);
            std::fs::write(&path, content).unwrap();
        }

        let finished = dashboard.setup().serve_to_the_end().await;

        assert_one_line(&finished, &["database"]);
    }
}

#[tokio::test]
async fn a_database_of_which_a_part_is_missing() {
    let dashboard = used().await;
    for path in database(dashboard.setup()) {
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length / 2)
            .unwrap();
    }

    let finished = dashboard.setup().serve_to_the_end().await;

    assert_one_line(&finished, &["database"]);
}

#[tokio::test]
async fn a_second_dashboard_on_the_same_data() {
    let dashboard = Dashboard::start().await;

    let finished = dashboard.setup().serve_to_the_end().await;

    assert_one_line(&finished, &[dashboard.setup().data_dir().to_str().unwrap()]);
    let health = dashboard
        .client()
        .get(dashboard.url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), 200, "the first is not disturbed");
}

#[tokio::test]
async fn a_damaged_ca_key() {
    let dashboard = used().await;
    let keys = std::fs::read_dir(dashboard.setup().data_dir().join("keys")).unwrap();
    for entry in keys {
        std::fs::write(entry.unwrap().path(), "rubbish").unwrap();
    }

    let finished = dashboard.setup().serve_to_the_end().await;

    assert_one_line(&finished, &["ca.key", "damaged"]);
}

#[tokio::test]
async fn commands_without_a_database_say_so() {
    let setup = Setup::new();
    let add = [
        "user",
        "add",
        "--email",
        "a@example.org",
        "--organisation",
        "Example",
    ];
    let backup = ["backup", "copy"];
    for arguments in [&add[..], &backup] {
        let command = setup.command(arguments);
        let patience = server_scout_tests::wait::PATIENCE;
        let finished = server_scout_tests::process::run(command, "a good password", patience).await;
        assert_one_line(&finished, &[]);
        assert!(
            !setup.data_dir().exists(),
            "only serve makes a data directory"
        );
    }
}
