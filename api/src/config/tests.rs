#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;

fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Config::from_settings(Settings::merge(None, variables)?)
}

fn refusal(variables: &[(&str, &str)]) -> String {
    load(variables).unwrap_err().to_string()
}

#[test]
fn nothing_given_means_the_documented_defaults() {
    let config = load(&[]).unwrap();
    assert_eq!(config.data_dir, Path::new("data"));
    assert_eq!(
        config.listen,
        Listen::Tcp("127.0.0.1:8443".parse().unwrap())
    );
    assert_eq!(config.public_url.as_str(), "https://localhost:8443");
    assert_eq!(config.tls, Tls::SelfSigned);
    let hosts: Vec<String> = config.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["localhost", "127.0.0.1", "[::1]"]);
}

#[test]
fn values_that_look_like_numbers_stay_what_was_typed() {
    let config = load(&[("SERVERSCOUT_DATA_DIR", "012345")]).unwrap();
    assert_eq!(config.data_dir, Path::new("012345"));
}

#[test]
fn a_wrong_value_is_named_with_its_variable_and_what_was_expected() {
    let text = refusal(&[("SERVERSCOUT_LISTEN", "everywhere")]);
    assert!(text.contains("SERVERSCOUT_LISTEN"), "{text}");
    assert!(text.contains("everywhere"), "{text}");
    assert!(text.contains("127.0.0.1:8443"), "{text}");
    let text = refusal(&[("SERVERSCOUT_PUBLIC_URL", "http://scout.example.org")]);
    assert!(text.contains("https://"), "{text}");
    let text = refusal(&[("SERVERSCOUT_LIMITS__SERIES", "7")]);
    assert!(
        text.contains("SERVERSCOUT_LIMITS__SERIES") && text.contains("50"),
        "{text}"
    );
    let text = refusal(&[("SERVERSCOUT_TLS__MODE", "off")]);
    assert!(text.contains("self-signed, files or proxy"), "{text}");
}

#[test]
fn an_unknown_name_is_refused_but_the_agents_own_are_not() {
    let text = refusal(&[("SERVERSCOUT_LISTN", "127.0.0.1:1")]);
    assert!(text.contains("SERVERSCOUT_LISTN"), "{text}");
    assert!(load(&[("SERVERSCOUT_API_KEY", "x"), ("SERVERSCOUT_URL", "y")]).is_ok());
}

#[test]
fn plain_http_is_only_for_a_named_proxy_on_this_machine() {
    let proxy = ("SERVERSCOUT_TLS__MODE", "proxy");
    let named = ("SERVERSCOUT_TRUSTED_PROXIES", "127.0.0.1");
    assert!(refusal(&[proxy]).contains("TRUSTED_PROXIES"));
    assert!(refusal(&[proxy, named, ("SERVERSCOUT_LISTEN", "0.0.0.0:80")]).contains("loopback"));
    assert!(load(&[proxy, named]).is_ok());
    assert!(load(&[proxy, named, ("SERVERSCOUT_LISTEN", "unix:/run/scout.sock")]).is_ok());
}

#[test]
fn the_environment_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scout.toml");
    std::fs::write(
        &file,
        "log = \"warn\"\nhosts = [\"a.example\", \"::1\"]\n[limits]\nseries = 100\n",
    )
    .unwrap();
    let variables = [("SERVERSCOUT_LIMITS__SERIES".to_owned(), "200".to_owned())];
    let settings = Settings::merge(Some(&file), variables.into_iter()).unwrap();
    let config = Config::from_settings(settings).unwrap();
    assert_eq!(config.limits.series, 200);
    assert_eq!(config.log, tracing::Level::WARN);
    assert_eq!(config.hosts.len(), 2);
}

