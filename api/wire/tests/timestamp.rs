//! Timestamps: RFC 3339, with a library that many use as the judge.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use proptest::prelude::*;
use server_scout_wire::Timestamp;

#[test]
fn rfc_3339_is_read() {
    let cases = [
        ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000Z"),
        ("2024-01-15T10:30:00.1Z", "2024-01-15T10:30:00.100Z"),
        ("2024-01-15t10:30:00.123456789z", "2024-01-15T10:30:00.123Z"),
        ("2024-01-15 10:30:00Z", "2024-01-15T10:30:00.000Z"),
        ("2024-01-15T10:30:00+01:00", "2024-01-15T09:30:00.000Z"),
        ("2024-01-15T10:30:00-09:30", "2024-01-15T20:00:00.000Z"),
        ("2024-01-15T10:30:00-00:00", "2024-01-15T10:30:00.000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ];
    for (text, expected) in cases {
        assert_eq!(
            text.parse::<Timestamp>().unwrap().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        "now",
        "1705314600",
        "2024-01-15",
        "2024-01-15T10:30Z",
        "2024-01-15T10Z",
        "2024-01-15T10:30:00",
        "2024-01-15T10:30:00.Z",
        "2024-01-15T10:30:00,5Z",
        "2024-01-15T10:30:00.1234567890Z",
        "2024-01-15T10:30:00+0100",
        "2024-01-15T10:30:00+01",
        "2024-01-15T10:30:00+01:00:00",
        "2024-01-15T10:30:00+24:00",
        "2024-01-15T10:30:00+01:60",
        "2024-01-15T10:30:00Z[UTC]",
        "2024-01-15T10:30:00+01:00[Europe/Berlin]",
        "2024-01-15T10:30:00Z ",
        " 2024-01-15T10:30:00Z",
        "20240115T103000Z",
        "+002024-01-15T10:30:00Z",
        "2024-W03-1T10:30:00Z",
        "2024-00-15T10:30:00Z",
        "2024-13-15T10:30:00Z",
        "2024-01-00T10:30:00Z",
        "2024-01-32T10:30:00Z",
        "2023-02-29T10:30:00Z",
        "1900-02-29T10:30:00Z",
        "2024-04-31T10:30:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:30:61Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "２024-01-15T10:30:00Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn arithmetic_saturates() {
    let second = Duration::from_secs(1);
    assert_eq!(Timestamp::MAX.after(second), Timestamp::MAX);
    assert_eq!(Timestamp::default().before(second), Timestamp::default());
    assert_eq!(
        Timestamp::from_millis(5).since(Timestamp::from_millis(9)),
        Duration::ZERO
    );
    assert_eq!(Timestamp::from_millis(-1), Timestamp::default());
    assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
}

proptest! {
    #[test]
    fn every_moment_is_written_as_others_write_it(millis in 0..=Timestamp::MAX.as_millis()) {
        let time = Timestamp::from_millis(millis);
        // The judge ends a day earlier, to leave room for offsets.
        if let Ok(theirs) = jiff::Timestamp::from_millisecond(millis) {
            prop_assert_eq!(time.to_string(), format!("{theirs:.3}"));
        }
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }

    #[test]
    fn every_offset_is_read_as_others_read_it(
        millis in 100_000_000..=253_300_000_000_000_i64,
        minutes in -1439..=1439_i32,
    ) {
        let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
        let theirs = jiff::Timestamp::from_millisecond(millis).unwrap();
        let text = theirs.display_with_offset(offset).to_string();
        prop_assert_eq!(text.parse(), Ok(Timestamp::from_millis(millis)), "{}", text);
    }

    #[test]
    fn nothing_is_read_that_others_refuse(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})") {
        if let Ok(ours) = text.parse::<Timestamp>() {
            let theirs: jiff::Timestamp = text.parse().unwrap();
            prop_assert_eq!(ours.as_millis(), theirs.as_millisecond());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = text.parse::<Timestamp>();
    }
}
