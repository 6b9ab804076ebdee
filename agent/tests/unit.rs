//! The plain unit and the NixOS module have one sandbox: the unit's lines are those of the file that
//! the module reads.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;

use serde_json::Value;

const MODULE: &str = include_str!("../../nixos-module/agent.nix");
const SANDBOX: &str = include_str!("../sandbox.json");
const UNIT: &str = include_str!("../server-scout-agent.service");

#[test]
fn the_units_sandbox_is_that_of_the_shared_file() {
    let shared = shared();
    let (plain, sandbox) = UNIT
        .split_once("# The sandbox, the same as in sandbox.json")
        .unwrap();
    assert_eq!(directives(sandbox), shared);
    for key in directives(plain).keys() {
        assert!(
            !shared.contains_key(key),
            "{key} stands outside the sandbox too"
        );
    }
}

#[test]
fn the_module_reads_the_shared_file_and_adds_what_the_unit_has() {
    assert!(MODULE.contains("builtins.readFile ../agent/sandbox.json"));
    let (plain, _) = UNIT
        .split_once("# The sandbox, the same as in sandbox.json")
        .unwrap();
    let (_, service) = plain.split_once("[Service]").unwrap();
    for (key, values) in directives(service) {
        // The module has a TOML file instead, and paths of its own; it knows whether there is a key and
        // what the agent is to reach.
        let own = [
            "EnvironmentFile",
            "ExecStart",
            "IPAddressAllow",
            "IPAddressDeny",
            "LoadCredential",
            "SetCredential",
        ];
        if own.contains(&key.as_str()) {
            continue;
        }
        let value = values.first().unwrap();
        let given = [format!("{key} = \"{value}\";"), format!("{key} = {value};")];
        assert!(
            given.iter().any(|line| MODULE.contains(line)),
            "{key} differs in the module"
        );
    }
}

#[test]
fn the_sandbox_holds_what_was_promised() {
    let shared = shared();
    let promised = [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("SocketBindDeny", "any"),
        ("MemoryDenyWriteExecute", "yes"),
        ("ProcSubset", "all"),
        ("ProtectProc", "invisible"),
    ];
    for (key, value) in promised {
        assert_eq!(shared.get(key), Some(&vec![value.to_owned()]), "{key}");
    }
    for key in [
        "SystemCallFilter",
        "MemoryMax",
        "TasksMax",
        "RestrictAddressFamilies",
    ] {
        assert!(shared.contains_key(key), "{key}");
    }
    assert!(UNIT.contains("User=server-scout-agent\n") && UNIT.contains("LoadCredential=api-key:"));
    assert!(
        !UNIT.contains("DynamicUser"),
        "the system bus knows no dynamic user"
    );
}

/// The directives of sandbox.json; a list is a key that stands several times.
fn shared() -> BTreeMap<String, Vec<String>> {
    let json: Value = serde_json::from_str(SANDBOX).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    json.get("Service")
        .and_then(Value::as_object)
        .unwrap()
        .iter()
        .map(|(key, value)| {
            let values = match value {
                Value::Array(values) => values.iter().map(text).collect(),
                value => vec![text(value)],
            };
            (key.clone(), values)
        })
        .collect()
}

/// The lines of the section that `text` begins or ends in.
fn directives(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().skip(1).take_while(|line| *line != "[Install]") {
        if line.starts_with('#') || line.starts_with('[') || line.is_empty() {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            panic!("{line:?} is no directive")
        };
        found
            .entry(key.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    found
}
