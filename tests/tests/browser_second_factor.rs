//! Second factors in a real browser: passkeys of a virtual authenticator, and an authenticator app.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::net::TcpListener;

use serde_json::{Value, json};
use server_scout_tests::Fleet;
use server_scout_tests::authenticator::AuthenticatorApp;
use server_scout_tests::browser::{BROWSER_PATIENCE, Browser, Habits};
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{OWNER, PASSWORD};
use server_scout_tests::wait::until;
use thirtyfour::prelude::*;

const PAGE: &str = "/account/second-factor";

/// A fleet whose public address is the one that browsers use: passkeys are bound to it.
async fn at_its_public_address() -> Fleet {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let setup = Setup::new()
        .set("SERVERSCOUT_LISTEN", format!("127.0.0.1:{port}"))
        .set(
            "SERVERSCOUT_PUBLIC_URL",
            format!("https://localhost:{port}"),
        );
    Fleet::with(setup).await
}

/// Gives the browser an authenticator that keeps passkeys and whose user is always there.
async fn add_authenticator(browser: &Browser) -> String {
    let cdp = browser.driver.cdp();
    cdp.send_raw("WebAuthn.enable", json!({})).await.unwrap();
    let options = json!({
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": true,
        "hasUserVerification": true,
        "isUserVerified": true,
        "automaticPresenceSimulation": true,
    });
    let added = cdp
        .send_raw(
            "WebAuthn.addVirtualAuthenticator",
            json!({ "options": options }),
        )
        .await
        .unwrap();
    added["authenticatorId"].as_str().unwrap().to_owned()
}

async fn credentials(browser: &Browser, authenticator: &str) -> Vec<Value> {
    let found = browser
        .driver
        .cdp()
        .send_raw(
            "WebAuthn.getCredentials",
            json!({ "authenticatorId": authenticator }),
        )
        .await
        .unwrap();
    found["credentials"].as_array().cloned().unwrap()
}

async fn type_password(browser: &Browser, fleet: &Fleet) {
    browser.open(&fleet.dashboard.url("/login")).await;
    browser.fill("email", OWNER).await;
    browser.fill("password", PASSWORD).await;
    browser.send_form_of("password").await;
}

async fn log_out(browser: &Browser) {
    press(browser, "Log out").await;
    browser.shows("Log in", BROWSER_PATIENCE).await;
}

/// Presses the button that begins with these words.
async fn press(browser: &Browser, words: &str) {
    let button = format!("//button[starts-with(normalize-space(.), '{words}')]");
    until(
        &format!("a button {words:?}"),
        BROWSER_PATIENCE,
        async || {
            let button = browser.driver.find(By::XPath(button.as_str())).await.ok()?;
            button.click().await.ok()
        },
    )
    .await;
}

