//! Labels: hostile names become harmless, and harmless ones stay as they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use server_scout_wire::Label;
use server_scout_wire::label::InvalidLabel;
use server_scout_wire::limits::MAX_LABEL_BYTES;

#[test]
fn names_of_hosts_are_taken_as_they_are() {
    for name in [
        "eth0",
        "/",
        "/srv/Müller & Söhne",
        "nvme0n1",
        "<b>",
        "a b",
        "日本",
        &"x".repeat(MAX_LABEL_BYTES),
    ] {
        assert_eq!(Label::new(name).unwrap().as_str(), name);
        assert_eq!(Label::escaped(name), (Label::new(name).unwrap(), false));
    }
}

#[test]
fn invisible_and_long_names_are_refused() {
    let long = "x".repeat(MAX_LABEL_BYTES + 1);
    let cases = [
        ("", InvalidLabel::Empty),
        (long.as_str(), InvalidLabel::TooLong),
        ("a\nb", InvalidLabel::Invisible),
        ("\u{1b}[31m", InvalidLabel::Invisible),
        ("a\u{7f}", InvalidLabel::Invisible),
        ("a\u{85}", InvalidLabel::Invisible),
        ("\u{200b}", InvalidLabel::Invisible),
        ("eth0\u{200d}", InvalidLabel::Invisible),
        ("\u{202e}0hte", InvalidLabel::Invisible),
        ("\u{2066}a\u{2069}", InvalidLabel::Invisible),
        ("a\u{2028}b", InvalidLabel::Invisible),
        ("\u{feff}a", InvalidLabel::Invisible),
        ("a\u{e0041}", InvalidLabel::Invisible),
    ];
    for (text, why) in cases {
        assert_eq!(Label::new(text), Err(why), "{text:?}");
    }
}

#[test]
fn escapes_can_be_read_by_people() {
    let escaped = |text: &str| Label::escaped(text).0.as_str().to_owned();
    assert_eq!(escaped("a\nb"), "a\\u{a}b");
    assert_eq!(escaped("\u{202e}x"), "\\u{202e}x");
    assert_eq!(escaped(""), "(empty)");
    let long = escaped(&"x".repeat(500));
    assert!(
        long.ends_with('…') && long.len() == MAX_LABEL_BYTES,
        "{long}"
    );
}

proptest! {
    #[test]
    fn escaping_always_gives_a_valid_label(text in prop_oneof![any::<String>(), "\\PC{0,200}", "[\u{0}-\u{20}]{0,80}"]) {
        let (label, changed) = Label::escaped(&text);
        prop_assert_eq!(Label::new(label.as_str()), Ok(label.clone()));
        prop_assert_eq!(changed, label.as_str() != text);
    }
}
