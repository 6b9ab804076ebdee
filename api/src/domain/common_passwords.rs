//! The passwords that everybody tries first (NIST SP 800-63B, 5.1.1.2).

use std::cmp::Ordering;

/// Whether the password, in lower case, is in the bundled list. The list is searched where it lies
/// in the program: nothing is built from it and nothing is kept.
pub(super) fn is_common(lower: &str) -> bool {
    let (mut from, mut to) = (0, LIST.len());
    while from < to {
        let Some((start, line)) = line_at(from + (to - from) / 2) else {
            return false;
        };
        match line.cmp(lower) {
            Ordering::Equal => return true,
            Ordering::Less => from = start + line.len() + 1,
            Ordering::Greater => to = start,
        }
    }
    false
}

/// The line around a place, and where it starts.
fn line_at(place: usize) -> Option<(usize, &'static str)> {
    let start = LIST
        .get(..place)?
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let line = LIST.get(start..)?.split('\n').next()?;
    Some((start, line))
}

/// In lower case and in the order of its bytes; see `VENDORED.md` beside it.
const LIST: &str = include_str!("../../vendor/common-passwords-1.1.1/long.txt");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::accounts::Password;

    #[test]
    fn every_password_of_the_list_is_found_and_its_neighbours_are_not() {
        let mut lines = 0;
        for line in LIST.lines() {
            assert!(is_common(line), "{line}");
            assert!(!is_common(&format!("{line}\u{1}")), "{line}");
            lines += 1;
        }
        assert!(lines > 10_000, "only {lines} passwords");
    }

    #[test]
    fn the_list_is_in_order_and_holds_what_length_alone_lets_pass() {
        assert!(LIST.is_ascii() && LIST.lines().is_sorted());
        for line in LIST.lines() {
            assert!(line.len() >= Password::MIN && line.len() <= Password::MAX);
            assert_eq!(line, line.to_lowercase());
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for absent in [
            "",
            "\n",
            "a",
            "~",
            "~~~~~~~~~~~~~~~",
            "correct horse battery",
            "ünïcödé",
        ] {
            assert!(!is_common(absent), "{absent:?}");
        }
    }
}
