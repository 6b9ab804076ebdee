//! Bodies beside what each service documents: `api/tests/fixtures/channels` has, by service, where it is
//! documented, the examples from there, and each member with its type and its limit. A member that is not
//! in it is a failure. `SERVERSCOUT_RECORD=1` writes the bodies that are sent anew; read the difference.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::super::message::{Message, Told};
use super::super::super::settings::Kind;
use super::{HOSTILE, message, sent, told};

/// What a service documents.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Documented {
    /// Where.
    sources: Vec<String>,
    /// When it was read there.
    read: String,
    #[serde(default, rename = "note")]
    _note: String,
    /// By name: `message`, and `end` where an end has a body of its own.
    bodies: BTreeMap<String, Body>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    max_bytes: Option<usize>,
    max_chars_in_all: Option<usize>,
    /// By path: `a.b` is a member, `a[]` an element of a list, `a[x]` one whose type is `x`.
    members: BTreeMap<String, Member>,
    examples: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    r#type: String,
    /// Wherever what it belongs to is.
    #[serde(default)]
    required: bool,
    max_chars: Option<usize>,
    max_bytes: Option<usize>,
    max_items: Option<usize>,
    one_of: Option<Vec<Value>>,
}

fn documented(kind: Kind) -> Documented {
    let text = std::fs::read_to_string(file(kind, "json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn file(kind: Kind, end: &str) -> PathBuf {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/channels");
    PathBuf::from(format!("{directory}/{}.{end}", kind.as_str()))
}

/// Characters as the strictest of the services count them: those beyond the basic plane are two.
fn chars(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Body {
    /// What is wrong with a body.
    fn problems(&self, body: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        self.walk(body, "", &mut problems);
        let bytes = body.to_string().len();
        if self.max_bytes.is_some_and(|most| bytes > most) {
            problems.push(format!("{bytes} bytes"));
        }
        let all = all_chars(body);
        if self.max_chars_in_all.is_some_and(|most| all > most) {
            problems.push(format!("{all} characters in all"));
        }
        problems
    }

    fn walk(&self, value: &Value, path: &str, problems: &mut Vec<String>) {
        match value {
            Value::Object(members) => self.walk_object(members, path, problems),
            Value::Array(elements) => {
                for element in elements {
                    let kind = element["type"].as_str().unwrap_or_default();
                    let known = format!("{path}[{kind}]");
                    if kind.is_empty() || !self.has_below(&known) {
                        self.visit(element, &format!("{path}[]"), problems);
                    } else {
                        self.walk(element, &known, problems);
                    }
                }
            }
            _ => {}
        }
    }

    fn walk_object(&self, members: &Map<String, Value>, path: &str, problems: &mut Vec<String>) {
        let below = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        for (name, value) in members {
            self.visit(value, &below(name), problems);
        }
        let prefix = below("");
        let required = { self.members.iter() }.filter(|(_, member)| member.required);
        for (member, _) in required {
            let name = member.strip_prefix(&prefix).unwrap_or_default();
            let direct = !name.is_empty() && !name.contains(['.', '[']);
            if direct && !members.contains_key(name) {
                problems.push(format!("{member} is missing"));
            }
        }
    }

    fn visit(&self, value: &Value, path: &str, problems: &mut Vec<String>) {
        let Some(member) = self.members.get(path) else {
            problems.push(format!("{path} is not documented"));
            return;
        };
        problems.extend({ member.problems(value).into_iter() }.map(|one| format!("{path}: {one}")));
        if member.r#type != "any" {
            self.walk(value, path, problems);
        }
    }

    fn has_below(&self, path: &str) -> bool {
        let prefix = format!("{path}.");
        self.members
            .keys()
            .any(|member| member.starts_with(&prefix))
    }
}

impl Member {
    fn problems(&self, value: &Value) -> Vec<String> {
        let text = value.as_str().unwrap_or_default();
        let items = value.as_array().map_or(0, Vec::len);
        let fits = match self.r#type.as_str() {
            "any" => true,
            "array" => value.is_array(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "null" => value.is_null(),
            "object" => value.is_object(),
            "string" => value.is_string(),
            other => panic!("there is no type {other}"),
        };
        let beyond = |most: Option<usize>, is: usize| most.is_some_and(|most| is > most);
        let mut problems = Vec::new();
        if !fits {
            problems.push(format!("{value} is no {}", self.r#type));
        }
        if self.required && self.r#type == "string" && text.is_empty() {
            problems.push("is empty".to_owned());
        }
        if beyond(self.max_chars, chars(text)) || beyond(self.max_bytes, text.len()) {
            problems.push(format!("{} characters, {} bytes", chars(text), text.len()));
        }
        if beyond(self.max_items, items) {
            problems.push(format!("{items} elements"));
        }
        if { self.one_of.as_ref() }.is_some_and(|words| !words.contains(value)) {
            problems.push(format!("{value} is none of the words"));
        }
        problems
    }
}

fn all_chars(value: &Value) -> usize {
    match value {
        Value::String(text) => chars(text),
        Value::Array(elements) => elements.iter().map(all_chars).sum(),
        Value::Object(members) => members.values().map(all_chars).sum(),
        _ => 0,
    }
}

fn kinds() -> impl Iterator<Item = Kind> {
    { Kind::ALL.into_iter() }.filter(|kind| *kind != Kind::Email)
}

/// What is wrong with what is sent of a message.
fn problems(kind: Kind, documented: &Documented, message: &Message) -> Vec<String> {
    let (_, body) = sent(kind, message);
    let end = documented.bodies.get("end").filter(|_| message.is_over());
    let documented = end.or(documented.bodies.get("message")).unwrap();
    documented.problems(&body)
}

fn messages() -> [(&'static str, Message); 5] {
    let several = vec![told("web-1"), told("web-2")];
    [
        ("opened", message("opened", vec![told("web-1")])),
        ("several", message("opened", several)),
        ("reminder", message("reminder", vec![told("web-1")])),
        ("resolved", message("resolved", vec![ended("web-1")])),
        ("test", Message::test("Example", "2026-11-23T10:00:00.000Z")),
    ]
}

fn ended(server: &str) -> Told {
    let mut told = told(server);
    told.tells.end_reason = Some("recovered".to_owned());
    told
}

#[test]
fn the_services_own_examples_are_as_they_document() {
    let mut examples = 0;
    for kind in kinds() {
        let documented = documented(kind);
        assert!(
            !documented.sources.is_empty() && documented.read.len() == 10,
            "{kind:?}"
        );
        for body in documented.bodies.values() {
            for example in &body.examples {
                assert_eq!(
                    body.problems(example),
                    Vec::<String>::new(),
                    "{kind:?}: {example}"
                );
                examples += 1;
            }
        }
    }
    assert!(examples > 10, "{examples} examples");
}

#[test]
fn what_is_sent_is_as_each_service_documents_and_as_recorded() {
    for kind in kinds() {
        let documented = documented(kind);
        let mut recorded = Map::new();
        for (name, message) in messages() {
            let found = problems(kind, &documented, &message);
            assert_eq!(found, Vec::<String>::new(), "{kind:?}, {name}");
            let (request, body) = sent(kind, &message);
            let line = format!("{} {}", request.method, request.target.request_path());
            recorded.insert(
                name.to_owned(),
                serde_json::json!({ "request": line, "body": body }),
            );
        }
        let recorded = serde_json::to_string_pretty(&recorded).unwrap() + "\n";
        let expected = file(kind, "sent.json");
        if std::env::var_os("SERVERSCOUT_RECORD").is_some() {
            std::fs::write(&expected, &recorded).unwrap();
        }
        let expected = std::fs::read_to_string(expected).unwrap();
        assert_eq!(
            recorded, expected,
            "{kind:?}; SERVERSCOUT_RECORD=1 writes it anew"
        );
    }
}

#[test]
fn overlong_texts_are_cut_where_each_service_says() {
    for long in ["x", "ä", "漢", "🚨", "\"", "\\", "<&>", "*", HOSTILE] {
        let mut told = told(&long.repeat(6000));
        told.tells.rule_name = long.repeat(6000);
        told.tells.measure = long.repeat(6000);
        told.tells.label = Some(long.repeat(6000));
        let one = vec![told.clone()];
        for kind in kinds() {
            // It has no limit, and says all.
            if kind == Kind::Webhook {
                continue;
            }
            let documented = documented(kind);
            let mut ended = told.clone();
            ended.tells.end_reason = Some(long.repeat(6000));
            for message in [
                message("opened", one.clone()),
                message("opened", vec![told.clone(); 30]),
                message("resolved", vec![ended]),
                Message::test(&long.repeat(6000), "2026-11-23T10:00:00.000Z"),
            ] {
                let found = problems(kind, &documented, &message);
                assert_eq!(
                    found,
                    Vec::<String>::new(),
                    "{kind:?}, {long}, {}",
                    message.kind
                );
            }
        }
    }
}

#[test]
fn a_body_that_is_not_as_documented_is_told_from_one_that_is() {
    let documented = documented(Kind::Pagerduty);
    let (_, good) = sent(Kind::Pagerduty, &message("opened", vec![told("web-1")]));
    let body = documented.bodies.get("message").unwrap();
    let problem = |change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        body.problems(&changed).join("; ")
    };
    assert_eq!(problem(&|_| {}), "");
    let missing = problem(&|body| {
        body["payload"].as_object_mut().unwrap().remove("source");
    });
    assert_eq!(missing, "payload.source is missing");
    let unknown = problem(&|body| body["payload"]["colour"] = "red".into());
    assert_eq!(unknown, "payload.colour is not documented");
    let word = problem(&|body| body["payload"]["severity"] = "bad".into());
    assert_eq!(word, "payload.severity: \"bad\" is none of the words");
    let long = problem(&|body| body["payload"]["summary"] = "x".repeat(1025).into());
    assert_eq!(long, "payload.summary: 1025 characters, 1025 bytes");
    let other = problem(&|body| body["payload"]["source"] = 1.into());
    assert!(
        other.starts_with("payload.source: 1 is no string"),
        "{other}"
    );
}
