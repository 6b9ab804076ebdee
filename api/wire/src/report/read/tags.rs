//! The tags of a host.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{Slot, refuse};
use crate::limits::MAX_TAGS;
use crate::tag::InvalidTags;
use crate::{Tag, Tags};

/// Reads tags and stops at the first that is wrong or one too many.
pub(super) struct TagsSeed<'a>(pub(super) Slot<'a>);

impl<'de> DeserializeSeed<'de> for TagsSeed<'_> {
    type Value = Tags;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tags, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TagsSeed<'_> {
    type Value = Tags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tags, A::Error> {
        let slot = self.0;
        let mut tags = Vec::new();
        while let Some(text) = items.next_element::<Cow<'de, str>>()? {
            if tags.len() == MAX_TAGS {
                return Err(refuse(slot, MEMBER, InvalidTags::TooMany.to_string()));
            }
            let tag = Tag::new(&text).map_err(|why| refuse(slot, MEMBER, format!("each {why}")));
            tags.push(tag?);
        }
        Tags::new(tags).map_err(|why| refuse(slot, MEMBER, why.to_string()))
    }
}

const MEMBER: &str = "host.tags";
