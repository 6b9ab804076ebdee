//! One try: a line of the table, somebody who asks, and whose objects the request names.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response};
use server_scout_tests::fleet::PASSWORD;

use crate::actor::{Actor, Standing};
use crate::place::{ELSEWHERE, FOREIGN, Objects, PERSONAL, Place, World, report_of, unique};
use crate::table::{Body, Right, Row, Who};

/// Whose objects a request names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    /// Own ones alone.
    Own,
    /// One is of another kind than own: which, and how.
    But(String, Other),
    /// None is own.
    All(Other),
}

/// What is not an own object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Other {
    /// A stranger's.
    Foreign,
    /// Of the same person's other organisation.
    Elsewhere,
    /// Of nobody.
    Unknown,
    /// No id at all.
    Malformed,
}

/// What must come of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Status(Vec<u16>),
    /// A redirect to a path that begins with this.
    To(&'static str),
    /// 403, because the session must prove first whose it is.
    ProofNeeded,
}

/// Every choice of objects that a line can be tried with.
pub(crate) fn choices(row: &Row) -> Vec<Named> {
    let kinds = row.kinds();
    let mut choices = vec![Named::Own];
    for kind in &kinds {
        let others = [
            Other::Foreign,
            Other::Elsewhere,
            Other::Unknown,
            Other::Malformed,
        ];
        choices.extend(others.map(|other| Named::But(kind.clone(), other)));
    }
    if kinds.len() > 1 {
        choices.extend([Other::Foreign, Other::Elsewhere].map(Named::All));
    }
    choices
}

/// What must come of a try.
pub(crate) fn expected(row: &Row, declared: &str, actor: &Actor, named: &Named) -> Outcome {
    let status = |status: u16| Outcome::Status(vec![status]);
    let allowed = Outcome::Status(row.answer.clone());
    let valid = match actor.standing {
        Standing::Nobody => false,
        Standing::Session(..) => true,
        Standing::Agent | Standing::Token(..) => row.is_api(),
    };
    let (role, own) = match (row.who, actor.standing) {
        (Who::Public, _) => return allowed,
        _ if !valid && row.is_api() => return status(401),
        _ if !valid && row.method == Method::GET => return Outcome::To("/login"),
        _ if !valid => return status(401),
        (Who::Agent, Standing::Agent) | (Who::Metrics, Standing::Token(_, None)) => return allowed,
        (Who::Agent | Who::Metrics, _) | (_, Standing::Agent | Standing::Nobody) => {
            return status(403);
        }
        (_, Standing::Session(right, _)) => (Some(right), Some(Right::Own)),
        (_, Standing::Token(right, scope)) => (scope.map(|scope| scope.min(right)), scope),
    };
    let stale = matches!(actor.standing, Standing::Session(_, false));
    if stale && declared == "fresh session" {
        return Outcome::To("/confirm");
    }
    // A program that sees nothing learns of nothing, but may be told that an id is none.
    let blind = own.is_none();
    let by_session_alone = row.who == Who::Account(None);
    if blind || by_session_alone && matches!(actor.standing, Standing::Token(..)) {
        return match named {
            Named::But(_, Other::Malformed) => Outcome::Status(vec![403, 404, 422]),
            _ => status(403),
        };
    }
    // To a session all of its person's are their own, wherever they act.
    let own_elsewhere = matches!(actor.standing, Standing::Session(..))
        && ["session", "own-organisation"]
            .iter()
            .any(|kind| *named == Named::But((*kind).to_owned(), Other::Elsewhere));
    if *named != Named::Own && !own_elsewhere {
        let mut statuses = not_found(row, named);
        // Nobody else's account is told apart there from one that does not exist.
        if row.fresh && stale && matches!(row.who, Who::Account(_)) {
            statuses.push(403);
        }
        return Outcome::Status(statuses);
    }
    let enough = match row.who {
        Who::Member(right) => role >= Some(right),
        Who::Account(right) => own >= right,
        Who::Agent | Who::Metrics | Who::Public => true,
    };
    if !enough {
        return status(403);
    }
    if row.fresh && stale {
        return Outcome::ProofNeeded;
    }
    allowed
}

/// What is no id in a form may also be called malformed.
fn not_found(row: &Row, named: &Named) -> Vec<u16> {
    match named {
        Named::But(kind, Other::Malformed) if !in_path(row, kind) => vec![404, 422],
        _ => vec![404],
    }
}

fn in_path(row: &Row, kind: &str) -> bool {
    let path = row.target.split('?').next().unwrap_or_default();
    path.contains(&format!("<{kind}>"))
}

/// What went wrong, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) who: String,
}

