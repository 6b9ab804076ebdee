//! People together: invitations, roles, organisations, links by mail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod invitations;
mod mail;
mod organisations;
mod reset;
mod roles;

use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::https::Answer;
use server_scout_tests::{Fleet, Person};

const BOB: &str = "bob@example.org";
const PASSWORD: &str = "a stapler for the battery";

/// A new member who is logged in.
async fn member(fleet: &Fleet, email: &str, role: &str) -> Person {
    let dashboard = &fleet.dashboard;
    dashboard
        .add_user(email, ORGANISATION, role, PASSWORD)
        .await;
    let mut person = fleet.stranger();
    assert_eq!(person.log_in(email, PASSWORD).await.status, 303);
    person
}

/// The id of the member of that address.
async fn id(fleet: &Fleet, email: &str) -> String {
    let people = fleet.get("/api/v1/people").await.json();
    let items = people["items"].as_array().unwrap();
    let found = items.iter().find(|person| person["email"] == email);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Where an answer leads to.
fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap_or_default()
}

/// The link that a page shows, without the dashboard's origin.
fn shown_link(fleet: &Fleet, page: &Answer, kind: &str) -> String {
    let start = format!("{}/{kind}/", fleet.dashboard.origin());
    let text = page.text();
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{text}"));
    let secret = rest.split(['<', '"']).next().unwrap();
    format!("/{kind}/{secret}")
}
