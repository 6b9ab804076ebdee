//! P6 and P12: every operation and page, tried by everybody, with their own objects and others'.
//! `expected.txt` says what must come of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod actor;
mod attempt;
mod place;
mod streams;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use futures_util::StreamExt as _;
use serde_json::Value;
use server_scout_tests::binaries;
use server_scout_tests::process::run;
use server_scout_tests::wait::{PATIENCE, until};

use crate::attempt::{Wrong, attempt, choices};
use crate::place::World;
use crate::table::EXPECTED;

/// The program's own routes: `METHOD PATH`, and the principal that it declares.
async fn routes() -> BTreeMap<String, String> {
    let text = printed("routes").await;
    let lines = text.lines().map(|line| {
        let (method, rest) = line.split_once(' ').expect("a method");
        let (path, principal) = rest.split_once(' ').expect("a path");
        (format!("{method} {path}"), principal.to_owned())
    });
    lines.collect()
}

async fn printed(what: &str) -> String {
    let mut command = Command::new(binaries::dashboard());
    command.arg(what).env_clear();
    run(command, "", PATIENCE).await.success()
}

#[tokio::test]
async fn every_route_has_its_line_and_every_line_is_a_route() {
    let routes: BTreeSet<String> = routes().await.into_keys().collect();
    let lines: BTreeSet<String> = EXPECTED.iter().map(table::Row::name).collect();
    let missing: Vec<&String> = routes.difference(&lines).collect();
    let surplus: Vec<&String> = lines.difference(&routes).collect();
    assert!(missing.is_empty(), "routes without a line: {missing:#?}");
    assert!(surplus.is_empty(), "lines without a route: {surplus:#?}");
}

#[tokio::test]
async fn every_id_that_an_operation_takes_is_tried() {
    let document: Value = serde_json::from_str(&printed("openapi").await).expect("JSON");
    let (mut untried, mut found) = (Vec::new(), 0);
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let path = path.replace('{', ":").replace('}', "");
            let name = format!("{} /api/v1{path}", method.to_uppercase());
            for member in ids(&document, operation) {
                let mut rows = EXPECTED.iter().filter(|row| row.name() == name);
                let tried = rows.any(|row| row.names(&member));
                found += 1;
                if !tried {
                    untried.push(format!("{name}: {member}"));
                }
            }
        }
    }
    assert!(found >= 2, "the document names ids");
    assert!(untried.is_empty(), "ids that nobody tries: {untried:#?}");
}

/// The query parameters and members of the body that name an object.
fn ids(document: &Value, operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| parameter["name"].as_str());
    let schema = &operation["requestBody"]["content"]["application/json; charset=utf-8"]["schema"];
    let name = schema["$ref"].as_str().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    let members = document["components"]["schemas"][name]["properties"].as_object();
    let members = members.into_iter().flatten().map(|(name, _)| name.as_str());
    let all = parameters.chain(members).map(str::to_owned);
    all.filter(|name| NAMES_OF_OBJECTS.iter().any(|end| name.ends_with(end)))
        .collect()
}

/// What the name of a parameter or member ends in when it names an object.
const NAMES_OF_OBJECTS: [&str; 9] = [
    "_id", "_ids", "server", "servers", "group", "groups", "person", "people", "member",
];

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reaches_exactly_what_is_theirs() {
    let routes = routes().await;
    let world = World::new().await;
    let mut actors = actor::members(&world, &world.ours).await;
    actors.push(actor::agent(&world.ours));
    actors.extend(actor::nobodies(&world, &world.ours).await);
    until("what the commands did is sealed", PATIENCE, async || {
        let left = "SELECT 'left' AS text FROM audit_inbox";
        world.database.texts(left).is_empty().then_some(())
    })
    .await;
    let others = || {
        let mut stored = world.database.of_organisation(world.foreign.id, &KEY_USE);
        stored.extend(of_elsewhere(&world));
        stored
    };
    let before = others();

    let tries = EXPECTED.iter().flat_map(|row| {
        let declared = &routes[&row.name()];
        let named = choices(row).into_iter();
        let tries = named.flat_map(|named| actors.iter().map(move |actor| (named.clone(), actor)));
        tries.map(move |(named, actor)| (row, declared, actor, named))
    });
    let world = &world;
    let tries: Vec<_> = tries.collect();
    let count = tries.len();
    let wrong: Vec<Wrong> = futures_util::stream::iter(tries)
        .map(async |(row, declared, actor, named)| {
            attempt(world, row, declared, actor, &named).await.err()
        })
        .buffer_unordered(AT_A_TIME)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;

    assert!(
        wrong.is_empty(),
        "{} of {count} tries:\n{}",
        wrong.len(),
        listed(&wrong)
    );
    let after = others();
    let gone: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    let come: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(
        gone.is_empty() && come.is_empty(),
        "somebody else's data changed from {gone:#?} to {come:#?}"
    );
}

/// What belongs to the other organisation of the same people. Their logins stand in its log, too, and
/// their sessions there are their own.
fn of_elsewhere(world: &World) -> Vec<String> {
    let stored = world.database.of_organisation(world.elsewhere.id, &KEY_USE);
    let stored = stored.into_iter();
    stored
        .filter(|row| {
            !["audit_", "member ", "session ", "access_token "]
                .iter()
                .any(|own| row.starts_with(own))
        })
        .collect()
}

/// What went wrong, each thing once with everybody it went wrong for.
fn listed(wrong: &[Wrong]) -> String {
    let mut whom: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Wrong { what, who } in wrong {
        whom.entry(what).or_default().insert(who);
    }
    let lines = whom.iter().map(|(what, whom)| {
        let whom: Vec<&str> = whom.iter().copied().collect();
        format!("{what}\n    as {}\n", whom.join("; "))
    });
    lines.collect()
}

/// Written once a minute, of reports that came before.
const KEY_USE: [&str; 3] = ["used_at", "used_from", "agent_version"];
/// Tries that are under way at the same time.
const AT_A_TIME: usize = 16;
