//! What every status of the dashboard means to the agent.

use std::time::Duration;

use hyper::StatusCode;
use server_scout_agent::connection::Reply;
use server_scout_agent::dashboard::Verdict;

#[test]
fn every_status_is_either_final_or_tried_again() {
    for code in 100..600 {
        let verdict = reply(code, "{}").judge(1);
        let is_final = matches!(verdict, Verdict::Unacceptable(_));
        assert_eq!(is_final, [400, 413, 422].contains(&code), "{code}");
        assert_eq!(
            matches!(verdict, Verdict::KeyRefused { .. }),
            code == 401,
            "{code}"
        );
        assert!(!matches!(verdict, Verdict::Judged(_)), "{code}");
        if let Verdict::Later(later) = verdict {
            assert_eq!(later.retry_after, Some(Duration::from_secs(7)));
            assert!(later.explain("dash:443").contains("dash:443"));
        }
    }
}

#[test]
fn every_report_must_be_accounted_for() {
    let answer = |accepted, duplicate, too_old, refused| {
        format!(
            r#"{{"accepted":{accepted},"duplicate":{duplicate},"too_old":{too_old},"refused":[],"refused_count":{refused}}}"#
        )
    };
    let judged = |body: &str, sent| matches!(reply(200, body).judge(sent), Verdict::Judged(_));
    assert!(judged(&answer(1, 0, 0, 0), 1));
    assert!(judged(&answer(1, 2, 3, 4), 10));
    assert!(judged(&answer(0, 0, 0, 0), 0));
    assert!(!judged(&answer(0, 0, 0, 0), 1));
    assert!(!judged(&answer(2, 0, 0, 0), 1));
    assert!(!judged("", 1) && !judged("[]", 1) && !judged("<html>", 1));
    // An older dashboard does not count the refused ones beside describing them.
    let described = r#"{"accepted":1,"duplicate":0,"too_old":0,"refused":[{"index":1,"problem":{"type":"x","title":"x","status":422}}]}"#;
    assert!(judged(described, 2));
}

#[test]
fn what_a_problem_says_is_fit_for_a_log() {
    let body =
        r#"{"type":"x","title":"x","status":422,"detail":"a\nb\u001b[2J\u202e","member":"m\nn"}"#;
    let Verdict::Unacceptable(why) = reply(422, body).judge(1) else {
        panic!("final")
    };
    let message = why.explain("dash:443");
    assert!(
        message.chars().all(server_scout_wire::label::is_visible),
        "{message:?}"
    );
}

fn reply(code: u16, body: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(code).unwrap_or_default(),
        retry_after: Some(Duration::from_secs(7)),
        body: body.as_bytes().to_vec(),
    }
}
