//! The pages of channels with everything in them.

use super::super::Pages;
use super::{choices, frame};
use crate::views::{
    ChannelDeletionView, ChannelField, ChannelKeyView, ChannelRow, ChannelTyped, ChannelView,
    ChannelsView, ConfirmChannelView, DeliveryRow, HeartbeatRow, HeartbeatView, ListedChannel,
    NewChannelView,
};

fn row(text: &str) -> ChannelRow {
    ChannelRow {
        id: text.to_owned(),
        name: text.to_owned(),
        kind: text.to_owned(),
        shown: text.to_owned(),
        severity: text.to_owned(),
        hours: text.to_owned(),
        enabled: true,
        waits: true,
        dead: text.to_owned(),
    }
}

fn delivery(text: &str) -> DeliveryRow {
    DeliveryRow {
        tells: text.to_owned(),
        state: text.to_owned(),
        state_words: text.to_owned(),
        at: text.to_owned(),
        when: text.to_owned(),
        attempts: text.to_owned(),
        status: text.to_owned(),
        took: text.to_owned(),
        problem: text.to_owned(),
        next: text.to_owned(),
    }
}

fn typed(text: &str) -> ChannelTyped {
    ChannelTyped {
        name: text.to_owned(),
        severities: choices(text),
        from: text.to_owned(),
        to: text.to_owned(),
        time_zone: text.to_owned(),
        on: true,
    }
}

pub(in crate::pages) fn channels(text: &str) -> ChannelsView {
    ChannelsView {
        frame: frame(text),
        channels: vec![ListedChannel {
            channel: row(text),
            newest: Some(delivery(text)),
        }],
        all_wait: true,
        kinds: choices(text),
        without_mail: true,
        may_change: true,
        unsent: true,
        heartbeat: Some(beat(text)),
        notice: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn new_channel(text: &str) -> NewChannelView {
    NewChannelView {
        frame: frame(text),
        kind: text.to_owned(),
        kind_words: text.to_owned(),
        without_mail: false,
        fields: vec![ChannelField {
            name: text.to_owned(),
            label: text.to_owned(),
            help: text.to_owned(),
            value: text.to_owned(),
            placeholder: text.to_owned(),
            required: true,
            lines: false,
        }],
        typed: typed(text),
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn channel_key(text: &str) -> ChannelKeyView {
    ChannelKeyView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        signing_key: text.to_owned(),
    }
}

pub(in crate::pages) fn channel(text: &str) -> ChannelView {
    ChannelView {
        frame: frame(text),
        channel: row(text),
        typed: typed(text),
        deliveries: vec![delivery(text)],
        bound: text.to_owned(),
        may_change: true,
        fresh: true,
        unsent: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn confirm_channel(text: &str) -> ConfirmChannelView {
    ConfirmChannelView {
        organisation: text.to_owned(),
        channel: text.to_owned(),
        email: text.to_owned(),
    }
}

fn beat(text: &str) -> HeartbeatRow {
    HeartbeatRow {
        shown: text.to_owned(),
        how: text.to_owned(),
        state: text.to_owned(),
        state_words: text.to_owned(),
        problem: text.to_owned(),
        tried: text.to_owned(),
        arrived: text.to_owned(),
        answer: text.to_owned(),
    }
}

pub(in crate::pages) fn heartbeat(text: &str) -> HeartbeatView {
    HeartbeatView {
        frame: frame(text),
        heartbeat: Some(beat(text)),
        methods: choices(text),
        minutes: text.to_owned(),
        may_change: true,
        fresh: true,
        unsent: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(in crate::pages) fn channel_deletion(text: &str) -> ChannelDeletionView {
    ChannelDeletionView {
        frame: frame(text),
        channel: row(text),
        only_of: vec![text.to_owned()],
    }
}

/// The conditions of these pages, the other way round than their samples.
pub(in crate::pages) fn channels_the_other_way(pages: &Pages) {
    let mut list = channels("");
    (list.without_mail, list.unsent, list.notice) = (false, false, None);
    list.all_wait = false;
    for listed in &mut list.channels {
        (listed.channel.enabled, listed.channel.waits) = (false, false);
        listed.newest = None;
    }
    let mut mail = new_channel("");
    (mail.without_mail, mail.error) = (true, None);
    let mut headers = new_channel("");
    for field in &mut headers.fields {
        (field.lines, field.required) = (true, false);
    }
    let mut relaxed = headers.clone();
    relaxed
        .fields
        .iter_mut()
        .for_each(|field| field.lines = false);
    let mut stale = channel("");
    (stale.fresh, stale.unsent, stale.notice, stale.error) = (false, false, None, None);
    (stale.channel.enabled, stale.channel.waits) = (false, false);
    let mut off = channel("");
    off.typed.on = false;
    let mut unset = heartbeat("");
    unset.heartbeat = None;
    let mut old = heartbeat("");
    (old.fresh, old.unsent, old.notice, old.error) = (false, false, None, None);
    let mut free = channel_deletion("");
    free.only_of.clear();
    for page in [
        pages.channels(&list),
        pages.channels(&ChannelsView::default()),
        pages.new_channel(&mail),
        pages.new_channel(&headers),
        pages.new_channel(&relaxed),
        pages.channel(&stale),
        pages.channel(&off),
        pages.channel(&ChannelView::default()),
        pages.channel_deletion(&free),
        pages.heartbeat(&unset),
        pages.heartbeat(&old),
        pages.heartbeat(&HeartbeatView::default()),
    ] {
        assert!(page.is_ok());
    }
}
