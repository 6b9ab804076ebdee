//! `/metrics`: the newest values of all servers of an organisation, in the text exposition format.

use bytes::Bytes;
use futures_util::stream;
use poem::http::header;
use poem::web::Data;
use poem::{Body, Request, Response, handler};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{TEXT_FORMAT, TextEncoder};
use server_scout_wire::Kind;

use super::App;
use super::guard::Access;
use super::problem::Failure;
use super::routes::{Declared, Routes};
use crate::domain::exposition::{Exposition, Family, Sample};
use crate::domain::principal::Principal;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route.at("/metrics", pages.get(Access::MetricsToken, scrape))
}

#[handler]
async fn scrape(Data(app): Data<&App>, request: &Request) -> poem::Result<Response> {
    let Some(Principal::Person(person)) = request.data::<Principal>() else {
        return Err(Failure::unauthenticated().into());
    };
    let exposition = app.services().exposition(person).await;
    Ok(written(exposition.map_err(Failure::from)?))
}

/// Writes family by family, as fast as it is read: what waits is one family.
fn written(exposition: Exposition) -> Response {
    let families = exposition.families();
    let texts = families
        .filter(|family| !family.samples.is_empty())
        .map(|family| text(family).map(Bytes::from));
    Response::builder()
        .header(header::CONTENT_TYPE, TEXT_FORMAT)
        .body(Body::from_bytes_stream(stream::iter(texts)))
}

fn text(exposed: Family) -> std::io::Result<String> {
    let metrics = exposed.samples.into_iter();
    let metrics = metrics.map(|sample| metric(sample, exposed.kind, exposed.label));
    let kind = match exposed.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
    };
    encode(&[family(&exposed.name, exposed.help, kind, metrics.collect())])
}

fn metric(sample: Sample, kind: Kind, name: Option<&str>) -> Metric {
    let own = name.zip(sample.label);
    let own = own.map(|(name, label)| pair(name, label.as_str().to_owned()));
    let mut labels = vec![
        pair("server", sample.name),
        pair("server_id", sample.id.to_string()),
    ];
    labels.extend(own);
    match kind {
        Kind::Counter => counter(labels, sample.value),
        Kind::Gauge => gauge(labels, sample.value),
    }
}

pub(super) fn encode(families: &[MetricFamily]) -> std::io::Result<String> {
    let text = TextEncoder::new().encode_to_string(families);
    text.map_err(std::io::Error::other)
}

pub(super) fn family(
    name: &str,
    help: &str,
    kind: MetricType,
    metrics: Vec<Metric>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

pub(super) fn counter(labels: Vec<LabelPair>, value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = Metric::from_label(labels);
    metric.set_counter(counter);
    metric
}

pub(super) fn gauge(labels: Vec<LabelPair>, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::from_label(labels);
    metric.set_gauge(gauge);
    metric
}

pub(super) fn pair(name: &str, value: String) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value);
    pair
}
