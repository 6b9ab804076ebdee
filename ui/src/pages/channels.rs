//! The pages of channels.

use super::{Pages, UiError};
use crate::render::{self, Page};
use crate::views::{
    ChannelDeletionView, ChannelKeyView, ChannelView, ChannelsView, ConfirmChannelView,
    HeartbeatView, NewChannelView,
};

impl Pages {
    /// The channels.
    pub fn channels(&self, view: &ChannelsView) -> Result<String, UiError> {
        let mut content = view.clone();
        for listed in &mut content.channels {
            listed.channel.id = render::path_segment(&listed.channel.id).into_owned();
        }
        for kind in &mut content.kinds {
            kind.id = render::path_segment(&kind.id).into_owned();
        }
        self.page("channels", &Page::within(&view.frame, "Channels", content))
    }

    /// The form of a new channel.
    pub fn new_channel(&self, view: &NewChannelView) -> Result<String, UiError> {
        let title = format!("A channel of {}", view.kind_words);
        self.page("new_channel", &Page::within(&view.frame, &title, view))
    }

    /// The page that shows a webhook's signing key, once.
    pub fn channel_key(&self, view: &ChannelKeyView) -> Result<String, UiError> {
        let content = ChannelKeyView {
            id: render::path_segment(&view.id).into_owned(),
            ..view.clone()
        };
        let title = format!("The signing key of {}", view.name);
        self.page("channel_key", &Page::within(&view.frame, &title, content))
    }

    /// One channel, with what went there.
    pub fn channel(&self, view: &ChannelView) -> Result<String, UiError> {
        let mut content = view.clone();
        content.channel.id = render::path_segment(&view.channel.id).into_owned();
        let page = Page::within(&view.frame, &view.channel.name, content);
        self.page("channel", &page)
    }

    /// The page behind the link by which an address agrees to be told.
    pub fn confirm_channel(&self, view: &ConfirmChannelView) -> Result<String, UiError> {
        let page = Page::open("Confirm your address", view);
        self.page("confirm_channel", &page)
    }

    /// The dead man's switch.
    pub fn heartbeat(&self, view: &HeartbeatView) -> Result<String, UiError> {
        let page = Page::within(&view.frame, "Dead man's switch", view);
        self.page("heartbeat", &page)
    }

    /// The page that asks before a channel is deleted.
    pub fn channel_deletion(&self, view: &ChannelDeletionView) -> Result<String, UiError> {
        let mut content = view.clone();
        content.channel.id = render::path_segment(&view.channel.id).into_owned();
        let title = format!("Delete {}", view.channel.name);
        let page = Page::within(&view.frame, &title, content);
        self.page("channel_deletion", &page)
    }
}
