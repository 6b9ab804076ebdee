//! Second factors, as a browser without script and a program meet them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod login;
mod notices;
mod requirement;
mod secrets;

use server_scout_tests::Person;
use server_scout_tests::authenticator::AuthenticatorApp;

const PAGE: &str = "/account/second-factor";

/// Sets codes by time up through the pages; returns the app and the recovery codes.
async fn set_up(person: &mut Person) -> (AuthenticatorApp, Vec<String>) {
    let _ = person.get(PAGE).await;
    let begun = person
        .submit("/account/second-factor/totp/begin", &[])
        .await;
    assert_eq!(begun.status, 303, "{}", begun.text());
    let page = person.get("/account/second-factor/totp").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let app = AuthenticatorApp::of_page(&page);
    let code = app.code(0);
    let code = [("code", code.as_str())];
    let done = person.submit("/account/second-factor/totp", &code).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let codes = done.text();
    let codes = codes.split("<li><code>").skip(1);
    let codes: Vec<String> = codes
        .filter_map(|rest| Some(rest.split_once('<')?.0.to_owned()))
        .collect();
    assert_eq!(codes.len(), 10);
    (app, codes)
}
