#![doc = include_str!("../README.md")]

pub mod answer;
pub mod coding;
pub mod dictionary;
pub mod fact;
pub mod label;
pub mod limits;
pub mod metric;
pub mod protection;
pub mod refusal;
pub mod report;
pub mod tag;
pub mod tier;
pub mod timestamp;

pub use answer::{Answer, Problem, RefusedReport};
pub use coding::{Coding, Encoder, Undecodable};
pub use dictionary::Dictionary;
pub use fact::Fact;
pub use label::Label;
pub use metric::{Kind, LabelName, Metric, Unit};
pub use protection::Protection;
pub use refusal::Refusal;
pub use report::{Host, Identity, Report, Sample};
pub use tag::{Tag, Tags};
pub use tier::Tier;
pub use timestamp::Timestamp;
