//! What the dashboard keeps about its own doings as a file, written page by page as it is read.

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::stream::{BoxStream, unfold};
use poem::{Body, Response};
use serde::Serialize;

use super::spreadsheet::{self, Format};
use crate::domain::ServiceError;

/// A line of a file.
pub(super) trait Record: Serialize + Send {
    /// What the cells are called.
    const NAMES: &'static [&'static str];

    /// The cells of a spreadsheet, in the order of the names.
    fn cells(&self) -> Vec<Cow<'_, str>>;
}

/// What is read a page at a time.
pub(super) trait Pages: Send + 'static {
    /// A line of it.
    type Record: Record;
    /// What the file is called, without its ending.
    const NAME: &'static str;

    /// The next lines; none at the end.
    fn next(
        &mut self,
    ) -> impl Future<Output = Result<Option<Vec<Self::Record>>, ServiceError>> + Send;
}

/// The download of all pages.
pub(super) fn download<P: Pages>(pages: P, format: Format) -> Response {
    let file = Some(File {
        pages,
        head: format == Format::Csv,
        format,
    });
    let stream: BoxStream<'static, Result<Bytes, std::io::Error>> =
        Box::pin(unfold(file, |file| async move {
            let mut file = file?;
            let part = file.part().await.transpose()?;
            let rest = part.is_ok().then_some(file);
            Some((part, rest))
        }));
    format.download(P::NAME, Body::from_bytes_stream(stream))
}

struct File<P> {
    pages: P,
    /// Whether the line of names is still to come.
    head: bool,
    format: Format,
}

impl<P: Pages> File<P> {
    /// Breaking the answer off is how its reader learns that it is not whole.
    async fn part(&mut self) -> Result<Option<Bytes>, std::io::Error> {
        let page = self.pages.next().await.map_err(|error| {
            tracing::warn!("an export of {} broke off: {error}", P::NAME);
            std::io::Error::other("the export broke off")
        })?;
        let Some(page) = page else {
            return Ok(None);
        };
        let head = std::mem::take(&mut self.head);
        match self.format {
            Format::Csv => csv(&page, head),
            Format::JsonLines => json_lines(&page),
        }
        .map(Some)
    }
}

fn csv<R: Record>(page: &[R], head: bool) -> Result<Bytes, std::io::Error> {
    let mut writer = spreadsheet::writer();
    if head {
        writer.write_record(R::NAMES)?;
    }
    for record in page {
        writer.write_record(record.cells().iter().map(|cell| cell.as_bytes()))?;
    }
    spreadsheet::bytes(writer)
}

fn json_lines<R: Record>(page: &[R]) -> Result<Bytes, std::io::Error> {
    let mut bytes = Vec::new();
    for record in page {
        serde_json::to_writer(&mut bytes, record)?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}
