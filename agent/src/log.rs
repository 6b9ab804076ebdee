//! The log: one line an event, to standard error.
//!
//! A subscriber of our own, because the agent logs plain events without spans or filters, and the
//! usual one would be a large part of the binary.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use server_scout_wire::Timestamp;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Sends events of `level` and above to standard error. Where a journal reads along, it knows the
/// time itself.
pub fn start(level: LevelFilter) {
    let with_time = std::env::var_os("JOURNAL_STREAM").is_none();
    // Only a second start can fail, and it would change nothing.
    let _ = tracing::subscriber::set_global_default(Log { level, with_time });
}

struct Log {
    level: LevelFilter,
    with_time: bool,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries are left out: what they would print of a request is not ours to vouch for.
        metadata.is_event()
            && *metadata.level() <= self.level
            && metadata.target().starts_with("server_scout")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let line = line.finish(event.metadata(), self.with_time.then(Timestamp::now));
        // There is no place to say that standard error is gone.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // No span is enabled, so the number tells nothing apart.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What an event says: its message, and its fields behind it.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn finish(self, metadata: &Metadata<'_>, time: Option<Timestamp>) -> String {
        let mut line = String::with_capacity(self.message.len() + self.fields.len() + 40);
        if let Some(time) = time {
            let _ = write!(line, "{time} ");
        }
        let _ = write!(line, "{:5} ", metadata.level().as_str());
        // A name from outside must not be able to start a line of its own.
        line.extend((self.message + &self.fields).chars().map(printable));
        line.push('\n');
        line
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

fn printable(c: char) -> char {
    if server_scout_wire::label::is_visible(c) {
        c
    } else {
        char::REPLACEMENT_CHARACTER
    }
}
