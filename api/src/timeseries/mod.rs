//! From reports to charts: series by name, aggregated to steps.

mod history;
mod rate;

pub use self::history::{Aggregator, History, HistorySeries, Window, WindowError, interval};
pub use self::rate::rate;
