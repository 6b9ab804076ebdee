//! Each service's own documented body, member by member.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod documented;

use hyper::Method;
use hyper::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::super::message::{Message, Told};
use super::super::settings::{Kind, Settings};
use super::{Envelope, request, webhook};
use crate::outbound::Request;
use crate::store::alert_notices::Tells;

const HOSTILE: &str =
    "<!channel> *web* [x](https://evil.example) www.evil.example @here @everyone \"1\"";

fn told(server: &str) -> Told {
    Told {
        incident: "00000000000000aa".to_owned(),
        rule: "00000000000000bb".to_owned(),
        severity: "critical".to_owned(),
        at: "2026-11-23T10:00:00.000Z".to_owned(),
        tells: Tells {
            server: "00000000000000cc".to_owned(),
            server_name: server.to_owned(),
            rule_name: "CPU".to_owned(),
            kind: "threshold".to_owned(),
            measure: "cpu_usage".to_owned(),
            unit: "percent".to_owned(),
            label: None,
            comparison: "above".to_owned(),
            threshold: 90.0,
            value: Some(97.25),
            worst: 97.25,
            opened_at: "2026-11-23T09:58:00.000Z".to_owned(),
            end_reason: None,
            flaps: 0,
        },
    }
}

fn message(kind: &str, incidents: Vec<Told>) -> Message {
    Message {
        kind: kind.to_owned(),
        severity: "critical".to_owned(),
        at: "2026-11-23T10:00:00.000Z".to_owned(),
        organisation: "Example".to_owned(),
        incidents,
        more: 0,
    }
}

fn settings(kind: Kind) -> Settings {
    let some = |text: &str| Some(text.to_owned());
    let webhook = some("https://hooks.example.org/services/T0/B0/verysecret");
    let (address, token, recipient) = match kind {
        Kind::Discord | Kind::Slack | Kind::Teams | Kind::Webhook => (webhook, None, None),
        Kind::Email => (None, None, some("ops@example.org")),
        Kind::Gotify => (
            some("https://gotify.example.org/"),
            some("AbCdEf12345"),
            None,
        ),
        Kind::Matrix => {
            let room = some("!room:example.org");
            (
                some("https://matrix.example.org"),
                some("syt_token_123"),
                room,
            )
        }
        Kind::Ntfy => (None, some("tk_123456789"), some("alerts")),
        Kind::Opsgenie | Kind::Pagerduty => (None, some("key-0123456789"), None),
        Kind::Pushover => (None, some("app-0123456789"), some("user-9876543210")),
        Kind::Telegram => (None, some("123456:ABC-DEF"), some("-1001")),
    };
    let said = Settings {
        address,
        token,
        recipient,
        ..Settings::default()
    };
    said.check(kind).unwrap()
}

fn sent(kind: Kind, message: &Message) -> (Request, Value) {
    let envelope = Envelope {
        id: "msg_00000000000000dd",
        at: "2026-11-23T10:00:01.000Z".parse().unwrap(),
        message,
        dashboard: "https://scout.example.org",
    };
    let request = request(kind, &settings(kind), &envelope).unwrap();
    assert_eq!(request.headers["content-type"], "application/json");
    let body = serde_json::from_slice(&request.body).unwrap();
    (request, body)
}

const TITLE: &str = "Critical: CPU on web-1";
const LINE: &str = "web-1: cpu_usage 97.25, above 90 percent; since 2026-11-23T09:58:00.000Z";

