//! The form of a channel: what was typed, and what it says.

use std::collections::BTreeMap;

use server_scout_ui::views::{ChannelField, ChannelTyped, Choice};

use super::super::super::guard::Fields;
use super::super::super::problem::Failure;
use super::super::login;
use super::channel_asks::{Asks, HEADERS, asks};
use crate::alerting::Severity;
use crate::domain::ServiceError;
use crate::domain::channels::hours::Hours;
use crate::domain::channels::settings::{Kind, Settings};
use crate::domain::channels::{ChannelChange, NewChannel, When};
use crate::store::channels::{ChannelRow, HoursRow};

/// What every kind has, as its form carries it.
pub(super) struct Typed {
    name: String,
    severity: String,
    from: String,
    to: String,
    time_zone: String,
}

impl Typed {
    /// A new channel.
    pub(super) fn new() -> Self {
        Self {
            name: String::new(),
            severity: Severity::Warning.as_str().to_owned(),
            from: String::new(),
            to: String::new(),
            time_zone: String::new(),
        }
    }

    /// A channel that there is.
    pub(super) fn of(row: &ChannelRow) -> Self {
        let hours = row.hours.as_ref();
        let clock = |minute: fn(&HoursRow) -> i32| {
            hours.map_or_else(String::new, |hours| HoursRow::clock(minute(hours)))
        };
        Self {
            name: row.name.clone(),
            severity: row.severity.as_str().to_owned(),
            from: clock(|hours| hours.from),
            to: clock(|hours| hours.to),
            time_zone: hours.map_or_else(String::new, |hours| hours.zone.clone()),
        }
    }

    /// What somebody sent.
    pub(super) fn sent(fields: &mut Fields) -> Self {
        Self {
            name: fields.take("name"),
            severity: fields.take("severity"),
            from: fields.take("from"),
            to: fields.take("to"),
            time_zone: fields.take("time_zone"),
        }
    }

    /// The form with it, switched on or off.
    pub(super) fn view(&self, on: bool) -> ChannelTyped {
        let choice = |severity: Severity, name: &str| Choice {
            id: severity.as_str().to_owned(),
            name: name.to_owned(),
            chosen: severity.as_str() == self.severity,
        };
        ChannelTyped {
            name: self.name.clone(),
            severities: vec![
                choice(Severity::Warning, "Warning and critical"),
                choice(Severity::Critical, "Critical alone"),
            ],
            from: self.from.clone(),
            to: self.to.clone(),
            time_zone: self.time_zone.clone(),
            on,
        }
    }

    /// A channel as it is to be from now on.
    pub(super) fn change(&self, enabled: bool) -> Result<ChannelChange, ServiceError> {
        Ok(ChannelChange {
            name: Some(self.name.clone()),
            enabled: Some(enabled),
            severity: Some(self.severity()?),
            hours: Some(self.hours()?.map_or(When::Always, When::Within)),
        })
    }

    /// A channel to make.
    pub(super) fn made(
        &self,
        kind: Kind,
        typed: &BTreeMap<&'static str, String>,
    ) -> Result<NewChannel, ServiceError> {
        Ok(NewChannel {
            name: self.name.clone(),
            kind,
            settings: settings(typed)?,
            severity: self.severity()?,
            hours: self.hours()?,
        })
    }

    fn severity(&self) -> Result<Severity, ServiceError> {
        let expected = || ServiceError::invalid("severity", "must be warning or critical");
        match self.severity.as_str() {
            "" => Ok(Severity::Warning),
            word => Severity::from_word(word).ok_or_else(expected),
        }
    }

    fn hours(&self) -> Result<Option<Hours>, ServiceError> {
        let parts = [&self.from, &self.to, &self.time_zone];
        if parts.iter().all(|part| part.trim().is_empty()) {
            return Ok(None);
        }
        Hours::parse(self.from.trim(), self.to.trim(), &self.time_zone).map(Some)
    }
}

/// A kind, by its word.
pub(super) fn kind(word: &str) -> Result<Kind, Failure> {
    Kind::from_word(word).ok_or_else(|| Failure::invalid("kind", "is none that there is"))
}

/// The kinds to choose; mail only where it can be sent.
pub(super) fn kinds(mail: bool) -> Vec<Choice> {
    let offered = Kind::ALL
        .into_iter()
        .filter(|kind| mail || *kind != Kind::Email);
    let choice = |kind: Kind| Choice {
        id: kind.as_str().to_owned(),
        name: words(kind).to_owned(),
        chosen: false,
    };
    let mut all: Vec<Choice> = offered.map(choice).collect();
    all.sort_by_key(|choice| choice.name.to_lowercase());
    all
}

/// A kind for people.
pub(super) fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Discord => "Discord",
        Kind::Email => "E-mail",
        Kind::Gotify => "Gotify",
        Kind::Matrix => "Matrix",
        Kind::Ntfy => "ntfy",
        Kind::Opsgenie => "Opsgenie",
        Kind::Pagerduty => "PagerDuty",
        Kind::Pushover => "Pushover",
        Kind::Slack => "Slack",
        Kind::Teams => "Microsoft Teams",
        Kind::Telegram => "Telegram",
        Kind::Webhook => "Webhook",
    }
}