/// Tries it, and says what is wrong, if anything.
pub(crate) async fn attempt(
    world: &World,
    row: &Row,
    declared: &str,
    actor: &Actor,
    named: &Named,
) -> Result<(), Wrong> {
    let outcome = expected(row, declared, actor, named);
    let allowed = outcome == Outcome::Status(row.answer.clone());
    let alone = if row.spends && allowed {
        Some(crate::actor::alone(world, actor).await)
    } else {
        None
    };
    let (place, actor) = match &alone {
        Some((place, actor)) => (place, actor),
        None => (&world.ours, actor),
    };
    let changes = allowed && row.method != Method::GET;
    let objects = objects(world, row, place, actor, named, changes).await;
    let said = |what: String| Wrong {
        what: format!("{} {}, {named:?}: {what}", row.method, row.request()),
        who: actor.name.clone(),
    };
    let request = fill(world, row, place, actor, &objects);
    let response = request.send().await;
    let response = response.map_err(|error| said(format!("no answer: {error:?}")))?;
    let status = response.status().as_u16();
    let location = header(&response, "location");
    let body = read(response).await;
    check(&outcome, status, &location, &body).map_err(&said)?;
    let told = format!("{location}\n{body}");
    leak(world, &told, &objects).map_or(Ok(()), |what| Err(said(format!("it tells {what}"))))
}

fn check(outcome: &Outcome, status: u16, location: &str, body: &str) -> Result<(), String> {
    let fits = match outcome {
        Outcome::Status(expected) => expected.contains(&status),
        Outcome::To(place) => status == 303 && location.starts_with(place),
        Outcome::ProofNeeded => status == 403 && body.contains("proof-needed"),
    };
    let came = if location.is_empty() {
        body.chars().take(200).collect()
    } else {
        format!("to {location}")
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{status}, expected {outcome:?}: {came}"))
    }
}

/// What of somebody else's organisation stands in an answer. What was asked for by its id may be
/// repeated.
pub(crate) fn leak(world: &World, told: &str, asked: &Objects) -> Option<String> {
    let names = [FOREIGN, ELSEWHERE].into_iter().map(str::to_owned);
    let ids = world.others_ids.iter().cloned();
    let ids = ids.filter(|id| !asked.values().any(|known| known == id));
    names.chain(ids).find(|text| told.contains(text.as_str()))
}

async fn objects(
    world: &World,
    row: &Row,
    place: &Place,
    actor: &Actor,
    named: &Named,
    changes: bool,
) -> Objects {
    let mut objects = Objects::new();
    // What an object belongs to is made with it, also when the request names it alone.
    let mut parents = place.standing.clone();
    for kind in row.kinds() {
        let other = match named {
            Named::Own => None,
            Named::But(but, other) => (*but == kind).then_some(*other),
            Named::All(other) => Some(*other),
        };
        // What is personal belongs to whoever asks, as far as they are somebody.
        let personal = PERSONAL.contains(&kind.as_str()) && actor.person != 0;
        let own = if changes || personal {
            let made = world.make(place, &kind, &parents, actor.person).await;
            parents.insert(kind.clone(), made.clone());
            made
        } else {
            place.standing[&kind].clone()
        };
        let id = match other {
            None => own,
            Some(Other::Foreign) => world.foreign.standing[&kind].clone(),
            Some(Other::Elsewhere) if personal && kind != "passkey" => {
                let place = &world.elsewhere;
                world.make(place, &kind, &parents, actor.person).await
            }
            Some(Other::Elsewhere) => world.elsewhere.standing[&kind].clone(),
            Some(Other::Unknown) => "00000000000000ff".to_owned(),
            Some(Other::Malformed) => "no-id".to_owned(),
        };
        objects.insert(kind, id);
    }
    objects
}

/// The request as it is sent.
fn fill(
    world: &World,
    row: &Row,
    place: &Place,
    actor: &Actor,
    objects: &Objects,
) -> RequestBuilder {
    let new = format!("new-{}", unique());
    let fill = |text: &str| {
        let mut text = text
            .replace("<asset>", &world.asset)
            .replace("<email>", &actor.email)
            .replace("<new>", &new)
            .replace("<organisation>", &place.organisation)
            .replace("<password>", &PASSWORD.replace(' ', "+"))
            .replace("<report>", &report_of("ours").to_string());
        for (kind, id) in objects {
            text = text.replace(&format!("<{kind}>"), id);
        }
        text
    };
    let request = actor.request(world, row.method.clone(), &fill(&row.target));
    let request = request.header("X-Forwarded-For", address());
    if row.method == Method::GET {
        return request;
    }
    let request = request.header("Sec-Fetch-Site", "same-origin");
    match &row.body {
        Some(Body::Json(body)) => request
            .header(CONTENT_TYPE, "application/json")
            .body(fill(body)),
        None if row.is_api() => request,
        Some(Body::Form(_)) | None => {
            let form = match &row.body {
                Some(Body::Form(form)) => fill(form),
                _ => String::new(),
            };
            request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(format!("csrf_token={}&{form}", actor.csrf_token()))
        }
    }
}

/// An address that nobody else asks from.
fn address() -> String {
    let [.., a, b, c] = unique().to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    let value = value.and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// The whole body, unpacked, or of a stream that does not end what comes at once.
async fn read(mut response: Response) -> String {
    let packed = header(&response, "content-type") == "application/gzip";
    let endless = header(&response, "content-type").starts_with("text/event-stream");
    let mut body = Vec::new();
    loop {
        let patience = Duration::from_millis(if endless { 50 } else { 20_000 });
        match tokio::time::timeout(patience, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            _ => break,
        }
    }
    if packed {
        let mut plain = Vec::new();
        let read = GzDecoder::new(body.as_slice()).read_to_end(&mut plain);
        read.expect("an archive is whole");
        body = plain;
    }
    String::from_utf8_lossy(&body).into_owned()
}
