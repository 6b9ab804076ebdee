//! What a channel is told, and in which words.

use serde::{Deserialize, Serialize};

use crate::store::alert_notices::{NoticeRow, Tells};

/// A message: one incident, or several that happened together. It is stored as JSON until it arrived,
/// and it is what a webhook gets.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Message {
    /// `opened`, `escalated`, `reminder`, `resolved` or `test`.
    pub kind: String,
    /// The highest of its incidents: `warning` or `critical`.
    pub severity: String,
    /// When it was due, RFC 3339.
    pub at: String,
    /// What the organisation is called.
    pub organisation: String,
    /// What it tells of, at most [`MAX_DESCRIBED`]; none for a test.
    pub incidents: Vec<Told>,
    /// How many more there are of which it tells nothing else.
    #[serde(default)]
    pub more: usize,
}

/// What is told of one incident.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Told {
    /// Its id.
    pub incident: String,
    /// Its rule's id.
    pub rule: String,
    /// How much it matters.
    pub severity: String,
    /// When it happened, RFC 3339.
    pub at: String,
    /// The rest.
    #[serde(flatten)]
    pub tells: Tells,
}

impl Message {
    /// Of some notices of one bundle, at least one, out of `all`: the first [`MAX_DESCRIBED`] are described.
    #[must_use]
    pub fn of(organisation: &str, notices: &[&NoticeRow], all: usize) -> Option<Self> {
        let notices = notices.get(..MAX_DESCRIBED).unwrap_or(notices);
        let first = notices.first()?;
        let severity = notices.iter().map(|notice| notice.severity).max()?;
        let told = |notice: &&NoticeRow| Told {
            incident: notice.incident.to_string(),
            rule: notice.rule.to_string(),
            severity: notice.severity.as_str().to_owned(),
            at: notice.at.to_string(),
            tells: notice.tells.clone(),
        };
        Some(Self {
            kind: first.kind.as_str().to_owned(),
            severity: severity.as_str().to_owned(),
            at: first.due_at.to_string(),
            organisation: organisation.to_owned(),
            incidents: notices.iter().map(told).collect(),
            more: all.saturating_sub(notices.len()),
        })
    }

    /// One that says only that the channel works.
    #[must_use]
    pub fn test(organisation: &str, at: &str) -> Self {
        Self {
            kind: TEST.to_owned(),
            severity: "warning".to_owned(),
            at: at.to_owned(),
            organisation: organisation.to_owned(),
            incidents: Vec::new(),
            more: 0,
        }
    }

    /// The word for programs: `incident.opened` and so on.
    #[must_use]
    pub fn event(&self) -> String {
        if self.kind == TEST {
            "channel.test".to_owned()
        } else {
            format!("incident.{}", self.kind)
        }
    }

    /// Whether it tells of an end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.kind == "resolved"
    }

    /// Whether it matters most.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.severity == "critical"
    }

    /// What stays the same from an incident's opening to its end.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.incidents.first().map(|told| told.incident.as_str())
    }

    /// One line.
    #[must_use]
    pub fn title(&self) -> String {
        let Some(first) = self.incidents.first() else {
            return format!("Test of a channel of {}", self.organisation);
        };
        let word = match self.kind.as_str() {
            "resolved" => "Resolved",
            "reminder" => "Still open",
            _ if self.is_critical() => "Critical",
            _ => "Warning",
        };
        let rule = &first.tells.rule_name;
        match self.incidents.len().saturating_add(self.more) {
            1 => format!("{word}: {rule} on {}", place(&first.tells)),
            many => format!("{word}: {rule} on {many} places"),
        }
    }

    /// A line for each incident, at most twenty.
    #[must_use]
    pub fn text(&self) -> String {
        if self.incidents.is_empty() {
            return "Notices of incidents will arrive here.".to_owned();
        }
        let mut lines: Vec<String> = { self.incidents.iter().take(LINES) }
            .map(|told| line(&told.tells))
            .collect();
        let all = self.incidents.len().saturating_add(self.more);
        if let Some(more @ 1..) = all.checked_sub(lines.len()) {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }
}

fn place(tells: &Tells) -> String {
    match &tells.label {
        Some(label) => format!("{} ({label})", tells.server_name),
        None => tells.server_name.clone(),
    }
}

fn line(tells: &Tells) -> String {
    let value = tells.value.unwrap_or(tells.worst);
    let end = tells.end_reason.as_deref();
    let end = end.map_or_else(String::new, |reason| format!("; over: {reason}"));
    format!(
        "{}: {} {}, {} {} {}; since {}{end}",
        place(tells),
        tells.measure,
        number(value),
        tells.comparison,
        number(tells.threshold),
        tells.unit,
        tells.opened_at,
    )
}

/// With at most two digits behind the point.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The kind of a message that is no notice.
pub const TEST: &str = "test";
/// Incidents that a message describes. Names and labels are short, so it has at most 120 kB.
pub const MAX_DESCRIBED: usize = 100;
const LINES: usize = 20;
