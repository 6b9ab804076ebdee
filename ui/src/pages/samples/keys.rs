//! Agent keys and enrolment codes, with everything in them.

use super::frame;
use crate::views::{AgentKeyMadeView, AgentKeyRow, AgentKeysView, EnrolmentView};

pub(in crate::pages) fn agent_keys(text: &str) -> AgentKeysView {
    let key = AgentKeyRow {
        id: text.to_owned(),
        ending: text.to_owned(),
        state: text.to_owned(),
        good: true,
        since: text.to_owned(),
        since_seconds_ago: 93_000,
        last_used: Some(text.to_owned()),
        last_used_seconds_ago: 60,
        address: text.to_owned(),
        agent_version: text.to_owned(),
    };
    AgentKeysView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        keys: vec![key],
        successor_until: Some(text.to_owned()),
        successor_expired: true,
        may_change: true,
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn agent_key_made(text: &str) -> AgentKeyMadeView {
    AgentKeyMadeView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        agent_key: text.to_owned(),
        successor_until: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn enrolment(text: &str) -> EnrolmentView {
    EnrolmentView {
        frame: frame(text),
        id: Some(text.to_owned()),
        name: Some(text.to_owned()),
        code: text.to_owned(),
        expires_at: text.to_owned(),
        url: text.to_owned(),
        pinned: true,
    }
}
