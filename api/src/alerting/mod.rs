//! Alert rules and what follows from them, without a database: a state machine over samples.

mod bundle;
mod engine;
mod instance;
mod kind;
pub mod maintenance;
mod measure;
mod replay;
mod rule;
#[cfg(test)]
mod simulation;
pub mod slope;
mod track;

pub use self::bundle::{Notice, NoticeKind};
pub use self::engine::{
    Before, Change, Configuration, End, Engine, Outcome, Place, Placement, Standing, What,
};
pub use self::instance::{Condition, Ended, Firing, Instance, Step, Tracks};
pub use self::kind::{Form, Kind};
pub use self::measure::{CHECKED_EVERY, Measure};
pub use self::replay::{Past, replay};
pub use self::rule::{Comparison, Labels, Pattern, Reach, Rule, Severity, Terms};
