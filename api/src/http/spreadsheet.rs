//! Files for spreadsheets (CSV, RFC 4180) and for programs (newline-delimited JSON).

use std::borrow::Cow;

use bytes::Bytes;
use csv::{Terminator, Writer, WriterBuilder};
use poem::http::{HeaderValue, header};
use poem::{Body, Response};

/// The form of an export.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    /// One line of names, then a line for each record.
    Csv,
    /// A JSON object on each line.
    JsonLines,
}

impl Format {
    /// A download of this form; `name` is what the file is called, without its ending.
    pub(super) fn download(self, name: &'static str, body: Body) -> Response {
        let (kind, ending) = match self {
            Self::Csv => ("text/csv; charset=utf-8", "csv"),
            Self::JsonLines => ("application/x-ndjson", "ndjson"),
        };
        let mut response = Response::builder().content_type(kind).body(body);
        let disposition = format!("attachment; filename=\"{name}.{ending}\"");
        if let Ok(disposition) = HeaderValue::try_from(disposition) {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_DISPOSITION, disposition);
        }
        response
    }
}

/// Writes CSV to memory.
pub(super) fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new())
}

/// What was written.
pub(super) fn bytes(writer: Writer<Vec<u8>>) -> Result<Bytes, std::io::Error> {
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(bytes.into())
}

/// Spreadsheets run what begins like a formula, and names come from strangers. Some take a semicolon or a
/// tab for the end of a cell, whatever the file says.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let begins = |before: Option<char>| before.is_none_or(|c| matches!(c, ';' | '\t'));
    let mut before = None;
    let mut safe = String::new();
    for c in text.chars() {
        if begins(before) && FORMULA.contains(&c) {
            safe.push('\'');
        }
        safe.push(c);
        before = Some(c);
    }
    if safe.len() == text.len() {
        text.into()
    } else {
        safe.into()
    }
}

/// What a formula begins with; the wide forms are taken for the others.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1",
        ] {
            assert!(plain(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(plain("web-1"), "web-1");
        assert_eq!(plain("x;=cmd|' /C calc'!A0;y"), "x;'=cmd|' /C calc'!A0;y");
    }
}
