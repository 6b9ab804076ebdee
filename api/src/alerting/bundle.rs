//! Grouping: what happens to many servers at once is told in one message.

use std::collections::HashMap;
use std::time::Duration;

use server_scout_wire::Timestamp;

use crate::id::{AlertRule, Bundle, Id};

/// What people are told of an incident.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NoticeKind {
    /// It was opened.
    Opened,
    /// It matters more.
    Escalated,
    /// It is still open.
    Reminder,
    /// It is over.
    Resolved,
}

/// Something to tell people, and with what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notice {
    /// What.
    pub kind: NoticeKind,
    /// What has the same bundle is one message.
    pub bundle: Id<Bundle>,
    /// When the message goes out; nothing is added to the bundle after that.
    pub due_at: Timestamp,
}

/// Gathers notices of one rule and kind.
#[derive(Debug, Default)]
pub(super) struct Bundles(HashMap<(Id<AlertRule>, NoticeKind), Gathering>);

#[derive(Debug)]
struct Gathering {
    begun: Timestamp,
    due: Timestamp,
    bundle: Id<Bundle>,
}

impl NoticeKind {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Escalated => "escalated",
            Self::Opened => "opened",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Opened,
            Self::Escalated,
            Self::Reminder,
            Self::Resolved,
        ]
        .into_iter()
        .find(|one| one.as_str() == word)
    }
}

impl Notice {
    /// That something is over, told at once and by itself.
    #[must_use]
    pub fn alone(now: Timestamp) -> Self {
        Self {
            kind: NoticeKind::Resolved,
            bundle: Id::random(),
            due_at: now,
        }
    }
}

impl Bundles {
    /// A notice at `now`. The first of a rule waits for `patience`; what comes after it within half a
    /// minute goes together.
    pub(super) fn notice(
        &mut self,
        rule: Id<AlertRule>,
        kind: NoticeKind,
        now: Timestamp,
        patience: Duration,
    ) -> Notice {
        if self.0.len() > REMEMBERED {
            self.0.retain(|_, one| now.since(one.begun) < TOGETHER);
        }
        let fresh = |due| Gathering {
            begun: now,
            due,
            bundle: Id::random(),
        };
        let gathering = self
            .0
            .entry((rule, kind))
            .or_insert_with(|| fresh(now.after(patience)));
        if now >= gathering.due && now != gathering.begun {
            let end = gathering.begun.after(TOGETHER);
            *gathering = if now < end {
                Gathering {
                    begun: gathering.begun,
                    ..fresh(end)
                }
            } else {
                fresh(now.after(patience))
            };
        }
        Notice {
            kind,
            bundle: gathering.bundle,
            due_at: gathering.due,
        }
    }
}

/// For so long what happens to others is one message, after the first.
pub(super) const TOGETHER: Duration = Duration::from_secs(30);
/// Rules and kinds that are remembered before old ones are looked for.
const REMEMBERED: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis)
    }

    const NONE: Duration = Duration::ZERO;

    #[test]
    fn the_first_goes_at_once_and_the_others_together() {
        let (mut bundles, rule) = (Bundles::default(), Id::random());
        let mut opened = |millis| bundles.notice(rule, NoticeKind::Opened, at(millis), NONE);
        let first = opened(0);
        assert_eq!(first.due_at, at(0));
        assert_eq!(opened(0).bundle, first.bundle);
        let second = opened(1);
        assert_ne!(second.bundle, first.bundle);
        assert_eq!(second.due_at, at(30_000));
        assert_eq!(opened(29_999), second);
        let later = opened(30_000);
        assert_eq!(later.due_at, at(30_000));
        assert_ne!(later.bundle, second.bundle);
    }

    #[test]
    fn twenty_servers_that_fall_silent_are_one_message() {
        let (mut bundles, rule) = (Bundles::default(), Id::random());
        let patience = Duration::from_secs(10);
        let notices: Vec<Notice> = (0..20)
            .map(|n| bundles.notice(rule, NoticeKind::Opened, at(n * 490), patience))
            .collect();
        assert!(notices.windows(2).all(|two| two.first() == two.last()));
    }

    #[test]
    fn different_rules_and_kinds_are_different_messages() {
        let (mut bundles, rule) = (Bundles::default(), Id::random());
        let opened = bundles.notice(rule, NoticeKind::Opened, at(0), NONE);
        let resolved = bundles.notice(rule, NoticeKind::Resolved, at(0), NONE);
        let other = bundles.notice(Id::random(), NoticeKind::Opened, at(0), NONE);
        assert_ne!(opened.bundle, resolved.bundle);
        assert_ne!(opened.bundle, other.bundle);
    }
}
