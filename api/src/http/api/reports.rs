//! `POST /api/v1/reports`.

use std::borrow::Cow;

use bytes::Bytes;
use poem::http::header;
use poem::{Request, RequestBody, Result};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OpenApi};
use server_scout_wire::limits::{MAX_BATCH, MAX_DECODED_BYTES, MAX_LABEL_BYTES, MAX_LABELS};
use server_scout_wire::{Answer, Coding, Fact, Metric, Undecodable, coding};
use tokio::sync::Semaphore;

use super::super::problem::Failure;
use super::super::{App, client};
use super::auth::AgentAuth;
use super::schema::ReportsAnswer;
use crate::domain::ingest::{Outcome, Outcomes};

pub(super) struct ReportsApi(pub(super) App);

#[OpenApi]
impl ReportsApi {
    /// Send reports
    ///
    /// One report, or an array of at most 1000. A batch is judged item by item; a single bad
    /// report is a problem 422. The answer comes after the commit.
    #[oai(path = "/reports", method = "post", operation_id = "send_reports")]
    async fn send_reports(
        &self,
        request: &Request,
        agent: AgentAuth,
        body: ReportsBody,
    ) -> Result<Json<ReportsAnswer>, Failure> {
        let client = client::of(request);
        let judged = self.0.services().ingest(agent.0, client, body.0).await?;
        Ok(Json(answer(judged)?.into()))
    }
}

fn answer(judged: Outcomes) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    for (index, outcome) in judged.outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Accepted => answer.accepted += 1,
            Outcome::Duplicate => answer.duplicate += 1,
            Outcome::TooOld => answer.too_old += 1,
            Outcome::Refused(refused) if !judged.batch => return Err(refused.into()),
            Outcome::Refused(refused) => {
                answer.refuse(index as u64, Failure::from(refused).into_problem());
            }
        }
    }
    Ok(answer)
}

/// The JSON text of the reports, decompressed.
struct ReportsBody(Bytes);

impl<'a> ApiExtractor<'a> for ReportsBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.schemas.insert(REPORT.to_owned(), report_schema());
    }

    fn request_meta() -> Option<MetaRequest> {
        let one = MetaSchemaRef::Reference(REPORT.to_owned());
        let many = MetaSchema {
            items: Some(Box::new(one.clone())),
            max_items: Some(MAX_BATCH),
            ..MetaSchema::new("array")
        };
        let either = MetaSchema {
            one_of: vec![one, MetaSchemaRef::Inline(Box::new(many))],
            ..MetaSchema::ANY
        };
        Some(MetaRequest {
            description: Some(
                "Plain, or compressed: `Content-Encoding` gzip, or deflate, which is the zlib format, \
                 without a preset dictionary or with that of an agent of the last year; 415 where \
                 the dictionary is unknown",
            ),
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: MetaSchemaRef::Inline(Box::new(either)),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let json = request.content_type().is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("application/json")
        });
        if !json {
            return Err(Failure::unsupported_media_type("application/json is expected.").into());
        }
        let bytes = body.take()?.into_bytes().await?;
        let coding = request.headers().get(header::CONTENT_ENCODING);
        let coding = match coding.map(header::HeaderValue::as_bytes) {
            None | Some(b"identity") => return Ok(Self(bytes)),
            Some(name) => Coding::from_name(name).ok_or_else(|| {
                Failure::unsupported_media_type("gzip and deflate are the only content encodings.")
            })?,
        };
        Ok(Self(decode(coding, bytes).await?))
    }
}

/// Decompresses, reading no further than the bound. What turns out to be long is done again on a
/// thread of its own, few at a time.
async fn decode(coding: Coding, bytes: Bytes) -> Result<Bytes, Failure> {
    static LONG_ONES: Semaphore = Semaphore::const_new(4);
    match coding::decode(coding, &bytes, SHORT_BYTES) {
        Err(Undecodable::TooLong) => {}
        done => return done.map(Bytes::from).map_err(Failure::from),
    }
    let turn = LONG_ONES.acquire().await.map_err(|_| Failure::busy())?;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        coding::decode(coding, &bytes, MAX_DECODED_BYTES)
    });
    let done = done.await.map_err(|_| Failure::internal())?;
    done.map(Bytes::from).map_err(Failure::from)
}

