//! What happens to bytes on a wire and on a disk.

use proptest::prelude::*;
use proptest::sample::Index;

/// One thing that happens to them.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Cut(Index),
    Double(Index, Index),
    Replace(Index, Vec<u8>),
}

/// A damage; `with` makes what replaces a few bytes.
pub(crate) fn damage(with: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Double(from, to)),
        (any::<Index>(), with).prop_map(|(at, bytes)| Damage::Replace(at, bytes)),
    ]
}

/// The bytes after one thing and the other.
pub(crate) fn damaged(bytes: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for damage in damage {
        if bytes.is_empty() {
            break;
        }
        match damage {
            Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Damage::Double(a, b) => {
                let (a, b) = (a.index(bytes.len()), b.index(bytes.len()));
                bytes.extend_from_within(a.min(b)..a.max(b));
            }
            Damage::Replace(at, with) => {
                let at = at.index(bytes.len());
                let end = (at + with.len()).min(bytes.len());
                bytes.splice(at..end, with.iter().copied());
            }
        }
    }
    bytes
}
