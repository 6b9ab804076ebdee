//! The pages of agent keys and enrolment.

use std::borrow::Cow;

use serde::Serialize;

use super::path_segment;
use crate::format;
use crate::snippets;
use crate::views::{AgentKeyMadeView, AgentKeyRow, AgentKeysView, EnrolmentView};

/// A server's agent keys.
#[derive(Serialize)]
pub(crate) struct AgentKeysPage<'a> {
    id: Cow<'a, str>,
    name: &'a str,
    keys: Vec<Key<'a>>,
    successor_until: Option<&'a str>,
    successor_expired: bool,
    may_change: bool,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Key<'a> {
    id: &'a str,
    ending: &'a str,
    state: &'a str,
    may_revoke: bool,
    since: &'a str,
    since_ago: String,
    last_used: Option<&'a str>,
    last_used_ago: String,
    address: &'a str,
    agent_version: &'a str,
}

impl<'a> AgentKeysPage<'a> {
    pub(crate) fn new(view: &'a AgentKeysView) -> Self {
        let may_change = view.may_change;
        Self {
            id: path_segment(&view.id),
            name: &view.name,
            keys: view
                .keys
                .iter()
                .map(|key| Key::new(key, may_change))
                .collect(),
            successor_until: view.successor_until.as_deref(),
            successor_expired: view.successor_expired,
            may_change,
            error: view.error.as_deref(),
        }
    }
}

impl<'a> Key<'a> {
    fn new(row: &'a AgentKeyRow, may_change: bool) -> Self {
        Self {
            id: &row.id,
            ending: &row.ending,
            state: &row.state,
            may_revoke: may_change && row.good,
            since: &row.since,
            since_ago: format::ago(row.since_seconds_ago),
            last_used: row.last_used.as_deref(),
            last_used_ago: format::ago(row.last_used_seconds_ago),
            address: match row.address.as_str() {
                "" => "an unknown address",
                known => known,
            },
            agent_version: match row.agent_version.as_str() {
                "" => "another program",
                version => version,
            },
        }
    }
}

/// The page that shows a key of a server that has others, once.
#[derive(Serialize)]
pub(crate) struct AgentKeyMadePage<'a> {
    id: Cow<'a, str>,
    name: &'a str,
    agent_key: &'a str,
    successor_until: Option<&'a str>,
    file: String,
}

impl<'a> AgentKeyMadePage<'a> {
    pub(crate) fn new(view: &'a AgentKeyMadeView) -> Self {
        Self {
            id: path_segment(&view.id),
            name: &view.name,
            agent_key: &view.agent_key,
            successor_until: view.successor_until.as_deref(),
            file: snippets::key_file(&view.agent_key),
        }
    }
}

/// The page that shows an enrolment code, once.
#[derive(Serialize)]
pub(crate) struct EnrolmentPage<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<&'a str>,
    expires_at: &'a str,
    pinned: bool,
    enrol: String,
}

impl<'a> EnrolmentPage<'a> {
    pub(crate) fn new(view: &'a EnrolmentView) -> Self {
        Self {
            id: view.id.as_deref().map(path_segment),
            name: view.name.as_deref(),
            expires_at: &view.expires_at,
            pinned: view.pinned,
            enrol: snippets::enrol(&view.url, &view.code, view.id.is_some()),
        }
    }
}
