//! All data of an organisation as a file: newline-delimited JSON, gzip.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{BoxStream, unfold};
use poem::http::{HeaderValue, header};
use poem::{Body, Response};

use super::App;
use super::problem::Failure;
use super::streams::OpenStream;
use crate::access::Right;
use crate::domain::organisation_export::Export;
use crate::domain::principal::PersonPrincipal;

/// The archive, written as it is read.
pub(super) async fn export(app: &App, person: &PersonPrincipal) -> Result<Response, Failure> {
    let acting = person.acting_fresh(Right::Own)?;
    let archive = Archive {
        _place: app.reading(person).await?,
        export: app.services().export_organisation(&acting).await?,
        encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())),
    };
    let stream: BoxStream<'static, Result<Bytes, std::io::Error>> =
        Box::pin(unfold(archive, |mut archive| async move {
            let part = archive.next().await.transpose()?;
            Some((part, archive))
        }));
    let mut response = Response::builder()
        .content_type("application/gzip")
        .body(Body::from_bytes_stream(stream));
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"organisation.ndjson.gz\""),
    );
    Ok(response)
}

struct Archive {
    _place: OpenStream,
    export: Export,
    /// None once the archive is closed.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Archive {
    async fn next(&mut self) -> Result<Option<Bytes>, std::io::Error> {
        let Some(mut encoder) = self.encoder.take() else {
            return Ok(None);
        };
        loop {
            let records = self.export.next().await.map_err(|error| {
                // Breaking the answer off is how the reader learns that it is not whole.
                tracing::warn!("the export of an organisation broke off: {error}");
                std::io::Error::other("the export broke off")
            })?;
            let Some(records) = records else {
                return Ok(Some(encoder.finish()?.into()));
            };
            for record in records {
                serde_json::to_writer(&mut encoder, &record)?;
                encoder.write_all(b"\n")?;
            }
            let ready = std::mem::take(encoder.get_mut());
            if !ready.is_empty() {
                self.encoder = Some(encoder);
                return Ok(Some(ready.into()));
            }
        }
    }
}
