//! The configuration: what is taken, from where, and what the messages say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use server_scout_agent::config::{Environment, Settings};
use server_scout_agent::key::KeyError;
use server_scout_wire::Tier;
use tempfile::TempDir;
use tracing::level_filters::LevelFilter;

#[test]
fn nothing_set_gives_the_defaults() {
    let settings = load(None, &[]).unwrap();
    assert_eq!(settings.periods().of(Tier::Fast), Duration::from_secs(5));
    assert_eq!(settings.log(), LevelFilter::INFO);
    assert_eq!((settings.ca_file(), settings.state_dir()), (None, None));
    let missing = settings.url().unwrap_err().to_string();
    assert!(
        missing.contains("SERVERSCOUT_URL") && missing.contains("https://"),
        "{missing}"
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = File::new(
        "url = \"https://file.example\"\ninterval_seconds = 7\nlog = \"debug\"\nca_file = \"/ca\"\n",
    );
    let settings = load(
        Some(&file.path),
        &[("SERVERSCOUT_URL", "https://env.example:8443")],
    )
    .unwrap();
    assert_eq!(
        settings.url().unwrap().as_str(),
        "https://env.example:8443/"
    );
    assert_eq!(settings.periods().of(Tier::Fast), Duration::from_secs(7));
    assert_eq!(settings.log(), LevelFilter::DEBUG);
    assert_eq!(settings.ca_file(), Some(Path::new("/ca")));
}

#[test]
fn each_tier_has_a_period_within_what_the_messages_say() {
    let settings = load(None, &[("SERVERSCOUT_SLOW_SECONDS", "600")]).unwrap();
    assert_eq!(settings.periods().of(Tier::Slow), Duration::from_mins(10));
    for (tier, name) in Tier::ALL.into_iter().zip([
        "SERVERSCOUT_INTERVAL_SECONDS",
        "SERVERSCOUT_MEDIUM_SECONDS",
        "SERVERSCOUT_SLOW_SECONDS",
        "SERVERSCOUT_GLACIAL_SECONDS",
        "SERVERSCOUT_DAILY_SECONDS",
    ]) {
        let (shortest, longest) = tier.bounds_seconds();
        let refused = load(None, &[(name, "0")]).err().unwrap().to_string();
        assert!(
            refused.contains(&format!("{shortest} to {longest}")),
            "{refused}"
        );
        for seconds in [shortest, longest] {
            let settings = load(None, &[(name, &seconds.to_string())]).unwrap();
            assert_eq!(settings.periods().of(tier), Duration::from_secs(seconds));
        }
    }
}

#[test]
fn tags_are_a_list_in_the_file_and_have_commas_in_the_environment() {
    let file = File::new("tags = [\"web\", \"eu-1\"]\n");
    assert_eq!(tags(&load(Some(&file.path), &[]).unwrap()), ["eu-1", "web"]);
    let settings = load(Some(&file.path), &[("SERVERSCOUT_TAGS", "db, env:prod")]).unwrap();
    assert_eq!(tags(&settings), ["db", "env:prod"]);
    for none in ["", " "] {
        let settings = load(Some(&file.path), &[("SERVERSCOUT_TAGS", none)]).unwrap();
        assert!(settings.tags().is_empty(), "{none:?}");
    }
    let file = File::new("tags = [1]\n");
    let why = load(Some(&file.path), &[]).err().unwrap().to_string();
    assert!(why.contains("`tags` is a TOML array"), "{why}");
}

fn tags(settings: &Settings) -> Vec<&str> {
    settings
        .tags()
        .iter()
        .map(server_scout_wire::Tag::as_str)
        .collect()
}

#[test]
fn wrong_values_are_named_with_what_was_expected() {
    let cases = [
        (
            "SERVERSCOUT_URL",
            "http://dash.example",
            "over verified TLS only",
        ),
        ("SERVERSCOUT_URL", "dash.example", "https://HOST"),
        ("SERVERSCOUT_TAGS", "Web", "lower-case letters"),
        ("SERVERSCOUT_TAGS", "web,,db", "lower-case letters"),
        ("SERVERSCOUT_TAGS", "web,web", "different tags"),
        ("SERVERSCOUT_URL", "", "https://HOST"),
        ("SERVERSCOUT_URL", "ftp://dash.example", "https://HOST"),
        ("SERVERSCOUT_URL", "https://", "https://HOST"),
        (
            "SERVERSCOUT_URL",
            "https://dash.example/path",
            "https://HOST",
        ),
        (
            "SERVERSCOUT_URL",
            "https://dash.example/?a=b",
            "https://HOST",
        ),
        ("SERVERSCOUT_URL", "https://dash.example/#a", "https://HOST"),
        ("SERVERSCOUT_URL", "https://dash.example:0", "https://HOST"),
        (
            "SERVERSCOUT_URL",
            "https://dash.example:99999",
            "https://HOST",
        ),
        ("SERVERSCOUT_INTERVAL_SECONDS", "0", "1 to 60"),
        ("SERVERSCOUT_INTERVAL_SECONDS", "61", "1 to 60"),
        ("SERVERSCOUT_INTERVAL_SECONDS", "5s", "1 to 60"),
        ("SERVERSCOUT_MEDIUM_SECONDS", "4", "5 to 150"),
        ("SERVERSCOUT_SERVICES", "../sshd", "names of systemd units"),
        (
            "SERVERSCOUT_WITHHOLD",
            "all",
            "sandbox, services and updates",
        ),
        ("SERVERSCOUT_SLOW_SECONDS", "1801", "60 to 1800"),
        ("SERVERSCOUT_GLACIAL_SECONDS", "599", "600 to 86400"),
        ("SERVERSCOUT_DAILY_SECONDS", "604801", "3600 to 604800"),
        ("SERVERSCOUT_INTERVAL_SECONDS", "true", "1 to 60"),
        ("SERVERSCOUT_INTERVAL_SECONDS", "", "1 to 60"),
        ("SERVERSCOUT_LOG", "loud", "error, warn, info or debug"),
        ("SERVERSCOUT_CA_FILE", "", "a path"),
    ];
    for (name, value, expected) in cases {
        let message = load(None, &[(name, value)]).err().unwrap().to_string();
        assert!(
            message.starts_with(name) && message.contains(expected),
            "{message}"
        );
        assert!(message.contains(value), "{message}");
    }
}

#[test]
fn good_addresses_are_taken() {
    for url in [
        "https://dash.example",
        "https://dash.example/",
        "https://dash.example:8443",
        "https://10.0.0.1",
        "https://[::1]:8443",
    ] {
        assert!(
            load(None, &[("SERVERSCOUT_URL", url)])
                .unwrap()
                .url()
                .is_ok(),
            "{url}"
        );
    }
}

#[test]
fn a_password_in_the_address_is_not_repeated() {
    for url in ["https://user:hunter2@dash.example", "hunter2@@@"] {
        let message = load(None, &[("SERVERSCOUT_URL", url)])
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.starts_with("SERVERSCOUT_URL") && !message.contains("hunter2"),
            "{message}"
        );
    }
}

