//! The answer: small at its worst, and nothing in it but counts and reasons.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use server_scout_wire::limits::{MAX_ANSWER_BYTES, MAX_REFUSED_SHOWN};
use server_scout_wire::{Answer, Problem, Refusal, Timestamp};

#[test]
fn the_longest_answer_fits() {
    // What becomes longest in JSON: every character of the texts is escaped.
    let mut answer = Answer::default();
    for index in 990..1000 {
        answer.refuse(index, problem(&"\"".repeat(1000), &"\\".repeat(1000)));
    }
    answer.accepted = u64::MAX;
    answer.duplicate = u64::MAX;
    answer.too_old = u64::MAX;
    let length = serde_json::to_vec(&answer).unwrap().len();
    assert!(length <= MAX_ANSWER_BYTES, "{length}");
    assert_eq!(answer.refused_count, 10);
    assert!(!answer.refused.is_empty());
}

#[test]
fn ten_refused_reports_are_described_and_all_are_counted() {
    let mut answer = Answer::default();
    for index in 0..1000 {
        answer.refuse(index, problem("cpu_usage", "is 101, expected 0 to 100"));
    }
    assert_eq!(
        (answer.refused.len(), answer.refused_count),
        (MAX_REFUSED_SHOWN, 1000)
    );
    assert!(serde_json::to_vec(&answer).unwrap().len() <= MAX_ANSWER_BYTES);
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

fn problem(member: &str, reason: &str) -> Problem {
    let refusal = Refusal::new(member, reason);
    Problem {
        r#type: "invalid-report".to_owned(),
        title: "The report breaks a rule of the format".to_owned(),
        status: 422,
        detail: Some(refusal.to_string()),
        member: Some(refusal.member().to_owned()),
        dashboard_time: Some(Timestamp::MAX),
    }
}
