//! `docs/METRICS.md` is what the catalogue says. `SERVERSCOUT_RECORD=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use server_scout_wire::{Fact, Kind, Metric, Tier};

#[test]
fn the_document_of_metrics_is_that_of_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METRICS.md");
    let text = document();
    if std::env::var_os("SERVERSCOUT_RECORD").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/METRICS.md is out of date; SERVERSCOUT_RECORD=1 cargo test -p server-scout-wire \
         --test catalogue writes it"
    );
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    for tier in Tier::ALL {
        let (shortest, longest) = tier.bounds_seconds();
        let _ = write!(
            text,
            "\n## {}: {}\n\nFrom {} to {} can be configured.\n",
            title(tier),
            period(tier.default_seconds()),
            period(shortest),
            period(longest),
        );
        let metrics = Metric::ALL.iter().map(|metric| metric.describe());
        let rows = metrics.filter(|metric| metric.tier == tier).map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let label = metric.label.map_or("", |label| label.as_str());
            let (name, unit) = (metric.name, metric.unit.as_str());
            format!(
                "| `{name}` | {unit} | {kind} | {label} | {} | {} |\n",
                metric.meaning, metric.source
            )
        });
        table(
            &mut text,
            "| metric | unit | kind | by | meaning | source |\n|---|---|---|---|---|---|\n",
            rows,
        );
        let facts = Fact::ALL.iter().map(|fact| fact.describe());
        let rows = facts.filter(|fact| fact.tier == tier).map(|fact| {
            format!(
                "| `host.{}` | {} | {} |\n",
                fact.name, fact.meaning, fact.source
            )
        });
        table(
            &mut text,
            "| text | meaning | source |\n|---|---|---|\n",
            rows,
        );
    }
    text + TAIL
}

fn table(text: &mut String, head: &str, rows: impl Iterator<Item = String>) {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        let _ = write!(text, "\n{head}{}", rows.collect::<String>());
    }
}

fn title(tier: Tier) -> &'static str {
    match tier {
        Tier::Fast => "Fast",
        Tier::Medium => "Medium",
        Tier::Slow => "Slow",
        Tier::Glacial => "Glacial",
        Tier::Daily => "Daily",
    }
}

/// Seconds in the largest unit that holds them whole.
fn period(seconds: u64) -> String {
    let units = [
        ("day", 86_400),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ];
    let unit = units
        .iter()
        .find(|(_, length)| seconds.is_multiple_of(*length));
    let (unit, length) = unit.unwrap();
    match seconds / length {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

const HEAD: &str = "\
# What an agent reports

Written from the catalogue in `api/wire/src`; a test compares. Nothing else can be in a report: a
dashboard refuses a member that is not here. What a host lacks is left out. The rate of a counter is
what pages and charts show.
";

const TAIL: &str = "
`host.cores` is the number of logical CPUs. `host` comes whole whenever the glacial or the daily tier is
due.
";
