//! Tags: short words by which servers are found.

use std::fmt;
use std::sync::Arc;

use crate::limits::{MAX_TAG_BYTES, MAX_TAGS};

/// One to 32 lower-case letters a to z, digits, `-`, `_`, `.` and `:`, the first a letter or digit.
///
/// The alphabet is small on purpose: two tags that look the same are the same, whoever set them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(Arc<str>);

/// At most 16 different tags, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tags(Vec<Tag>);

impl Tag {
    /// Takes `text` as it is, or says why it cannot be a tag.
    pub fn new(text: &str) -> Result<Self, InvalidTag> {
        let inside = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':');
        let begins_well = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if text.len() <= MAX_TAG_BYTES && begins_well && text.bytes().all(inside) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTag)
        }
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tags {
    /// Puts tags in order.
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Result<Self, InvalidTags> {
        let mut kept = Vec::new();
        for tag in tags {
            if kept.len() == MAX_TAGS {
                return Err(InvalidTags::TooMany);
            }
            kept.push(tag);
        }
        kept.sort_unstable();
        match kept.array_windows().find(|[a, b]| a == b) {
            Some(_) => Err(InvalidTags::Twice),
            None => Ok(Self(kept)),
        }
    }

    /// Reads tags that people typed, one text each.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidTags> {
        let tags: Result<Vec<Tag>, InvalidTag> =
            texts.into_iter().take(MAX_TAGS + 1).map(Tag::new).collect();
        Self::new(tags?)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_TAG_BYTES} lower-case letters a to z, digits, -, _, . and :, the first a letter or digit"
)]
pub struct InvalidTag;

/// Why these cannot be the tags of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTags {
    /// One of them is none.
    #[error("each {0}")]
    Invalid(#[from] InvalidTag),
    /// More than there may be.
    #[error("must be at most {MAX_TAGS} tags")]
    TooMany,
    /// One stands twice.
    #[error("must be different from each other")]
    Twice,
}