#[test]
fn a_value_cannot_forge_a_line_of_the_log() {
    let message = load(None, &[("SERVERSCOUT_LOG", "a\nb\u{1b}[2J")])
        .err()
        .unwrap()
        .to_string();
    assert!(!message.contains(['\n', '\u{1b}']), "{message}");
}

#[test]
fn unknown_names_are_refused_and_the_dashboards_are_left_alone() {
    let message = load(None, &[("SERVERSCOUT_INTERVAL", "5")])
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("SERVERSCOUT_INTERVAL is not")
            && message.contains("SERVERSCOUT_INTERVAL_SECONDS"),
        "{message}"
    );
    let dashboard = [
        ("SERVERSCOUT_DATA_DIR", "x"),
        ("SERVERSCOUT_LISTEN", "x"),
        ("SERVERSCOUT_HOSTS", "x"),
        ("SERVERSCOUT_TRUSTED_PROXIES", "x"),
        ("SERVERSCOUT_INTERNALS_LISTEN", "x"),
        ("SERVERSCOUT_SMTP__PASSWORD_FILE", "x"),
        ("SERVERSCOUT_OUTBOUND__MODE", "x"),
        ("SERVERSCOUT_LIMITS__SERVERS", "x"),
        ("SERVERSCOUT_PUBLIC_URL", "x"),
        ("SERVERSCOUT_TLS__MODE", "x"),
        ("SERVERSCOUT_MASTER_KEY_FILE", "x"),
        ("PATH", "x"),
    ];
    assert!(load(None, &dashboard).is_ok());
}

