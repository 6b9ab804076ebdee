//! Names of things that come and go, and the labels made of them.

use server_scout_wire::Label;

/// Remembers which names are reported and under which label, so that this is found out once.
pub(super) struct Names(Vec<(Box<[u8]>, Option<Label>)>);

impl Names {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// The label of `name`; none when `wanted`, asked at first sight, does not want it.
    pub(super) fn label(
        &mut self,
        name: &[u8],
        wanted: impl FnOnce(&[u8]) -> bool,
    ) -> Option<Label> {
        if let Some((_, label)) = self.0.iter().find(|(known, _)| **known == *name) {
            return label.clone();
        }
        let label = wanted(name).then(|| Label::escaped(&String::from_utf8_lossy(name)).0);
        // Names that come and go for months would otherwise stay for ever.
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.push((name.into(), label.clone()));
        label
    }
}

const MAX_REMEMBERED: usize = 512;
