//! `/metrics`: the newest values of all servers of an organisation, in the text exposition format.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
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
    let families = stream::iter(0..exposition.len());
    let texts = families.filter_map(move |place| {
        let family = exposition.family(place);
        let family = family.filter(|family| !family.samples.is_empty());
        std::future::ready(family.map(|family| text(family).map(Bytes::from)))
    });
    Response::builder()
        .header(header::CONTENT_TYPE, TEXT_FORMAT)
        .body(Body::from_bytes_stream(texts))
}

fn text(family: Family) -> std::io::Result<String> {
    let metrics = family.samples.into_iter();
    let metrics = metrics.map(|sample| metric(sample, family.kind, family.label));
    let mut message = MetricFamily::default();
    message.set_name(family.name);
    message.set_help(family.help.to_owned());
    message.set_field_type(match family.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
    });
    message.set_metric(metrics.collect());
    TextEncoder::new()
        .encode_to_string(&[message])
        .map_err(std::io::Error::other)
}

fn metric(sample: Sample, kind: Kind, name: Option<&str>) -> Metric {
    let own = name.zip(sample.label);
    let own = own.map(|(name, label)| pair(name, label.as_str().to_owned()));
    let mut labels = vec![
        pair("server", sample.name),
        pair("server_id", sample.id.to_string()),
    ];
    labels.extend(own);
    let mut metric = Metric::from_label(labels);
    match kind {
        Kind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(sample.value);
            metric.set_counter(counter);
        }
        Kind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(sample.value);
            metric.set_gauge(gauge);
        }
    }
    metric
}

fn pair(name: &str, value: String) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value);
    pair
}
