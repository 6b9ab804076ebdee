//! How long metrics are kept, with everything in it.

use super::frame;
use crate::views::{RetentionRow, RetentionView, Section, Settings};

pub(in crate::pages) fn retention(text: &str) -> RetentionView {
    RetentionView {
        frame: frame(text),
        settings: Settings::at(Section::Retention, true),
        rows: vec![RetentionRow {
            name: text.to_owned(),
            words: text.to_owned(),
            hours: text.to_owned(),
            days: text.to_owned(),
            size: text.to_owned(),
            size_a_day: Some(text.to_owned()),
            bytes_a_day: text.to_owned(),
            most: text.to_owned(),
            most_days: text.to_owned(),
        }],
        size: text.to_owned(),
        series: text.to_owned(),
        may_change: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}
