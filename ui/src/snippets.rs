//! What to type on a new server: shell and Nix text with its values quoted for where they stand.
//!
//! The key goes into files through a here-document, never into an argument, so that no list of
//! processes and no history of commands shows it on its own line of a command.

/// Starts the installed unit.
pub(crate) const UNIT_START: &str = "systemctl enable --now server-scout-agent.service";
/// Lets the installed unit forget a key of before, which it would prefer.
const UNIT_CHANGE: &str =
    "rm -f /etc/server-scout-agent/api-key && systemctl restart server-scout-agent.service";

/// Enrols the agent and starts the installed unit, in one command. An agent that has a key already
/// goes over to the new one.
pub(crate) fn enrol(url: &str, code: &str, has_key: bool) -> String {
    let url = shell_word(url);
    let (force, start) = if has_key {
        (" --force", UNIT_CHANGE)
    } else {
        ("", UNIT_START)
    };
    let command = format!("server-scout-agent enrol --url {url} --code -{force}");
    format!("{}\n{start}", here_document(&command, " &&", code))
}

/// Writes the files that the systemd unit reads.
pub(crate) fn unit_files(url: &str, key: &str, ca: Option<&str>) -> String {
    let mut settings = vec![format!("SERVERSCOUT_URL={}", unit_value(url))];
    let mut commands = vec![key_file(key)];
    if let Some(ca) = ca {
        settings.push(format!("SERVERSCOUT_CA_FILE={DIRECTORY}/ca.pem"));
        commands.push(here_document(&format!("cat > {DIRECTORY}/ca.pem"), "", ca));
    }
    commands.push(here_document(
        &format!("cat > {DIRECTORY}/agent.env"),
        "",
        &settings.join("\n"),
    ));
    commands.join("\n")
}

/// Writes the key to where the unit and the NixOS configuration look for it.
pub(crate) fn key_file(key: &str) -> String {
    let file = here_document(
        &format!("(umask 077 && cat > {DIRECTORY}/api-key)"),
        "",
        key,
    );
    format!("install -d -m 755 {DIRECTORY}\n{file}")
}

/// Writes the CA beside the NixOS configuration.
pub(crate) fn nixos_ca(ca: &str) -> String {
    here_document("cat > server-scout-ca.pem", "", ca)
}

/// The NixOS configuration.
pub(crate) fn nixos_module(url: &str, with_ca: bool) -> String {
    let ca = if with_ca {
        "\n  caFile = ./server-scout-ca.pem;"
    } else {
        ""
    };
    let url = nix_string(url);
    format!(
        "services.server-scout-agent = {{\n  enable = true;\n  url = {url};\n  apiKeyFile = \"{DIRECTORY}/api-key\";{ca}\n}};"
    )
}

/// Runs the agent from a directory of its own, without installing anything.
pub(crate) fn by_hand(url: &str, key: &str, ca: Option<&str>) -> String {
    let mut commands = vec![
        "mkdir -p -m 700 server-scout-agent && cd server-scout-agent".to_owned(),
        here_document("(umask 077 && cat > api-key)", "", key),
    ];
    let mut run = format!("SERVERSCOUT_URL={} \\\n", shell_word(url));
    run.push_str("SERVERSCOUT_API_KEY_FILE=\"$PWD/api-key\" \\\n");
    if let Some(ca) = ca {
        commands.push(here_document("cat > ca.pem", "", ca));
        run.push_str("SERVERSCOUT_CA_FILE=\"$PWD/ca.pem\" \\\n");
    }
    run.push_str("SERVERSCOUT_STATE_DIR=\"$PWD/state\" \\\nserver-scout-agent run");
    commands.push(run);
    commands.join("\n")
}

/// `command` with `body` as its input, in which the shell expands nothing, and what follows on the
/// command's line.
fn here_document(command: &str, then: &str, body: &str) -> String {
    let body = body.trim_end();
    let mut end = String::from("EOF");
    while body.lines().any(|line| line == end) {
        end.push('_');
    }
    format!("{command} <<'{end}'{then}\n{body}\n{end}")
}

/// A word that the shell takes as it stands.
fn shell_word(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A value in systemd's environment file.
fn unit_value(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// A string of the Nix language.
fn nix_string(text: &str) -> String {
    let escaped = text
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace("${", r"\${");
    format!("\"{escaped}\"")
}

/// Whether `text` means itself to the shell and to systemd; addresses of dashboards do.
fn is_plain(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b':' | b'_');
    !text.is_empty() && text.bytes().all(plain)
}

const DIRECTORY: &str = "/etc/server-scout-agent";

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://scout.example.org:8443";
    const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

    #[test]
    fn the_units_files_are_written_with_the_key_closed_to_others() {
        assert_eq!(
            unit_files(URL, "ssk_1", Some(CA)),
            "install -d -m 755 /etc/server-scout-agent\n\
             (umask 077 && cat > /etc/server-scout-agent/api-key) <<'EOF'\n\
             ssk_1\n\
             EOF\n\
             cat > /etc/server-scout-agent/ca.pem <<'EOF'\n\
             -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n\
             EOF\n\
             cat > /etc/server-scout-agent/agent.env <<'EOF'\n\
             SERVERSCOUT_URL=https://scout.example.org:8443\n\
             SERVERSCOUT_CA_FILE=/etc/server-scout-agent/ca.pem\n\
             EOF"
        );
    }

    #[test]
    fn enrolling_is_one_command_and_the_code_no_argument() {
        assert_eq!(
            enrol(URL, "sse_1.ab", false),
            "server-scout-agent enrol --url https://scout.example.org:8443 --code - <<'EOF' &&\n\
             sse_1.ab\n\
             EOF\n\
             systemctl enable --now server-scout-agent.service"
        );
        let again = enrol(URL, "sse_1", true);
        assert!(
            again.contains("--code - --force <<'EOF' &&\nsse_1\nEOF\nrm -f "),
            "{again}"
        );
        assert!(again.ends_with("systemctl restart server-scout-agent.service"));
    }

    #[test]
    fn without_a_ca_nothing_speaks_of_one() {
        for text in [
            unit_files(URL, "k", None),
            by_hand(URL, "k", None),
            nixos_module(URL, false),
        ] {
            assert!(
                !text.to_lowercase().contains("ca_file") && !text.contains("ca.pem"),
                "{text}"
            );
        }
        assert!(nixos_module(URL, true).contains("caFile = ./server-scout-ca.pem;"));
    }

    #[test]
    fn the_key_stands_alone_on_its_line() {
        for text in [
            unit_files(URL, "ssk_1", None),
            by_hand(URL, "ssk_1", None),
            key_file("ssk_1"),
        ] {
            assert_eq!(
                text.lines()
                    .filter(|line| line.contains("ssk_1"))
                    .collect::<Vec<_>>(),
                ["ssk_1"]
            );
        }
        assert!(!nixos_module(URL, true).contains("ssk_1"));
    }

    #[test]
    fn a_body_cannot_end_its_here_document() {
        assert_eq!(
            here_document("cat", "", "a\nEOF\nEOF_\nrm -rf /"),
            "cat <<'EOF__'\na\nEOF\nEOF_\nrm -rf /\nEOF__"
        );
    }

    #[test]
    fn values_are_quoted_for_their_language() {
        assert_eq!(shell_word(URL), URL);
        assert_eq!(shell_word("a b'$(id)"), r"'a b'\''$(id)'");
        assert_eq!(unit_value("a\"b\\c\nd$e"), r#""a\"b\\cd\$e""#);
        assert_eq!(nix_string("a\"b${c}\\"), r#""a\"b\${c}\\""#);
    }
}
