//! Looking for secrets in whatever form they may have been written: as text, base64 or hex, and what
//! a text of ours encodes as bytes, base64 or hex.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Secrets, each with a name that may be printed.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<(String, Vec<Vec<u8>>)>);

impl Secrets {
    /// Adds a secret as it was typed, shown or sent.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        assert!(
            text.len() >= 6,
            "{name} is too short to be looked for: {text:?}"
        );
        let core = core(text);
        let mut forms = forms(core.as_bytes());
        // What stands behind a text of ours are 32 random bytes.
        if let Ok(bytes) = URL_SAFE_NO_PAD.decode(core)
            && bytes.len() == 32
        {
            forms.extend(self::forms(&bytes));
        }
        self.0.push((name.to_owned(), forms));
    }

    /// Adds a secret of bytes.
    pub(crate) fn add_bytes(&mut self, name: &str, bytes: &[u8]) {
        self.0.push((name.to_owned(), forms(bytes)));
    }

    /// The names of those that stand in `content`, in any form.
    pub(crate) fn found_in(&self, content: &[u8]) -> Vec<&str> {
        let mut beginnings: HashMap<&[u8], Vec<(&str, &[u8])>> = HashMap::new();
        for (name, forms) in &self.0 {
            for form in forms {
                let beginning = beginnings.entry(&form[..BEGINNING]).or_default();
                beginning.push((name, form));
            }
        }
        let mut found = Vec::new();
        for (at, window) in content.windows(BEGINNING).enumerate() {
            for (name, form) in beginnings.get(window).into_iter().flatten() {
                if content[at..].starts_with(form) && !found.contains(name) {
                    found.push(*name);
                }
            }
        }
        found
    }
}

/// The part of a text of ours that nobody can guess: without its prefix and its checksum.
fn core(text: &str) -> &str {
    match text.split_once('_') {
        Some((prefix, rest)) if prefix.len() == 3 && rest.len() == 43 + 8 => &rest[..43],
        _ => text,
    }
}

/// The bytes as they are, in hex, and in base64 wherever a group of three bytes may begin.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = |letters: &[u8; 16]| -> Vec<u8> {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| letters[usize::from(digit)]).collect()
    };
    let mut forms = vec![
        bytes.to_vec(),
        hex(b"0123456789abcdef"),
        hex(b"0123456789ABCDEF"),
    ];
    for before in 0..3 {
        let shifted = [&vec![0; before][..], bytes].concat();
        for text in [
            STANDARD_NO_PAD.encode(&shifted),
            URL_SAFE_NO_PAD.encode(&shifted),
        ] {
            // The first and the last character also hold bits of what stands beside.
            let first = (before * 8).div_ceil(6);
            let last = text.len() - usize::from(shifted.len() % 3 != 0);
            forms.push(text.as_bytes()[first..last].to_vec());
        }
    }
    forms.retain(|form| form.len() >= BEGINNING);
    forms
}

/// Bytes by which a form is found.
const BEGINNING: usize = 6;

#[test]
fn a_secret_is_found_in_every_form() {
    let random: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
    let core = URL_SAFE_NO_PAD.encode(&random);
    let text = format!("sst_{core}12345678");
    let mut secrets = Secrets::default();
    secrets.add("a token", &text);
    secrets.add("a password", "correct horse");
    let hex = |bytes: &[u8]| -> String {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().concat()
    };

    for (name, bytes) in [
        ("a token", text.as_bytes()),
        ("a token", &random),
        ("a password", b"correct horse".as_slice()),
    ] {
        for around in ["", "x", "xy", "xyz"] {
            let whole = [around.as_bytes(), bytes, around.as_bytes()].concat();
            let written: [Vec<u8>; 5] = [
                whole.clone(),
                hex(&whole).into_bytes(),
                hex(&whole).to_uppercase().into_bytes(),
                STANDARD_NO_PAD.encode(&whole).into_bytes(),
                URL_SAFE_NO_PAD.encode(&whole).into_bytes(),
            ];
            for content in written {
                assert_eq!(secrets.found_in(&content), [name], "{around:?}");
            }
        }
    }
    assert!(secrets.found_in(b"correct hors, sst_0123456789").is_empty());
}