async fn assert_no_complaints(browser: &Browser) {
    let complaints = browser.complaints().await;
    assert!(
        complaints.is_empty(),
        "the console complains: {complaints:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_added_logs_in_alone_serves_as_second_factor_and_is_removed() {
    let fleet = at_its_public_address().await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    browser.open(&fleet.dashboard.url("/login")).await;
    let authenticator = add_authenticator(&browser).await;
    type_password(&browser, &fleet).await;
    browser.shows("web-1", BROWSER_PATIENCE).await;

    browser.open(&fleet.dashboard.url(PAGE)).await;
    browser.fill("name", "My laptop").await;
    press(&browser, "Add a passkey").await;
    browser.shows("Your recovery codes", BROWSER_PATIENCE).await;
    let kept = credentials(&browser, &authenticator).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["isResidentCredential"], true);
    assert_eq!(kept[0]["rpId"], "localhost");
    browser.picture("recovery-codes").await;
    browser.open(&fleet.dashboard.url(PAGE)).await;
    browser.shows("My laptop", BROWSER_PATIENCE).await;
    browser.picture("second-factor").await;

    // Without a password.
    log_out(&browser).await;
    browser.picture("login").await;
    press(&browser, "Log in with a passkey").await;
    browser.shows("web-1", BROWSER_PATIENCE).await;

    // As the second factor after the password.
    log_out(&browser).await;
    type_password(&browser, &fleet).await;
    browser.shows("Confirm your login", BROWSER_PATIENCE).await;
    browser.picture("second-step").await;
    press(&browser, "Use a passkey").await;
    browser.shows("web-1", BROWSER_PATIENCE).await;

    // And to prove again who it is.
    browser
        .open(&fleet.dashboard.url(&format!("/confirm?next={PAGE}")))
        .await;
    browser.picture("confirm").await;
    press(&browser, "Confirm with a passkey").await;
    browser.shows("My laptop", BROWSER_PATIENCE).await;
    assert!(!browser.text().await.contains("Never used"));

    press(&browser, "Remove").await;
    browser
        .shows("The second factor is removed", BROWSER_PATIENCE)
        .await;
    assert!(!browser.text().await.contains("My laptop"));
    assert_no_complaints(&browser).await;
    log_out(&browser).await;
    press(&browser, "Log in with a passkey").await;
    browser.shows("This did not work", BROWSER_PATIENCE).await;
    type_password(&browser, &fleet).await;
    browser.shows("web-1", BROWSER_PATIENCE).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_does_not_confirm_hears_so_and_nothing_is_added() {
    let fleet = at_its_public_address().await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    type_password(&browser, &fleet).await;
    browser.shows("web-1", BROWSER_PATIENCE).await;
    let authenticator = add_authenticator(&browser).await;
    let refuses = json!({ "authenticatorId": authenticator, "isUserVerified": false });
    let cdp = browser.driver.cdp();
    cdp.send_raw("WebAuthn.setUserVerified", refuses)
        .await
        .unwrap();

    browser.open(&fleet.dashboard.url(PAGE)).await;
    browser.fill("name", "My laptop").await;
    press(&browser, "Add a passkey").await;
    browser
        .shows("The passkey was not confirmed", BROWSER_PATIENCE)
        .await;

    let list = fleet.get("/api/v1/account/second-factors").await.json();
    assert_eq!(list["items"], json!([]));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_set_up_from_the_page_and_finishes_a_login_without_script() {
    let fleet = at_its_public_address().await;
    let ca = fleet.dashboard.ca_file();
    let browser = Browser::start(Habits {
        ca_file: Some(&ca),
        script: false,
    })
    .await;
    type_password(&browser, &fleet).await;
    browser.shows("web-1", BROWSER_PATIENCE).await;

    browser.open(&fleet.dashboard.url(PAGE)).await;
    browser
        .shows("This needs a browser that knows passkeys", BROWSER_PATIENCE)
        .await;
    press(&browser, "Set up an app").await;
    browser
        .shows("Give the app its seed", BROWSER_PATIENCE)
        .await;
    let field = browser.driver.find(By::Id("seed")).await.unwrap();
    let seed = field.prop("value").await.unwrap().unwrap_or_default();
    let app = AuthenticatorApp::typed(&seed);
    let picture = browser.driver.find(By::Css("img.qr")).await.unwrap();
    let width = picture.prop("naturalWidth").await.unwrap();
    let width: u32 = width.unwrap_or_default().parse().unwrap();
    assert!(width >= 240, "the QR code is not drawn: {width}");
    browser.picture("authenticator-app").await;
    browser.fill("code", &app.code(0)).await;
    browser.send_form_of("code").await;
    browser.shows("Your recovery codes", BROWSER_PATIENCE).await;

    log_out(&browser).await;
    type_password(&browser, &fleet).await;
    browser.shows("Confirm your login", BROWSER_PATIENCE).await;
    browser.fill("code", "000000").await;
    browser.send_form_of("code").await;
    browser.shows("This did not work", BROWSER_PATIENCE).await;
    browser.fill("code", &app.code(1)).await;
    browser.send_form_of("code").await;
    browser.shows("web-1", BROWSER_PATIENCE).await;
    browser.quit().await;
}
