//! Recovery codes: ten, shown once, each used once.

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::{SecretHash, random_bytes};

/// How many there are.
const COUNT: usize = 10;

/// New recovery codes, in the clear, for the one page that shows them.
pub struct RecoveryCodes(Vec<Zeroizing<String>>);

impl RecoveryCodes {
    pub(super) fn generate() -> Self {
        let code = |_| {
            // 80 random bits: 16 letters and digits that nobody confuses.
            let text = Zeroizing::new(totp_rs::Secret::from(random_bytes::<10>()).to_base32());
            Zeroizing::new(grouped(&text))
        };
        Self((0..COUNT).map(code).collect())
    }

    pub(super) fn hashes(&self) -> Vec<SecretHash> {
        self.0.iter().map(|code| hash(code)).collect()
    }

    /// The codes, for the one place that shows them.
    #[must_use]
    pub fn expose(&self) -> Vec<String> {
        self.0.iter().map(|code| code.to_string()).collect()
    }
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes(…)")
    }
}

/// The hash of a code as it was typed: space, hyphens and case play no part.
pub(super) fn hash(typed: &str) -> SecretHash {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric);
    let code: Zeroizing<String> = Zeroizing::new(
        letters
            .take(MAX_CHARS)
            .map(|c| c.to_ascii_lowercase())
            .collect(),
    );
    SecretHash::of(&format!("recovery-code {}", *code))
}

/// As people read them: four groups of four.
fn grouped(text: &str) -> String {
    let mut code = String::with_capacity(text.len() + 3);
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            code.push('-');
        }
        code.push(letter.to_ascii_lowercase());
    }
    code
}

/// More than a code has is not looked at.
const MAX_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_codes_differ_and_are_known_again_however_they_are_typed() {
        let codes = RecoveryCodes::generate();
        let shown = codes.expose();
        assert_eq!(shown.len(), COUNT);
        let hashes: std::collections::HashSet<_> = codes.hashes().into_iter().collect();
        assert_eq!(hashes.len(), COUNT);
        for code in &shown {
            assert_eq!(code.len(), 19, "{code}");
            let typed = format!(" {} ", code.to_uppercase().replace('-', " "));
            assert!(hashes.contains(&hash(&typed)));
        }
        assert!(!hashes.contains(&hash("")));
    }
}