/// What a kind asks for, as it was typed.
pub(super) fn fields(kind: Kind, typed: &BTreeMap<&'static str, String>) -> Vec<ChannelField> {
    let field = |asks: &Asks| ChannelField {
        name: asks.name.to_owned(),
        label: asks.label.to_owned(),
        help: asks.help.to_owned(),
        value: typed.get(asks.name).cloned().unwrap_or_default(),
        placeholder: asks.empty.unwrap_or_default().to_owned(),
        required: asks.empty.is_none(),
        lines: asks.name == HEADERS,
    };
    asks(kind).iter().map(field).collect()
}

/// What somebody sent of what a kind asks for.
pub(super) fn sent(kind: Kind, fields: &mut Fields) -> BTreeMap<&'static str, String> {
    let asked = asks(kind).iter();
    asked
        .map(|asks| (asks.name, fields.take(asks.name)))
        .collect()
}

/// Why what was typed was refused: a field is called there as it is on the form.
pub(super) fn sentence(kind: Kind, error: &ServiceError) -> String {
    let label = |member: &str| {
        let asked = asks(kind).iter().find(|asks| asks.name == member);
        asked.map(|asks| asks.label)
    };
    match error {
        ServiceError::Invalid { member, reason } => match label(member) {
            Some(label) => format!("{label} {reason}."),
            None => login::sentence(error),
        },
        _ => login::sentence(error),
    }
}

fn settings(typed: &BTreeMap<&'static str, String>) -> Result<Settings, ServiceError> {
    let given = |name: &str| {
        let text = typed.get(name).map(|text| text.trim().to_owned());
        text.filter(|text| !text.is_empty())
    };
    Ok(Settings {
        address: given("address"),
        token: given("token"),
        recipient: given("recipient"),
        secret: None,
        headers: headers(given(HEADERS).as_deref().unwrap_or_default())?,
    })
}

/// A header in each line.
fn headers(text: &str) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut headers = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            let reason = "must have a name, a colon and a value in each line";
            return Err(ServiceError::invalid(HEADERS, reason));
        };
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        if headers.insert(name, value).is_some() {
            return Err(ServiceError::invalid(HEADERS, "must not hold a name twice"));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn filled(kind: Kind, all: bool) -> BTreeMap<&'static str, String> {
        let wanted = asks(kind).iter().filter(|asks| all || asks.empty.is_none());
        let example = |name| match name {
            "address" => "https://hooks.example.org/x",
            "recipient" if kind == Kind::Email => "ops@example.org",
            HEADERS => "X-Team: ops\r\n\r\nAuthorization: Bearer a:b\r\n",
            _ => "abcdefgh12345678",
        };
        wanted
            .map(|asks| (asks.name, example(asks.name).to_owned()))
            .collect()
    }

    #[test]
    fn each_form_asks_for_what_its_kind_needs() {
        for kind in Kind::ALL {
            for all in [false, true] {
                let checked = settings(&filled(kind, all)).unwrap().check(kind);
                assert!(checked.is_ok(), "{} {all}", kind.as_str());
            }
            for missing in filled(kind, false).keys() {
                let mut typed = filled(kind, true);
                typed.insert(missing, "  ".to_owned());
                let checked = settings(&typed).unwrap().check(kind);
                assert!(checked.is_err(), "{} {missing}", kind.as_str());
            }
        }
    }

    #[test]
    fn an_error_calls_a_field_as_the_form_does() {
        for kind in Kind::ALL {
            for asks in asks(kind) {
                let error = ServiceError::invalid(asks.name, "must be there");
                let said = sentence(kind, &error);
                assert_eq!(said, format!("{} must be there.", asks.label));
            }
            let error = ServiceError::invalid("time_zone", "must be there");
            assert_eq!(sentence(kind, &error), "Time zone must be there.");
        }
    }

    #[test]
    fn headers_are_lines() {
        let read = settings(&filled(Kind::Webhook, true)).unwrap().headers;
        let value = |name: &str| read.get(name).map(String::as_str);
        assert_eq!(value("X-Team"), Some("ops"));
        assert_eq!(value("Authorization"), Some("Bearer a:b"));
        assert!(headers("X-Team ops").is_err());
        assert!(headers("X-Team: ops\nX-Team: dev").is_err());
    }

    #[test]
    fn mail_is_offered_only_where_it_can_be_sent() {
        assert_eq!(kinds(true).len(), kinds(false).len() + 1);
        assert!(!kinds(false).iter().any(|kind| kind.id == "email"));
    }

    #[test]
    fn hours_are_all_there_or_none() {
        let typed = |from: &str, to: &str, time_zone: &str| Typed {
            from: from.to_owned(),
            to: to.to_owned(),
            time_zone: time_zone.to_owned(),
            ..Typed::new()
        };
        assert!(typed("", " ", "").hours().unwrap().is_none());
        assert!(typed("08:00", "18:00", "UTC").hours().unwrap().is_some());
        assert!(typed("08:00", "18:00", "").hours().is_err());
        assert!(typed("", "", "UTC").hours().is_err());
    }
}
