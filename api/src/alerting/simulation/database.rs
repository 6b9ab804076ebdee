//! What is stored, as far as the engine asks for it again.

use std::collections::HashMap;

use crate::alerting::{Change, End, Ended, Place, Severity, What};
use crate::id::{Id, Incident};

/// What is stored.
#[derive(Default)]
pub(super) struct Database {
    pub(super) open: HashMap<Place, (Id<Incident>, Severity, u8)>,
    pub(super) ended: HashMap<Place, Ended>,
    known: Vec<Id<Incident>>,
}

impl Database {
    pub(super) fn store(&mut self, change: &Change) {
        match change.what {
            What::Open { flaps, .. } => {
                let row = (change.incident, change.severity, flaps);
                assert!(
                    self.open.insert(change.place.clone(), row).is_none(),
                    "doubled"
                );
                assert!(!self.known.contains(&change.incident), "an id comes again");
                self.known.push(change.incident);
            }
            What::Escalate | What::Ease | What::Remind(_) => {
                let row = self.open.get_mut(&change.place).expect("it is open");
                assert_eq!(row.0, change.incident);
                row.1 = change.severity;
            }
            What::End(end) => {
                let row = self.open.remove(&change.place).expect("it is open");
                assert_eq!(row.0, change.incident);
                self.ended.remove(&change.place);
                if matches!(end, End::Good | End::Gone) {
                    let ended = Ended {
                        at: change.at,
                        flaps: row.2,
                    };
                    self.ended.insert(change.place.clone(), ended);
                }
            }
        }
    }
}
