//! The answer: small at its worst, and nothing in it but counts and reasons.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use server_scout_wire::limits::{MAX_ANSWER_BYTES, MAX_REFUSED_SHOWN};
use server_scout_wire::{Answer, Problem, Refusal, RefusedReport, Timestamp};

#[test]
fn the_longest_answer_fits() {
    // What becomes longest in JSON: every character of the two texts is escaped.
    let refusal = Refusal::new(&"\"".repeat(1000), "\\".repeat(1000));
    let refused = RefusedReport {
        index: 999,
        problem: Problem {
            r#type: "clock-skew".to_owned(),
            title: "The report lies in the future".to_owned(),
            status: 422,
            detail: None,
            member: Some(refusal.member().to_owned()),
            dashboard_time: Some(Timestamp::MAX),
        },
    };
    let answer = Answer {
        accepted: u64::MAX,
        duplicate: u64::MAX,
        too_old: u64::MAX,
        refused: vec![refused; MAX_REFUSED_SHOWN],
        refused_count: u64::MAX,
    };
    let length = serde_json::to_vec(&answer).unwrap().len();
    assert!(length <= MAX_ANSWER_BYTES, "{length}");
}

#[test]
fn an_answer_of_an_older_dashboard_is_read() {
    let answer: Answer =
        serde_json::from_str(r#"{"accepted":1,"duplicate":2,"too_old":3,"refused":[]}"#).unwrap();
    assert_eq!(
        (
            answer.accepted,
            answer.duplicate,
            answer.too_old,
            answer.refused_count
        ),
        (1, 2, 3, 0)
    );
}

#[test]
fn a_refusal_is_short_and_printable() {
    let refusal = Refusal::new("a\nb\u{202e}", "\u{1b}[2J".repeat(1000));
    assert_eq!(refusal.member(), "a\u{fffd}b\u{fffd}");
    assert!(refusal.reason().len() <= 200 && !refusal.reason().contains('\u{1b}'));
}
