//! The newest values of an organisation's servers, as Prometheus wants them: families of samples in
//! base units, counters as they count.

use std::sync::Arc;

use server_scout_wire::{Kind, Label, LabelName, Metric, Timestamp, Unit};

use super::live::{Live, Reported};
use super::principal::PersonPrincipal;
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::live::Sight;
use crate::store::servers;

/// What is exposed to one scrape. Families are put together one by one, as they are asked for.
pub struct Exposition {
    live: Arc<Live>,
    sight: Sight,
    servers: Vec<(Id<Server>, String)>,
    now: Timestamp,
}

/// Samples of one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// The name, with its unit.
    pub name: String,
    /// One sentence for people.
    pub help: &'static str,
    /// Whether it counts.
    pub kind: Kind,
    /// The name of the samples' own label, if they have one.
    pub label: Option<&'static str>,
    /// The samples.
    pub samples: Vec<Sample>,
}

/// One value of one server.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The server's id.
    pub id: Id<Server>,
    /// The server's name.
    pub name: String,
    /// Which interface, device, mount and so on.
    pub label: Option<Label>,
    /// The value.
    pub value: f64,
}

impl Services {
    /// What a scrape sees: all that the person behind the token sees, by a token of scope `metrics`.
    pub async fn exposition(&self, person: &PersonPrincipal) -> Result<Exposition, ServiceError> {
        let scope = person.exposed()?;
        let (sight, servers) = self
            .store()
            .read(move |c| Ok((Sight::of(c, scope)?, servers::names(c, scope)?)))
            .await?;
        Ok(Exposition {
            live: Arc::clone(self.live()),
            sight,
            servers,
            now: self.clock().now(),
        })
    }
}

impl Exposition {
    /// The families one by one, each put together when it is asked for; some have no sample.
    pub fn families(self) -> impl Iterator<Item = Family> {
        let places = 0..OF_SERVERS.len() + Metric::ALL.len();
        places.filter_map(move |place| self.family(place))
    }

    fn family(&self, place: usize) -> Option<Family> {
        if let Some(of_servers) = OF_SERVERS.get(place) {
            return Some(self.of_servers(of_servers));
        }
        let metric = Metric::ALL.get(place - OF_SERVERS.len())?;
        Some(self.of_metric(*metric))
    }

    fn of_servers(&self, family: &OfServers) -> Family {
        let mut samples = Vec::new();
        self.each(|id, name, reported| {
            if let Some(value) = (family.value)(&reported, self.now) {
                samples.push(sample(id, name, None, value));
            }
        });
        Family {
            name: format!("{PREFIX}{}", family.name),
            help: family.help,
            kind: family.kind,
            label: None,
            samples,
        }
    }

    /// The values of servers that report. What a silent server said last is not what it would say
    /// now, so its series end.
    fn of_metric(&self, metric: Metric) -> Family {
        let description = metric.describe();
        let (suffix, factor) = match description.unit {
            Unit::Percent => ("_ratio", 0.01),
            _ => ("", 1.0),
        };
        let mut samples = Vec::new();
        self.each(|id, name, reported| {
            if reported.is_up(self.now) {
                let values = reported.values(metric);
                samples
                    .extend(values.map(|(label, value)| sample(id, name, label, value * factor)));
            }
        });
        Family {
            name: format!("{PREFIX}{}{suffix}", description.name),
            help: description.meaning,
            kind: description.kind,
            label: description.label.map(LabelName::as_str),
            samples,
        }
    }

    fn each<'a>(&'a self, look: impl FnMut(Id<Server>, &'a str, Reported<'_>)) {
        self.live.each(&self.sight, &self.servers, look);
    }
}

fn sample(id: Id<Server>, name: &str, label: Option<&Label>, value: f64) -> Sample {
    Sample {
        id,
        name: name.to_owned(),
        label: label.cloned(),
        value,
    }
}

/// A family about the servers themselves.
struct OfServers {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    value: fn(&Reported<'_>, Timestamp) -> Option<f64>,
}

const OF_SERVERS: [OfServers; 3] = [
    OfServers {
        name: "server_up",
        help: "1 when the server's reports arrive, else 0.",
        kind: Kind::Gauge,
        value: |reported, now| Some(f64::from(u8::from(reported.is_up(now)))),
    },
    OfServers {
        name: "server_last_report_timestamp_seconds",
        help: "When the server's newest report arrived.",
        kind: Kind::Gauge,
        value: |reported, _| Some(seconds(reported.last_seen()?)),
    },
    OfServers {
        name: "server_dropped_values_total",
        help: "Values that were not stored because the server has too many series.",
        kind: Kind::Counter,
        value: |reported, _| Some(count(reported.dropped())),
    },
];

/// Exact for as long as milliseconds since 1970 fit 53 bits.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

/// Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn count(number: u64) -> f64 {
    number as f64
}

const PREFIX: &str = "serverscout_";
