//! A report as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Host, Report, Sample};
use crate::{Tag, Tags};

pub(super) fn report(report: &Report) -> Vec<u8> {
    // Writing maps with text keys to memory cannot fail.
    serde_json::to_vec(report).unwrap_or_default()
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        if let Some(identity) = self.identity {
            map.serialize_entry("boot", &format_args!("{}", identity.boot))?;
            map.serialize_entry("seq", &identity.seq)?;
        }
        if let Some(host) = &self.host {
            map.serialize_entry("host", host)?;
        }
        let mut samples: Vec<&Sample> = self.samples.iter().collect();
        samples.sort_by_key(|sample| sample.metric);
        for group in samples.chunk_by(|a, b| a.metric == b.metric) {
            let [first, ..] = group else { continue };
            match first.label {
                None => map.serialize_entry(first.metric.name(), &Number(first.value))?,
                Some(_) => map.serialize_entry(first.metric.name(), &Labelled(group))?,
            }
        }
        map.end()
    }
}

struct Labelled<'a>(&'a [&'a Sample]);

impl Serialize for Labelled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter_map(|sample| {
            let label = sample.label.as_ref()?;
            Some((label.as_str(), Number(sample.value)))
        }))
    }
}

/// Whole numbers are written without a fraction, which is shorter.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "values are at most 2^53")]
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (fact, text) in self.facts() {
            map.serialize_entry(fact.name(), text.as_str())?;
        }
        if let Some(cores) = self.cores {
            map.serialize_entry("cores", &cores)?;
        }
        if !self.tags.is_empty() {
            map.serialize_entry("tags", &self.tags)?;
        }
        map.end()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Tag::as_str))
    }
}
