//! Which tiers a report has.

use server_scout_wire::Tier;

/// The tiers that are due. The fast one always is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due([bool; Tier::ALL.len()]);

impl Due {
    /// Every tier.
    pub const ALL: Self = Self([true; Tier::ALL.len()]);
    /// The fast tier alone.
    pub const FAST: Self = Self([true, false, false, false, false]);

    /// Adds a tier.
    pub fn add(&mut self, tier: Tier) {
        if let Some(due) = self.0.get_mut(tier as usize) {
            *due = true;
        }
    }

    /// Whether a tier is due.
    #[must_use]
    pub fn has(self, tier: Tier) -> bool {
        self.0.get(tier as usize) == Some(&true)
    }
}