#[test]
fn a_wrong_file_is_named_and_never_repeated() {
    let cases = [
        ("urll = \"x\"", "`urll` is not a setting"),
        ("[url]\na = 1", "`url` is a TOML table"),
        (
            "interval_seconds = 5.5",
            "`interval_seconds` is a TOML float",
        ),
        (
            "interval_seconds = true",
            "`interval_seconds` is a TOML boolean",
        ),
        (
            "interval_seconds = 0x05",
            "`interval_seconds` is a TOML integer",
        ),
        ("interval_seconds = 99", "`interval_seconds` is `99`"),
        ("\n\nurl = \"hunter2", "line 3"),
        ("api_key = \"hunter2\"", "`api_key_file`"),
        ("api_key = hunter2", "not valid TOML"),
        ("log = \"info\"\nlog = \"info\"", "not valid TOML"),
    ];
    for (text, expected) in cases {
        let file = File::new(text);
        let message = load(Some(&file.path), &[]).err().unwrap().to_string();
        assert!(message.contains(expected), "{text}: {message}");
        assert!(
            message.starts_with(file.path.to_str().unwrap()),
            "{message}"
        );
        assert!(
            !message.contains("hunter2") && !message.contains('\n'),
            "{message}"
        );
    }
    let message = load(Some(Path::new("/nowhere/agent.toml")), &[])
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("/nowhere/agent.toml"), "{message}");
}

#[test]
fn a_value_that_is_no_text_is_refused_by_name() {
    let name = OsString::from("SERVERSCOUT_CA_FILE");
    let error = Environment::new([(name, OsString::from_vec(vec![0xff]))])
        .err()
        .unwrap();
    assert!(
        error.to_string().starts_with("SERVERSCOUT_CA_FILE"),
        "{error}"
    );
}

#[test]
fn the_state_directory_of_the_service_manager_is_the_default() {
    let environment = [("STATE_DIRECTORY", "/var/lib/a")];
    assert_eq!(
        load(None, &environment).unwrap().state_dir(),
        Some(Path::new("/var/lib/a"))
    );
    let both = [
        ("STATE_DIRECTORY", "/var/lib/a"),
        ("SERVERSCOUT_STATE_DIR", "/b"),
    ];
    assert_eq!(
        load(None, &both).unwrap().state_dir(),
        Some(Path::new("/b"))
    );
}

#[test]
fn the_key_comes_from_one_place() {
    let file = File::new("  key-of-file \n");
    let path = file.path.to_str().unwrap();
    let directory = file.directory.path().to_str().unwrap();
    fs::write(file.directory.path().join("api-key"), "key-of-credential").unwrap();

    assert_eq!(
        key(&[("SERVERSCOUT_API_KEY", "key-of-environment")]).unwrap(),
        "key-of-environment"
    );
    assert_eq!(
        key(&[("SERVERSCOUT_API_KEY_FILE", path)]).unwrap(),
        "key-of-file"
    );
    assert_eq!(
        key(&[("CREDENTIALS_DIRECTORY", directory)]).unwrap(),
        "key-of-credential"
    );
    // What is said wins over what happens to be there.
    let said = [
        ("CREDENTIALS_DIRECTORY", directory),
        ("SERVERSCOUT_API_KEY_FILE", path),
    ];
    assert_eq!(key(&said).unwrap(), "key-of-file");
    let both = [
        ("SERVERSCOUT_API_KEY", "a"),
        ("SERVERSCOUT_API_KEY_FILE", path),
    ];
    assert!(matches!(key(&both), Err(KeyError::Both)));
    assert!(matches!(key(&[]), Err(KeyError::Missing)));
}

