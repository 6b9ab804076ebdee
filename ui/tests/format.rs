//! Values read the same wherever they are shown. `values.json` holds for `assets/units.js` too.

#![expect(clippy::unwrap_used, reason = "a case that cannot be read must fail")]

use server_scout_ui::format;

#[test]
fn values_are_in_the_words_of_their_unit() {
    let cases: Vec<(f64, String, String)> =
        serde_json::from_str(include_str!("values.json")).unwrap();
    assert!(cases.len() > 20);
    for (value, unit, expected) in cases {
        assert_eq!(format::value(value, &unit), expected, "{value} {unit}");
    }
}

#[test]
fn what_is_no_number_is_absent() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(format::value(value, "bytes"), format::ABSENT);
    }
    assert_eq!(format::percent(-0.0), "0.0 %");
}

#[test]
fn loads_always_have_two_decimals() {
    assert_eq!(format::load(1.0), "1.00");
    assert_eq!(format::load(15.066), "15.07");
}

#[test]
fn ages_are_in_their_largest_unit() {
    for (seconds, expected) in [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
        (8_640_000, "100 d ago"),
    ] {
        assert_eq!(format::ago(seconds), expected);
    }
}
