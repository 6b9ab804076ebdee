//! From reports to chunks and roll-ups, and from those to charts.

pub mod codec;
mod combined;
mod history;
mod identities;
mod ranking;
mod rate;
mod retention;
pub mod roll_up;
pub mod room;
pub mod segment;
pub mod summary;

pub use self::combined::{Combine, Combined, CombinedSeries};
pub use self::history::{Grid, History, HistorySeries, Row, Window, WindowError, interval};
pub use self::identities::Starts;
pub use self::ranking::{RankedBy, Ranking};
pub use self::rate::{LONGEST_GAP, Shown, rate};
pub use self::retention::{BytesADay, Retention, bytes_of};