impl From<Undecodable> for Failure {
    fn from(why: Undecodable) -> Self {
        match why {
            Undecodable::Damaged => Self::bad_request(why.to_string()),
            Undecodable::TooLong => Self::too_large(MAX_DECODED_BYTES),
            Undecodable::UnknownDictionary(_) => {
                Self::unsupported_media_type(format!("{why}; send gzip."))
            }
        }
    }
}

/// The report's schema, written from the catalogue.
fn report_schema() -> MetaSchema {
    let mut properties: Vec<(&'static str, MetaSchemaRef)> = vec![
        (
            "timestamp",
            described(
                MetaSchema::new_with_format("string", "date-time"),
                "When the values were read, by the host's clock.",
            ),
        ),
        (
            "boot",
            described(
                MetaSchema {
                    pattern: Some("^[0-9a-f]{16}$".to_owned()),
                    ..MetaSchema::new("string")
                },
                "Random for each start of the agent: 16 hexadecimal digits. Together with seq.",
            ),
        ),
        (
            "seq",
            described(
                MetaSchema {
                    minimum: Some(0.0),
                    ..MetaSchema::new_with_format("integer", "int64")
                },
                "Grows by one with each report of that start. Together with boot.",
            ),
        ),
        ("host", host_schema()),
    ];
    let metrics = Metric::ALL
        .iter()
        .map(|metric| (metric.name(), metric_schema(*metric)));
    properties.extend(metrics);
    let mut required = vec!["timestamp"];
    required.extend(Metric::REQUIRED.iter().map(|metric| metric.name()));
    MetaSchema {
        description: Some("What an agent saw at one moment. An unknown member is refused."),
        required,
        properties,
        ..MetaSchema::new("object")
    }
}

fn metric_schema(metric: Metric) -> MetaSchemaRef {
    let description = metric.describe();
    let unit = description.unit.as_str();
    let number = MetaSchema {
        minimum: Some(metric.min()),
        maximum: Some(metric.max()),
        ..MetaSchema::new_with_format("number", "double")
    };
    let text: Cow<'static, str> = match description.label {
        None => format!("{} Unit: {unit}.", description.meaning).into(),
        Some(label) => format!(
            "{} By {}. Unit: {unit}.",
            description.meaning,
            label.as_str()
        )
        .into(),
    };
    let schema = match description.label {
        None => number,
        Some(_) => MetaSchema {
            additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(number)))),
            max_properties: Some(MAX_LABELS),
            ..MetaSchema::new("object")
        },
    };
    // The registry wants texts that live for ever; the document is made once per start.
    described(schema, Box::leak(text.into_owned().into_boxed_str()))
}

fn host_schema() -> MetaSchemaRef {
    let text = || MetaSchema {
        max_length: Some(MAX_LABEL_BYTES),
        ..MetaSchema::new("string")
    };
    let cores = MetaSchema {
        minimum: Some(1.0),
        maximum: Some(65_536.0),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    let fact = |fact: &Fact| (fact.name(), described(text(), fact.describe().meaning));
    let mut properties: Vec<(&'static str, MetaSchemaRef)> = Fact::ALL.iter().map(fact).collect();
    properties.push(("cores", MetaSchemaRef::Inline(Box::new(cores))));
    described(
        MetaSchema {
            properties,
            ..MetaSchema::new("object")
        },
        "What the host is.",
    )
}

fn described(schema: MetaSchema, description: &'static str) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema {
        description: Some(description),
        ..schema
    }))
}

/// What is decompressed in passing.
const SHORT_BYTES: usize = 256 * 1024;
const REPORT: &str = "Report";
