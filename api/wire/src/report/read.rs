//! A report from JSON, every bound checked while it is read.
//!
//! The reader goes through the text once and makes no intermediate tree. A refusal is kept beside
//! the JSON reader's own error, because that error can carry a sentence but not a member's name.

mod tags;

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use self::tags::TagsSeed;
use super::{Boot, Host, Identity, Report, Sample};
use crate::limits::{MAX_BATCH, MAX_LABELS, MAX_SAMPLES};
use crate::{Fact, Label, Metric, Refusal, Timestamp};

/// Splits a request body into the JSON texts of its reports: an array is a batch, anything else is
/// one report. The flag tells which.
pub fn split_batch(body: &[u8]) -> Result<(Vec<&RawValue>, bool), Refusal> {
    let first = body.iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'[') {
        let mut too_many = false;
        let mut reader = serde_json::Deserializer::from_slice(body);
        let read = reader
            .deserialize_seq(BatchVisitor(&mut too_many))
            .and_then(|reports| reader.end().map(|()| reports));
        if too_many {
            let reason = format!("holds too many reports, expected at most {MAX_BATCH}");
            return Err(Refusal::new("body", reason));
        }
        Ok((read.map_err(|error| not_json(&error))?, true))
    } else {
        let report: &RawValue = serde_json::from_slice(body).map_err(|e| not_json(&e))?;
        Ok((vec![report], false))
    }
}

/// Stops at the first report that is one too many.
struct BatchVisitor<'a>(&'a mut bool);

impl<'de> Visitor<'de> for BatchVisitor<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of reports")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut reports = Vec::new();
        while let Some(report) = items.next_element()? {
            if reports.len() == MAX_BATCH {
                *self.0 = true;
                return Err(A::Error::custom("too many reports"));
            }
            reports.push(report);
        }
        Ok(reports)
    }
}

pub(super) fn report(json: &[u8]) -> Result<Report, Refusal> {
    let mut refusal = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = ReportSeed(&mut refusal)
        .deserialize(&mut reader)
        .and_then(|report| reader.end().map(|()| report));
    read.map_err(|error| refusal.unwrap_or_else(|| not_json(&error)))
}

fn not_json(error: &serde_json::Error) -> Refusal {
    Refusal::new("body", format!("expected JSON: {error}"))
}

/// Where a refusal is put while the JSON reader unwinds.
type Slot<'a> = &'a mut Option<Refusal>;

fn refuse<E: serde::de::Error>(slot: Slot<'_>, member: &str, reason: impl Into<String>) -> E {
    let refusal = Refusal::new(member, reason);
    let error = E::custom(&refusal);
    slot.get_or_insert(refusal);
    error
}

struct ReportSeed<'a>(Slot<'a>);

impl<'de> DeserializeSeed<'de> for ReportSeed<'_> {
    type Value = Report;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Report, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReportSeed<'_> {
    type Value = Report;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Report, A::Error> {
        let slot = self.0;
        let (mut timestamp, mut boot, mut seq, mut host) = (None, None, None, None);
        let mut samples: Vec<Sample> = Vec::with_capacity(64);
        let mut seen = [false; Metric::ALL.len()];

        while let Some(member) = map.next_key_seed(KeySeed)? {
            match member {
                Key::Metric(metric) => {
                    if seen.get(metric as usize) == Some(&true) {
                        return Err(refuse(slot, metric.name(), "stands twice"));
                    }
                    if let Some(seen) = seen.get_mut(metric as usize) {
                        *seen = true;
                    }
                    if metric.describe().label.is_none() {
                        let value = number(&mut map, slot, metric, None)?;
                        add(&mut samples, slot, metric, None, value)?;
                    } else {
                        let labels = LabelsSeed {
                            slot,
                            metric,
                            samples: &mut samples,
                        };
                        map.next_value_seed(labels).map_err(|error| {
                            let reason =
                                format!("expected an object of labels and numbers: {error}");
                            refuse(slot, metric.name(), reason)
                        })?;
                    }
                }
                Key::Timestamp => {
                    let text: Timestamp = value(&mut map, slot, "timestamp")?;
                    once(&mut timestamp, text, slot, "timestamp")?;
                }
                Key::Boot => {
                    let text: std::borrow::Cow<'_, str> = value(&mut map, slot, "boot")?;
                    let parsed = text.parse::<Boot>().map_err(|e| refuse(slot, "boot", e))?;
                    once(&mut boot, parsed, slot, "boot")?;
                }
                Key::Seq => {
                    let number: u64 = value(&mut map, slot, "seq")?;
                    if i64::try_from(number).is_err() {
                        return Err(refuse(slot, "seq", "expected a number below 2^63"));
                    }
                    once(&mut seq, number, slot, "seq")?;
                }
                Key::Host => {
                    let text = map.next_value_seed(HostSeed(slot)).map_err(|error| {
                        refuse(
                            slot,
                            "host",
                            format!("expected an object of texts: {error}"),
                        )
                    })?;
                    once(&mut host, text, slot, "host")?;
                }
                Key::Unknown(name) => {
                    return Err(refuse(slot, &name, "is not a member of a report"));
                }
            }
        }

        let Some(timestamp) = timestamp else {
            return Err(refuse(slot, "timestamp", "is missing"));
        };
        for metric in Metric::REQUIRED {
            if seen.get(metric as usize) != Some(&true) {
                return Err(refuse(slot, metric.name(), "is missing"));
            }
        }
        let identity = match (boot, seq) {
            (Some(boot), Some(seq)) => Some(Identity { boot, seq }),
            (None, None) => None,
            (Some(_), None) => return Err(refuse(slot, "seq", "is missing beside boot")),
            (None, Some(_)) => return Err(refuse(slot, "boot", "is missing beside seq")),
        };
        Ok(Report {
            timestamp,
            identity,
            host,
            samples,
        })
    }
}