#[test]
fn a_file_that_is_no_toml_is_named_but_never_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scout.toml");
    std::fs::write(&file, "log = \"info\"\npassword = \"hunter2supersecret\n").unwrap();
    let error = Settings::merge(Some(&file), std::iter::empty())
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(
        text.contains("scout.toml") && text.contains("line 2"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_missing_file_is_an_error() {
    let missing = Path::new("does-not-exist.toml");
    let error = Settings::merge(Some(missing), std::iter::empty())
        .err()
        .unwrap();
    assert!(error.to_string().contains("does-not-exist.toml"));
}

#[test]
fn mail_needs_a_server_a_sender_and_a_private_way_there() {
    let with = |more: &[(&'static str, &'static str)]| {
        let mail = [
            ("SERVERSCOUT_SMTP__HOST", "mail.example.org"),
            ("SERVERSCOUT_SMTP__FROM", "Scout <scout@example.org>"),
        ];
        [&mail[..], more].concat()
    };
    assert!(load(&[]).unwrap().smtp.is_none());
    let smtp = load(&with(&[])).unwrap().smtp.unwrap();
    assert_eq!((smtp.port, smtp.tls), (465, SmtpTls::Implicit));
    let starttls = with(&[("SERVERSCOUT_SMTP__TLS", "starttls")]);
    assert_eq!(load(&starttls).unwrap().smtp.unwrap().port, 587);
    let local = [
        ("SERVERSCOUT_SMTP__HOST", "::1"),
        ("SERVERSCOUT_SMTP__FROM", "scout@example.org"),
        ("SERVERSCOUT_SMTP__TLS", "none"),
    ];
    assert_eq!(load(&local).unwrap().smtp.unwrap().host, "::1");

    for (wrong, named) in [
        (
            with(&[("SERVERSCOUT_SMTP__TLS", "none")]),
            "on this machine",
        ),
        (with(&[("SERVERSCOUT_SMTP__TLS", "off")]), "starttls"),
        (
            with(&[("SERVERSCOUT_SMTP__USERNAME", "me")]),
            "PASSWORD_FILE",
        ),
        (
            with(&[("SERVERSCOUT_SMTP__PORT", "0")]),
            "SERVERSCOUT_SMTP__PORT",
        ),
        (
            vec![("SERVERSCOUT_SMTP__PORT", "25")],
            "SERVERSCOUT_SMTP__HOST",
        ),
        (
            vec![("SERVERSCOUT_SMTP__HOST", "mail.example.org")],
            "SERVERSCOUT_SMTP__FROM",
        ),
        (
            vec![("SERVERSCOUT_SMTP__HOST", "a b")],
            "SERVERSCOUT_SMTP__HOST",
        ),
    ] {
        let text = refusal(&wrong);
        assert!(text.contains(named), "{wrong:?}: {text}");
    }
}

/// A password stands in a file alone; one in the environment is refused, and not repeated.
#[test]
fn a_mail_password_in_the_environment_is_refused_and_not_shown() {
    let text = refusal(&[
        ("SERVERSCOUT_SMTP__HOST", "mail.example.org"),
        ("SERVERSCOUT_SMTP__FROM", "scout@example.org"),
        ("SERVERSCOUT_SMTP__PASSWORD", "hunter2"),
    ]);
    assert!(text.contains("SERVERSCOUT_SMTP__PASSWORD"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_goes_out_is_public_and_inline_unless_said_otherwise() {
    let outbound = load(&[]).unwrap().outbound;
    assert_eq!(outbound.mode, OutboundMode::Inline);
    assert_eq!(outbound.policy.ports, [443]);
    assert!(outbound.policy.opened.is_empty() && outbound.ca_file.is_none());
    let outbound = load(&[
        ("SERVERSCOUT_OUTBOUND__MODE", "separate"),
        ("SERVERSCOUT_OUTBOUND__PORTS", "443, 8443"),
        (
            "SERVERSCOUT_OUTBOUND__ALLOW",
            "Example=10.1.0.0/16, Example=ntfy.lan, fd00::/8",
        ),
        ("SERVERSCOUT_OUTBOUND__CA_FILE", "/etc/inside.pem"),
    ]);
    let outbound = outbound.unwrap().outbound;
    assert_eq!(outbound.mode, OutboundMode::Separate);
    assert_eq!(outbound.policy.ports, [443, 8443]);
    let whose: Vec<_> = { outbound.policy.opened.iter() }
        .map(|opening| opening.organisation.as_deref())
        .collect();
    assert_eq!(whose, [Some("Example"), Some("Example"), None]);
    assert!(outbound.policy.names("EXAMPLE") && !outbound.policy.names("Other"));
    for (name, value) in [
        ("SERVERSCOUT_OUTBOUND__MODE", "off"),
        ("SERVERSCOUT_OUTBOUND__PORTS", "0"),
        ("SERVERSCOUT_OUTBOUND__PORTS", "https"),
        ("SERVERSCOUT_OUTBOUND__ALLOW", "Example=10.0.0.0/33"),
        ("SERVERSCOUT_OUTBOUND__ALLOW", "=10.0.0.0/8"),
    ] {
        let text = refusal(&[(name, value)]);
        assert!(text.contains(name) && text.contains(value), "{text}");
    }
}