#[test]
fn what_is_no_key_is_refused_without_being_shown() {
    let long = format!("hunter2{}", "x".repeat(300));
    for text in [
        "",
        " \n",
        "hunter2 hunter2",
        "hunter2\nhunter2",
        "hunter2ü",
        "hunter2\u{7f}",
        &long,
    ] {
        let message = key(&[("SERVERSCOUT_API_KEY", text)])
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with("SERVERSCOUT_API_KEY") && !message.contains("hunter2"),
            "{message}"
        );
        let file = File::new(text);
        let path = file.path.to_str().unwrap();
        let message = key(&[("SERVERSCOUT_API_KEY_FILE", path)])
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with(path) && !message.contains("hunter2"),
            "{message}"
        );
    }
    let huge = File::new(&"x".repeat(100_000));
    assert!(key(&[("SERVERSCOUT_API_KEY_FILE", huge.path.to_str().unwrap())]).is_err());
    let message = key(&[("SERVERSCOUT_API_KEY_FILE", "/nowhere/key")])
        .unwrap_err()
        .to_string();
    assert!(message.contains("/nowhere/key"), "{message}");
}

#[test]
fn a_changed_key_file_is_noticed() {
    let file = File::new("one");
    let environment = environment(&[("SERVERSCOUT_API_KEY_FILE", file.path.to_str().unwrap())]);
    let source = settings(&environment).key_source(&environment).unwrap();
    let current = source.read().unwrap();
    assert!(source.changed(&current).is_none());
    fs::write(&file.path, "two\n").unwrap();
    assert_eq!(source.changed(&current).unwrap().header().unwrap(), "two");
    // A file that is being written, or gone, is no new key.
    fs::write(&file.path, "").unwrap();
    assert!(source.changed(&current).is_none());
}

#[test]
fn a_key_file_that_others_can_read_is_noticed() {
    let file = File::new("key");
    let environment = environment(&[("SERVERSCOUT_API_KEY_FILE", file.path.to_str().unwrap())]);
    let source = settings(&environment).key_source(&environment).unwrap();
    for (mode, exposed) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(source.exposed(None).is_some(), exposed, "{mode:o}");
        assert!(source.exposed(Some(file.directory.path())).is_none());
    }
}

#[test]
fn a_key_is_never_shown_by_a_header() {
    let environment = environment(&[("SERVERSCOUT_API_KEY", "hunter2")]);
    let source = settings(&environment).key_source(&environment).unwrap();
    let header = source.read().unwrap().header().unwrap();
    assert!(header.is_sensitive());
    assert!(!format!("{header:?}").contains("hunter2"));
}

struct File {
    directory: TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.toml");
        fs::write(&path, text).unwrap();
        Self { directory, path }
    }
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    )
    .unwrap()
}

fn settings(environment: &Environment) -> Settings {
    Settings::load(None, environment).unwrap()
}

fn load(
    file: Option<&Path>,
    variables: &[(&str, &str)],
) -> Result<Settings, server_scout_agent::config::ConfigError> {
    Settings::load(file, &environment(variables))
}

fn key(variables: &[(&str, &str)]) -> Result<String, KeyError> {
    let environment = environment(variables);
    let source = settings(&environment).key_source(&environment)?;
    Ok(source
        .read()?
        .header()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned())
}