/// The value of a plain member, or a refusal that names it.
fn value<'de, A: MapAccess<'de>, T: serde::Deserialize<'de>>(
    map: &mut A,
    slot: Slot<'_>,
    member: &str,
) -> Result<T, A::Error> {
    map.next_value()
        .map_err(|error| refuse(slot, member, error.to_string()))
}

fn number<'de, A: MapAccess<'de>>(
    map: &mut A,
    slot: Slot<'_>,
    metric: Metric,
    label: Option<&Label>,
) -> Result<f64, A::Error> {
    let member = || match label {
        None => metric.name().to_owned(),
        Some(label) => format!("{metric}.{label}"),
    };
    let value: f64 = map
        .next_value()
        .map_err(|error| refuse(slot, &member(), format!("expected a number: {error}")))?;
    if value.is_finite() && (metric.min()..=metric.max()).contains(&value) {
        Ok(value)
    } else {
        let reason = format!("is {value}, expected {} to {}", metric.min(), metric.max());
        Err(refuse(slot, &member(), reason))
    }
}

fn add<E: serde::de::Error>(
    samples: &mut Vec<Sample>,
    slot: Slot<'_>,
    metric: Metric,
    label: Option<Label>,
    value: f64,
) -> Result<(), E> {
    if samples.len() >= MAX_SAMPLES {
        let reason = format!("is one value too many, expected at most {MAX_SAMPLES} in a report");
        return Err(refuse(slot, metric.name(), reason));
    }
    samples.push(Sample {
        metric,
        label,
        value,
    });
    Ok(())
}

fn once<T, E: serde::de::Error>(
    place: &mut Option<T>,
    value: T,
    slot: Slot<'_>,
    member: &str,
) -> Result<(), E> {
    if place.replace(value).is_some() {
        return Err(refuse(slot, member, "stands twice"));
    }
    Ok(())
}

enum Key {
    Boot,
    Host,
    Metric(Metric),
    Seq,
    Timestamp,
    Unknown(String),
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
        Ok(match name {
            "boot" => Key::Boot,
            "host" => Key::Host,
            "seq" => Key::Seq,
            "timestamp" => Key::Timestamp,
            _ => Metric::from_name(name).map_or_else(|| Key::Unknown(name.to_owned()), Key::Metric),
        })
    }
}

/// The values of one metric that has a label.
struct LabelsSeed<'a> {
    slot: Slot<'a>,
    metric: Metric,
    samples: &'a mut Vec<Sample>,
}

impl<'de> DeserializeSeed<'de> for LabelsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LabelsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self {
            slot,
            metric,
            samples,
        } = self;
        let start = samples.len();
        while let Some(label) = map.next_key_seed(LabelSeed { slot, metric })? {
            if samples.len() - start >= MAX_LABELS {
                let reason = format!("has more than {MAX_LABELS} labels");
                return Err(refuse(slot, metric.name(), reason));
            }
            let value = number(&mut map, slot, metric, Some(&label))?;
            add(samples, slot, metric, Some(label), value)?;
        }
        let mut labels: Vec<&Label> = samples
            .iter()
            .skip(start)
            .filter_map(|sample| sample.label.as_ref())
            .collect();
        labels.sort_unstable();
        let twice = labels.array_windows().find(|[a, b]| a == b);
        if let Some([label, _]) = twice {
            return Err(refuse(slot, &format!("{metric}.{label}"), "stands twice"));
        }
        Ok(())
    }
}

struct LabelSeed<'a> {
    slot: Slot<'a>,
    metric: Metric,
}

impl<'de> DeserializeSeed<'de> for LabelSeed<'_> {
    type Value = Label;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Label, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for LabelSeed<'_> {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Label, E> {
        Label::new(text)
            .map_err(|error| refuse(self.slot, self.metric.name(), format!("a label {error}")))
    }
}

struct HostSeed<'a>(Slot<'a>);

impl<'de> DeserializeSeed<'de> for HostSeed<'_> {
    type Value = Host;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Host, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HostSeed<'_> {
    type Value = Host;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Host, A::Error> {
        let slot = self.0;
        let mut host = Host::default();
        let mut tags = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let member = format!("host.{name}");
            if name == "tags" {
                let read = map.next_value_seed(TagsSeed(slot)).map_err(|error| {
                    refuse(slot, &member, format!("expected an array of tags: {error}"))
                })?;
                once(&mut tags, read, slot, &member)?;
                continue;
            }
            if name == "cores" {
                let cores: u32 = value(&mut map, slot, &member)?;
                if !(1..=65_536).contains(&cores) {
                    return Err(refuse(slot, &member, "expected 1 to 65536"));
                }
                once(&mut host.cores, cores, slot, &member)?;
                continue;
            }
            let Some(fact) = Fact::from_name(&name) else {
                map.next_value::<IgnoredAny>()?;
                return Err(refuse(slot, &member, "is not a member of a report"));
            };
            let text: std::borrow::Cow<'_, str> = value(&mut map, slot, &member)?;
            let label = Label::new(&text).map_err(|e| {
                A::Error::custom(slot.get_or_insert(Refusal::new(&member, e.to_string())))
            })?;
            if host.set(fact, label).is_some() {
                return Err(refuse(slot, &member, "stands twice"));
            }
        }
        host.tags = tags.unwrap_or_default();
        Ok(host)
    }
}
