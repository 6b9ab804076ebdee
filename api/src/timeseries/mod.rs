//! From reports to charts: series by name, aggregated to steps.

mod history;
mod rate;

pub use self::history::{History, HistorySeries, Window, WindowError, aggregate};
pub use self::rate::{MAX_GAP, rate};
