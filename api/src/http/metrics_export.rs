//! Metrics as a file, written as they are read: a line for each sample or roll-up.

use std::fmt::Write as _;
use std::iter::Peekable;

use bytes::Bytes;
use futures_util::stream::{BoxStream, unfold};
use poem::{Body, Response};
use serde::Serialize;
use server_scout_wire::Timestamp;

use super::App;
use super::problem::Failure;
use super::spreadsheet::{self, Format, plain};
use super::streams::OpenStream;
use crate::domain::ServiceError;
use crate::domain::metrics_export::{ExportQuestion, MetricsExport, Portion};
use crate::domain::principal::PersonPrincipal;
use crate::store::series::SeriesKey;
use crate::store::walk::Values;
use crate::timeseries::roll_up::Bucket;

/// Lines that are written at a time.
const AT_A_TIME: usize = 1000;

/// Everything that the question asks for.
pub(super) async fn export(
    app: &App,
    person: &PersonPrincipal,
    question: ExportQuestion,
    format: Format,
) -> Result<Response, Failure> {
    let place = app.reading(person).await?;
    let export = app.services().export_metrics(person, question).await?;
    let file = File {
        names: (format == Format::Csv).then(|| names(&export)),
        export,
        format,
        portion: None,
        _place: place,
    };
    let stream: BoxStream<'static, Result<Bytes, std::io::Error>> =
        Box::pin(unfold(file, |mut file| async move {
            let part = file.next().await.transpose()?;
            Some((part, file))
        }));
    Ok(format.download("metrics", Body::from_bytes_stream(stream)))
}

struct File {
    export: MetricsExport,
    format: Format,
    /// The line of names, until it is written.
    names: Option<Vec<&'static str>>,
    portion: Option<Lines>,
    _place: OpenStream,
}

impl File {
    /// The next lines; none at the end. Breaking the answer off is how the reader learns that it is not
    /// whole.
    async fn next(&mut self) -> Result<Option<Bytes>, std::io::Error> {
        if let Some(names) = self.names.take() {
            let mut writer = spreadsheet::writer();
            writer.write_record(names)?;
            return spreadsheet::bytes(writer).map(Some);
        }
        self.export
            .ask_again()
            .await
            .map_err(|error| broken_off(&error))?;
        loop {
            if let Some(lines) = &mut self.portion {
                let written = match self.format {
                    Format::Csv => lines.csv()?,
                    Format::JsonLines => lines.json()?,
                };
                if !written.is_empty() {
                    return Ok(Some(written));
                }
            }
            let portion = self
                .export
                .next()
                .await
                .map_err(|error| broken_off(&error))?;
            let Some(portion) = portion else {
                return Ok(None);
            };
            self.portion = Some(Lines::of(portion));
        }
    }
}

fn broken_off(error: &ServiceError) -> std::io::Error {
    tracing::warn!("an export of metrics broke off: {error}");
    std::io::Error::other("the export broke off")
}

/// The lines of a portion.
struct Lines {
    server: String,
    id: String,
    series: Peekable<std::vec::IntoIter<Series>>,
}

/// A series, and how many of its values are written.
struct Series {
    metric: &'static str,
    label: Option<String>,
    unit: &'static str,
    values: Values,
    written: usize,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    server_id: &'a str,
    server: &'a str,
    metric: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    unit: &'a str,
    #[serde(flatten)]
    value: Value,
}

/// What a line says.
#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Sample {
        value: f64,
    },
    RollUp {
        average: Option<f64>,
        min: f64,
        max: f64,
        count: u32,
    },
}

fn names(export: &MetricsExport) -> Vec<&'static str> {
    let values: &[&str] = match export.resolution() {
        None => &["value"],
        Some(_) => &["average", "min", "max", "count"],
    };
    let common = ["at", "server_id", "server", "metric", "label", "unit"];
    common.into_iter().chain(values.iter().copied()).collect()
}

impl Lines {
    fn of(portion: Portion) -> Self {
        let series = portion.series.into_iter();
        let series: Vec<Series> = series.map(Series::of).collect();
        Self {
            server: portion.server.name.clone(),
            id: portion.server.id.to_string(),
            series: series.into_iter().peekable(),
        }
    }

    /// The next lines as CSV; nothing at the end.
    fn csv(&mut self) -> Result<Bytes, std::io::Error> {
        let mut writer = spreadsheet::writer();
        let mut cell = String::new();
        self.write(|line| {
            let mut field = |text: std::fmt::Arguments<'_>| {
                cell.clear();
                // Writing to a text does not fail.
                let _ = cell.write_fmt(text);
                writer.write_field(&cell)
            };
            field(format_args!("{}", line.at))?;
            field(format_args!("{}", line.server_id))?;
            field(format_args!("{}", plain(line.server)))?;
            field(format_args!("{}", line.metric))?;
            field(format_args!("{}", plain(line.label.unwrap_or_default())))?;
            field(format_args!("{}", line.unit))?;
            match line.value {
                Value::Sample { value } => field(format_args!("{value}"))?,
                Value::RollUp {
                    average,
                    min,
                    max,
                    count,
                } => {
                    field(format_args!("{}", average.unwrap_or_default()))?;
                    field(format_args!("{min}"))?;
                    field(format_args!("{max}"))?;
                    field(format_args!("{count}"))?;
                }
            }
            Ok(writer.write_record(None::<&[u8]>)?)
        })?;
        spreadsheet::bytes(writer)
    }

    /// The next lines as JSON; nothing at the end.
    fn json(&mut self) -> Result<Bytes, std::io::Error> {
        let mut bytes = Vec::new();
        self.write(|line| {
            serde_json::to_writer(&mut bytes, &line)?;
            bytes.push(b'\n');
            Ok(())
        })?;
        Ok(bytes.into())
    }

    fn write(
        &mut self,
        mut line: impl FnMut(Line<'_>) -> Result<(), std::io::Error>,
    ) -> Result<(), std::io::Error> {
        let mut room = AT_A_TIME;
        while let Some(series) = self.series.peek_mut().filter(|_| room > 0) {
            let Some((at, value)) = series.value() else {
                self.series.next();
                continue;
            };
            series.written += 1;
            room -= 1;
            line(Line {
                at: Timestamp::from_millis(at),
                server_id: &self.id,
                server: &self.server,
                metric: series.metric,
                label: series.label.as_deref(),
                unit: series.unit,
                value,
            })?;
        }
        Ok(())
    }
}

impl Series {
    fn of((key, values): (SeriesKey, Values)) -> Self {
        let unit = match values {
            // Counters come as they count.
            Values::Samples(_) => key.metric.describe().unit.as_str(),
            Values::Buckets(_) => key.metric.shown_unit(),
        };
        Self {
            metric: key.metric.name(),
            label: key.label.map(|label| label.to_string()),
            unit,
            values,
            written: 0,
        }
    }

    fn value(&self) -> Option<(i64, Value)> {
        match &self.values {
            Values::Samples(samples) => {
                let (at, value) = *samples.get(self.written)?;
                Some((at, Value::Sample { value }))
            }
            Values::Buckets(buckets) => {
                let (at, bucket) = buckets.get(self.written)?;
                Some((*at, Value::of(bucket)))
            }
        }
    }
}

impl Value {
    fn of(bucket: &Bucket) -> Self {
        Self::RollUp {
            average: bucket.average(),
            min: bucket.min,
            max: bucket.max,
            count: bucket.count,
        }
    }
}
