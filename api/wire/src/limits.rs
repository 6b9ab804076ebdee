//! All bounds of what travels between agent and dashboard.

use std::time::Duration;

/// Bytes of a request body as sent, before decompression.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of a request body after decompression.
pub const MAX_DECODED_BYTES: usize = 8 * 1024 * 1024;
/// Reports in one batch.
pub const MAX_BATCH: usize = 1000;
/// Samples in one report.
pub const MAX_SAMPLES: usize = 2000;
/// Labels of one metric in one report.
pub const MAX_LABELS: usize = 256;
/// Bytes of one label, UTF-8.
pub const MAX_LABEL_BYTES: usize = 128;
/// Tags of a server: of its agent, and of people.
pub const MAX_TAGS: usize = 16;
/// Bytes of one tag, ASCII.
pub const MAX_TAG_BYTES: usize = 32;
/// The largest magnitude of a value: what a JSON number holds exactly (2^53, RFC 8259 section 6).
pub const MAX_VALUE: f64 = 9_007_199_254_740_992.0;
/// How far ahead of the dashboard's clock a report may be.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);
/// Bytes of the dashboard's answer to reports; an agent reads no further.
pub const MAX_ANSWER_BYTES: usize = 4096;
/// Refused reports that an answer describes; the rest are only counted.
pub const MAX_REFUSED_SHOWN: usize = 10;
/// Bytes of a refusal's detail.
pub const MAX_DETAIL_BYTES: usize = 200;
/// The longest `Retry-After` that an agent obeys, so that a dashboard cannot silence it.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);
