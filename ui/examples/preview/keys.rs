//! A new server, agent keys and enrolment.

use server_scout_ui::views::{
    AgentKeyMadeView, AgentKeyRow, AgentKeysView, EnrolmentView, ServerAddedView,
};
use server_scout_ui::{Pages, UiError};

/// The page at `path`; none when it is another's.
pub(super) fn page(pages: &Pages, path: &str) -> Option<Result<String, UiError>> {
    Some(match path {
        "/servers-added" => pages.server_added(&ServerAddedView {
            frame: super::frame(),
            id: "srv_4".to_owned(),
            name: "backup-eu".to_owned(),
            agent_key: "ssk_7Jq2mXw4VbT9cR1pLzE8sYhN5gKdF3aU".to_owned(),
            code: format!(
                "sse_{}.{}",
                "7Jq2mXw4VbT9cR1p".repeat(3),
                "9f2c4e1b".repeat(8)
            ),
            expires_at: super::before(0).to_string(),
            url: "https://scout.example.org:8443".to_owned(),
            ca_pem: Some(super::CA.to_owned()),
            ca_sha256: Some("9f2c4e".repeat(11).chars().take(64).collect()),
        }),
        "/servers-keys" => pages.agent_keys(&agent_keys()),
        "/servers-key-made" => pages.agent_key_made(&AgentKeyMadeView {
            frame: super::frame(),
            id: "srv_4".to_owned(),
            name: "backup-eu".to_owned(),
            agent_key: "ssa_7Jq2mXw4VbT9cR1pLzE8sYhN5gKdF3aU".to_owned(),
            successor_until: Some(super::before(0).to_string()),
        }),
        "/servers-enrol" => pages.enrolment(&EnrolmentView {
            frame: super::frame(),
            code: format!(
                "sse_{}.{}",
                "7Jq2mXw4VbT9cR1p".repeat(3),
                "9f2c4e1b".repeat(8)
            ),
            expires_at: super::before(0).to_string(),
            url: "https://scout.example.org:8443".to_owned(),
            pinned: true,
            ..EnrolmentView::default()
        }),
        _ => return None,
    })
}

fn agent_keys() -> AgentKeysView {
    let key = |number: u32, state: &str, good, used: Option<u64>| AgentKeyRow {
        id: format!("key_{number}"),
        ending: format!("4f{number}a"),
        state: state.to_owned(),
        good,
        since: super::before(86_400).to_string(),
        since_seconds_ago: 86_400,
        last_used: used.map(|ago| super::before(ago).to_string()),
        last_used_seconds_ago: used.unwrap_or_default(),
        address: "192.0.2.14".to_owned(),
        agent_version: "0.1.0".to_owned(),
    };
    AgentKeysView {
        frame: super::frame(),
        id: "srv_1".to_owned(),
        name: "api-1.fra.example.org".to_owned(),
        keys: vec![
            key(3, "successor, not used yet", true, None),
            key(2, "good until its successor is used", true, Some(40)),
            key(1, "revoked", false, Some(90_000)),
        ],
        successor_until: Some(super::before(0).to_string()),
        may_change: true,
        ..AgentKeysView::default()
    }
}