#[test]
fn chats_get_their_own_body() {
    let opened = message("opened", vec![told("web-1")]);
    let (request, body) = sent(Kind::Slack, &opened);
    assert_eq!(request.target.request_path(), "/services/T0/B0/verysecret");
    assert_eq!(
        body,
        json!({
            "text": TITLE,
            "blocks": [
                { "type": "header", "text": { "type": "plain_text", "text": TITLE, "emoji": false } },
                { "type": "section", "text": { "type": "plain_text", "text": LINE, "emoji": false } },
            ],
        })
    );
    let (_, body) = sent(Kind::Discord, &opened);
    assert_eq!(
        body,
        json!({
            "embeds": [{
                "title": TITLE,
                "description": LINE.replace('_', "\\_"),
                "color": 0xc6_2828,
                "timestamp": "2026-11-23T10:00:00.000Z",
            }],
            "allowed_mentions": { "parse": [] },
        })
    );
    let (_, body) = sent(Kind::Teams, &opened);
    assert_eq!(body["type"], "message");
    let card = &body["attachments"][0];
    assert_eq!(
        card["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(card["content"]["type"], "AdaptiveCard");
    assert_eq!(card["content"]["body"][1]["inlines"][0]["text"], LINE);

    let (request, body) = sent(Kind::Telegram, &opened);
    assert_eq!(request.target.authority(), "api.telegram.org");
    assert_eq!(
        request.target.request_path(),
        "/bot123456:ABC-DEF/sendMessage"
    );
    assert_eq!(body["chat_id"], "-1001");
    assert_eq!(body["text"], format!("{TITLE}\n\n{LINE}"));
    assert!(body.get("parse_mode").is_none());

    let (request, body) = sent(Kind::Matrix, &opened);
    assert_eq!(request.method, Method::PUT);
    assert_eq!(
        request.target.request_path(),
        "/_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/msg_00000000000000dd"
    );
    assert_eq!(request.headers[AUTHORIZATION], "Bearer syt_token_123");
    assert_eq!(
        body,
        json!({ "msgtype": "m.text", "body": format!("{TITLE}\n{LINE}"), "m.mentions": {} })
    );
}

#[test]
fn services_that_push_get_their_own_body() {
    let opened = message("opened", vec![told("web-1")]);
    let (request, body) = sent(Kind::Ntfy, &opened);
    assert_eq!(request.target.authority(), "ntfy.sh");
    assert_eq!(request.target.request_path(), "/");
    assert_eq!(request.headers[AUTHORIZATION], "Bearer tk_123456789");
    assert_eq!(
        body,
        json!({
            "topic": "alerts",
            "title": TITLE,
            "message": LINE,
            "priority": 5,
            "click": "https://scout.example.org",
        })
    );
    let (request, body) = sent(Kind::Gotify, &opened);
    assert_eq!(request.target.request_path(), "/message");
    assert_eq!(request.headers["x-gotify-key"], "AbCdEf12345");
    assert_eq!(
        body,
        json!({ "title": TITLE, "message": LINE, "priority": 8 })
    );
    let (request, body) = sent(Kind::Pushover, &opened);
    assert_eq!(request.target.request_path(), "/1/messages.json");
    assert_eq!(
        body,
        json!({
            "token": "app-0123456789",
            "user": "user-9876543210",
            "title": TITLE,
            "message": LINE,
            "priority": 1,
            "url": "https://scout.example.org",
            "url_title": "Server Scout",
        })
    );
}

#[test]
fn services_that_keep_incidents_open_and_close_them() {
    let opened = message("opened", vec![told("web-1")]);
    let resolved = message("resolved", vec![told("web-1")]);
    let (request, body) = sent(Kind::Pagerduty, &opened);
    assert_eq!(request.target.authority(), "events.pagerduty.com");
    assert_eq!(request.target.request_path(), "/v2/enqueue");
    assert_eq!(body["routing_key"], "key-0123456789");
    assert_eq!(body["event_action"], "trigger");
    assert_eq!(body["dedup_key"], "00000000000000aa");
    let payload = &body["payload"];
    assert_eq!(payload["summary"], TITLE);
    assert_eq!(payload["source"], "web-1");
    assert_eq!(payload["severity"], "critical");
    assert_eq!(payload["timestamp"], "2026-11-23T10:00:00.000Z");
    assert_eq!(payload["custom_details"]["threshold"], 90.0);
    let (_, body) = sent(Kind::Pagerduty, &resolved);
    assert_eq!(
        body,
        json!({
            "routing_key": "key-0123456789",
            "event_action": "resolve",
            "dedup_key": "00000000000000aa",
        })
    );
    let (request, body) = sent(Kind::Opsgenie, &opened);
    assert_eq!(request.target.authority(), "api.opsgenie.com");
    assert_eq!(request.target.request_path(), "/v2/alerts");
    assert_eq!(request.headers[AUTHORIZATION], "GenieKey key-0123456789");
    assert_eq!(
        body,
        json!({
            "message": TITLE,
            "alias": "00000000000000aa",
            "description": LINE,
            "entity": "web-1",
            "source": "Server Scout",
            "priority": "P1",
        })
    );
    let (request, body) = sent(Kind::Opsgenie, &resolved);
    assert_eq!(
        request.target.request_path(),
        "/v2/alerts/00000000000000aa/close?identifierType=alias"
    );
    assert_eq!(body, json!({ "source": "Server Scout" }));
}

#[test]
fn a_webhook_is_signed_as_the_specification_says() {
    let signature = webhook::signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b"{\"test\": 2432232314}",
    );
    // Computed with another implementation of HMAC-SHA256.
    assert_eq!(
        signature.as_deref(),
        Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    );
    assert!(webhook::signature("no key", "id", "1", b"").is_none());
    let (request, body) = sent(Kind::Webhook, &message("opened", vec![told("web-1")]));
    assert_eq!(request.headers["webhook-id"], "msg_00000000000000dd");
    assert_eq!(request.headers["webhook-timestamp"], "1795428001");
    assert_eq!(body["type"], "incident.opened");
    assert_eq!(body["timestamp"], "2026-11-23T10:00:00.000Z");
    assert_eq!(body["data"]["incidents"][0]["server_name"], "web-1");
}

#[test]
fn hostile_names_are_text_everywhere() {
    let many = vec![told(HOSTILE); 100];
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Email) {
        for incidents in [vec![told(HOSTILE)], many.clone()] {
            let (request, body) = sent(kind, &message("opened", incidents));
            assert!(request.body.len() < 64 * 1024, "{kind:?}");
            if kind == Kind::Slack {
                // Mattermost and Rocket.Chat read Markdown and names of people in it.
                let shown = body["text"].as_str().unwrap();
                for live in ["<", "@e", "@h", "](", "://", "www."] {
                    assert!(!shown.contains(live), "{live} in {shown}");
                }
            }
            if kind == Kind::Matrix {
                assert_eq!(body["m.mentions"], json!({}));
            }
            if kind == Kind::Discord {
                let shown = body["embeds"][0]["description"].as_str().unwrap();
                assert!(
                    !shown.contains(" @everyone") && !shown.contains("]("),
                    "{shown}"
                );
            }
        }
    }
}

