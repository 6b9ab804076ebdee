//! The listener for the operator alone: the dashboard's own internals, in the text exposition format.
//! It is reached from this machine only and shows nothing of any organisation, so it asks for nothing.

use std::time::Duration;

use poem::http::{Method, header};
use poem::{Endpoint, Request, Response};
use prometheus::TEXT_FORMAT;
use prometheus::proto::{Bucket, Histogram, Metric, MetricFamily, MetricType};
use rustix::time::{ClockId, clock_gettime};

use super::edge::{host_of, is_local};
use super::exposition::{counter, encode, family, gauge, pair};
use super::problem::Failure;
use crate::domain::Services;
use crate::internals::{Durations, ReportOutcome};

/// The one endpoint behind it.
pub(super) struct InternalsPage {
    services: Services,
    /// A Unix socket knows no hosts.
    any_host: bool,
}

impl InternalsPage {
    pub(super) fn new(services: Services, any_host: bool) -> Self {
        Self { services, any_host }
    }

    fn answer(&self, request: &Request) -> Result<Response, Failure> {
        // A page in a browser must not get here by a name that leads to this machine.
        if !self.any_host && !host_of(request).is_some_and(|host| is_local(&host)) {
            return Err(Failure::misdirected());
        }
        if request.uri().path() != "/metrics" {
            return Err(Failure::not_found());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Failure::method_not_allowed());
        }
        let text = encode(&families(&self.services)).map_err(|error| {
            tracing::error!("cannot write the internals: {error}");
            Failure::internal()
        })?;
        Ok(Response::builder()
            .header(header::CONTENT_TYPE, TEXT_FORMAT)
            .body(text))
    }
}

impl Endpoint for InternalsPage {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let answer = self.answer(&request);
        Ok(answer.unwrap_or_else(|failure| poem::Error::from(failure).into_response()))
    }
}

fn families(services: &Services) -> Vec<MetricFamily> {
    let internals = services.internals();
    let reports = ReportOutcome::ALL.into_iter();
    let reports = reports.map(|outcome| {
        let labels = vec![pair("outcome", outcome.as_str().to_owned())];
        counter(labels, float(internals.reports(outcome)))
    });
    let one = |value: f64| vec![gauge(Vec::new(), value)];
    let mut families = vec![
        family(
            "serverscout_reports_total",
            "Reports that were judged, by what became of them.",
            MetricType::COUNTER,
            reports.collect(),
        ),
        family(
            "serverscout_writes_waiting",
            "What waits for the writer or is being written.",
            MetricType::GAUGE,
            one(float(internals.waiting())),
        ),
        family(
            "serverscout_commit_duration_seconds",
            "How long transactions took.",
            MetricType::HISTOGRAM,
            vec![histogram(internals.commits())],
        ),
        family(
            "serverscout_failed_commits_total",
            "Transactions that came to nothing.",
            MetricType::COUNTER,
            vec![counter(Vec::new(), float(internals.failed_commits()))],
        ),
        family(
            "serverscout_database_bytes",
            "Size of the database with its log of writes.",
            MetricType::GAUGE,
            one(float(services.database_bytes())),
        ),
        family(
            "process_cpu_seconds_total",
            "CPU time of the dashboard.",
            MetricType::COUNTER,
            vec![counter(Vec::new(), cpu_time().as_secs_f64())],
        ),
    ];
    // Whatever the kernel does not show is absent.
    families.extend(resident_bytes().map(|bytes| {
        let help = "Memory of the dashboard that is in use.";
        let name = "process_resident_memory_bytes";
        family(name, help, MetricType::GAUGE, one(float(bytes)))
    }));
    families
}

fn histogram(durations: &Durations) -> Metric {
    let buckets = durations.up_to().into_iter().map(|(bound, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound.as_secs_f64());
        bucket.set_cumulative_count(count);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(durations.count());
    histogram.set_sample_sum(durations.sum().as_secs_f64());
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    metric
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The second number of `/proc/self/statm`, in pages (proc(5)).
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(number: u64) -> f64 {
    number as f64
}
