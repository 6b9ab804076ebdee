//! The seals that hold a chain together.

use ring::hmac;

use crate::store::audit::{ChainRow, EventRow};

/// The seal of an event that follows one with the seal `before`.
pub(super) fn seal(key: &hmac::Key, before: &[u8], event: &EventRow) -> Vec<u8> {
    let mut context = begin(key, "event", before);
    for number in [event.organisation_id, event.number, event.at] {
        context.update(&number.to_be_bytes());
    }
    let person = event.person_id.map(|person| person.to_string());
    for text in [
        event.actor_kind.as_str(),
        &event.actor_name,
        person.as_deref().unwrap_or_default(),
        &event.action,
        &event.object_kind,
        &event.object_id,
        &event.object_name,
        &event.detail,
        &event.address,
        &event.user_agent,
    ] {
        // With its length in front, so that no two events look the same to the seal.
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    context.sign().as_ref().to_vec()
}

/// The seal over a chain's checkpoint: the last event that was removed.
pub(super) fn seal_checkpoint(key: &hmac::Key, last: &EventRow) -> Vec<u8> {
    checkpoint(key, last.organisation_id, last.number, &last.seal)
}

/// Whether a chain's checkpoint is the one that was sealed, or there is none.
pub(super) fn checkpoint_holds(key: &hmac::Key, chain: &ChainRow) -> bool {
    match (&chain.checkpoint_head, &chain.checkpoint_seal) {
        (None, None) => chain.checkpoint_number == 0,
        (Some(head), Some(seal)) => {
            let expected = checkpoint(key, chain.organisation_id, chain.checkpoint_number, head);
            expected == *seal
        }
        _ => false,
    }
}

fn checkpoint(key: &hmac::Key, chain: i64, number: i64, head: &[u8]) -> Vec<u8> {
    let mut context = begin(key, "checkpoint", head);
    context.update(&chain.to_be_bytes());
    context.update(&number.to_be_bytes());
    context.sign().as_ref().to_vec()
}

fn begin(key: &hmac::Key, kind: &str, before: &[u8]) -> hmac::Context {
    let mut context = hmac::Context::with_key(key);
    context.update(kind.as_bytes());
    context.update(&[0]);
    context.update(&(before.len() as u64).to_be_bytes());
    context.update(before);
    context
}