#[test]
fn a_test_is_a_message_of_every_kind() {
    let test = Message::test("Example", "2026-11-23T10:00:00.000Z");
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Email) {
        let (_, body) = sent(kind, &test);
        assert!(body.to_string().contains("est"), "{kind:?}: {body}");
    }
}

#[test]
fn what_is_shown_of_a_channel_is_a_host_and_four_characters() {
    for kind in Kind::ALL {
        let settings = settings(kind);
        let shown = settings.shown(kind);
        for secret in [&settings.token, &settings.recipient, &settings.secret] {
            let Some(secret) = secret else { continue };
            assert!(!shown.contains(secret.as_str()), "{kind:?}: {shown}");
        }
        assert!(!shown.contains("verysecret"), "{kind:?}: {shown}");
        let tail = shown.rsplit('…').next().unwrap();
        assert!(kind == Kind::Email || tail.chars().count() <= 4, "{shown}");
    }
}

#[test]
fn settings_that_do_not_fit_their_kind_are_refused() {
    let some = |text: &str| Some(text.to_owned());
    let header =
        |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into_iter().collect();
    let address = some("https://hooks.example.org/x");
    for (kind, said) in [
        (Kind::Webhook, Settings::default()),
        (
            Kind::Webhook,
            Settings {
                address: some("ftp://hooks.example.org/"),
                ..Settings::default()
            },
        ),
        (
            Kind::Webhook,
            Settings {
                address: address.clone(),
                token: some("x"),
                ..Settings::default()
            },
        ),
        (
            Kind::Webhook,
            Settings {
                address: address.clone(),
                headers: header("Host", "inside"),
                ..Settings::default()
            },
        ),
        (
            Kind::Webhook,
            Settings {
                address: address.clone(),
                headers: header("webhook-id", "1"),
                ..Settings::default()
            },
        ),
        (
            Kind::Webhook,
            Settings {
                address: address.clone(),
                headers: header("x", "a\r\nb: c"),
                ..Settings::default()
            },
        ),
        (
            Kind::Slack,
            Settings {
                address: address.clone(),
                headers: header("x-a", "b"),
                ..Settings::default()
            },
        ),
        (
            Kind::Email,
            Settings {
                recipient: some("nobody"),
                ..Settings::default()
            },
        ),
        (
            Kind::Email,
            Settings {
                address,
                recipient: some("a@example.org"),
                ..Settings::default()
            },
        ),
        (
            Kind::Telegram,
            Settings {
                token: some("1:a b"),
                recipient: some("1"),
                ..Settings::default()
            },
        ),
    ] {
        assert!(said.check(kind).is_err(), "{kind:?}");
    }
}
