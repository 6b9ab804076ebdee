//! The files that pages load: style sheets, scripts, the icon.
//!
//! They are embedded, and their names carry the hash of their content, so that an answer never
//! changes and browsers may keep it for ever. Modules that import each other are rewritten to the
//! hashed names when the table is made.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file to serve.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// What to send.
    pub bytes: &'static [u8],
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The hash in its name; as `ETag`, put it in quotes.
    pub hash: &'static str,
}

/// The asset served at `/assets/{path}`, such as `app.0123456789abcdef.css`.
///
/// Only a name with its hash is known: an asset without one would not be immutable.
#[must_use]
pub fn find(path: &str) -> Option<Asset> {
    EMBEDDED
        .iter()
        .find(|embedded| embedded.file_name() == path)
        .map(Embedded::asset)
}

/// The address of the asset called `name`, such as `/assets/app.0123456789abcdef.css` for `app.css`.
#[must_use]
pub fn url(name: &str) -> Option<&'static str> {
    EMBEDDED
        .iter()
        .find(|embedded| embedded.name == name)
        .map(|embedded| embedded.url.as_str())
}

/// Every asset with its plain name.
pub fn all() -> impl Iterator<Item = (&'static str, Asset)> {
    EMBEDDED
        .iter()
        .map(|embedded| (embedded.name, embedded.asset()))
}

struct Embedded {
    name: &'static str,
    url: String,
    bytes: Vec<u8>,
    content_type: &'static str,
    hash: String,
}

impl Embedded {
    fn new(source: &Source, before: &[Self]) -> Self {
        let bytes = match source.kind {
            Kind::Module => with_hashed_imports(source.bytes, before),
            Kind::Icon | Kind::Script | Kind::Style => source.bytes.to_vec(),
        };
        let hash = hash(&bytes);
        let (stem, extension) = source.name.rsplit_once('.').unwrap_or((source.name, ""));
        Self {
            name: source.name,
            url: format!("{PREFIX}{stem}.{hash}.{extension}"),
            bytes,
            content_type: source.kind.content_type(),
            hash,
        }
    }

    fn file_name(&self) -> &str {
        self.url.strip_prefix(PREFIX).unwrap_or(&self.url)
    }

    fn asset(&'static self) -> Asset {
        Asset {
            bytes: &self.bytes,
            content_type: self.content_type,
            hash: &self.hash,
        }
    }
}

struct Source {
    name: &'static str,
    kind: Kind,
    bytes: &'static [u8],
}

#[derive(Clone, Copy)]
enum Kind {
    Icon,
    Module,
    Script,
    Style,
}

impl Kind {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Icon => "image/svg+xml",
            Self::Module | Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
        }
    }
}

/// Puts the hashed name in the place of each `"./name.js"`. What a module imports stands before it in the list.
fn with_hashed_imports(module: &[u8], before: &[Embedded]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(module).into_owned();
    for imported in before {
        let plain = format!("\"./{}\"", imported.name);
        text = text.replace(&plain, &format!("\"./{}\"", imported.file_name()));
    }
    text.into_bytes()
}

/// The first 64 bits of the SHA-256, enough to tell versions of a file apart.
fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let first = digest
        .iter()
        .take(8)
        .fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte));
    format!("{first:016x}")
}

macro_rules! sources {
    ($($kind:ident $name:literal from $path:literal;)*) => {
        &[$(Source { name: $name, kind: Kind::$kind, bytes: include_bytes!(concat!("../assets/", $path)) },)*]
    };
}

/// What is embedded; a module stands after those that it imports.
const SOURCES: &[Source] = sources! {
    Icon "icon.svg" from "icon.svg";
    Style "app.css" from "app.css";
    Style "pages.css" from "pages.css";
    Style "charts.css" from "charts.css";
    Style "uplot.css" from "vendor/uplot-1.6.32/uPlot.min.css";
    Script "uplot.js" from "vendor/uplot-1.6.32/uPlot.iife.min.js";
    Module "units.js" from "units.js";
    Module "passkeys.js" from "passkeys.js";
    Module "live.js" from "live.js";
    Module "series.js" from "series.js";
    Module "cells.js" from "cells.js";
    Module "chart.js" from "chart.js";
    Module "servers.js" from "servers.js";
    Module "copy.js" from "copy.js";
    Module "retention.js" from "retention.js";
    Module "added.js" from "added.js";
    Module "server.js" from "server.js";
};

const PREFIX: &str = "/assets/";

static EMBEDDED: LazyLock<Vec<Embedded>> = LazyLock::new(|| {
    let mut embedded = Vec::with_capacity(SOURCES.len());
    for source in SOURCES {
        embedded.push(Embedded::new(source, &embedded));
    }
    embedded
});
