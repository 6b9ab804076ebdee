//! The second step of a login.

use reqwest::Method;
use server_scout_tests::fleet::{OWNER, PASSWORD, answer};
use server_scout_tests::person::set_cookies;
use server_scout_tests::{Fleet, Person};

use super::{PAGE, set_up};

const STEP: &str = "/login/second-factor";

/// Somebody whose password was right.
async fn after_password(fleet: &Fleet) -> Person {
    let mut person = fleet.stranger();
    let fields = [("email", OWNER), ("password", PASSWORD)];
    let _ = person.get("/login").await;
    let page = person.submit("/login", &fields).await;
    assert_eq!(page.status, 303, "{}", page.text());
    assert!(person.cookie.is_none(), "a session without a second factor");
    let cookies = set_cookies(&page);
    let [cookie] = cookies.as_slice() else {
        panic!("{cookies:?}")
    };
    for attribute in [
        "HttpOnly",
        "Secure",
        "Path=/",
        "SameSite=Strict",
        "Max-Age=300",
    ] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    person
}

#[tokio::test]
async fn a_login_with_an_app_takes_two_steps_and_each_code_once() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let other = fleet.owner().await;
    let before = owner.clone();
    let (app, _) = set_up(&mut owner).await;
    assert!(owner.is_logged_in().await);
    assert!(!before.is_logged_in().await && !other.is_logged_in().await);
    let page = owner.get(PAGE).await.text();
    assert!(page.contains("You have 10 left"), "{page}");

    let mut person = after_password(&fleet).await;
    let shown = person.get(STEP).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text().contains(OWNER));
    let step = person.step.clone();
    for wrong in ["000000", "", "abcdef", "12345678901234"] {
        let refused = person.submit(STEP, &[("code", wrong)]).await;
        assert_eq!(refused.status, 401, "{wrong}");
        assert!(
            refused
                .text()
                .contains("the code is wrong or was used already")
        );
    }
    let code = app.code(1);
    let done = person.submit(STEP, &[("code", &code)]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert!(person.is_logged_in().await);
    assert!(person.step.is_none(), "the step's cookie is taken away");

    // Neither the step nor the code opens anything again.
    let mut thief = fleet.stranger();
    thief.step = step;
    let again = thief.submit(STEP, &[("code", &code)]).await;
    assert_eq!(again.status, 303);
    assert!(!thief.is_logged_in().await);
    let mut later = after_password(&fleet).await;
    let again = later.submit(STEP, &[("code", &code)]).await;
    assert_eq!(again.status, 401, "{}", again.text());
}

#[tokio::test]
async fn a_step_is_no_session_and_a_stranger_has_no_step() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let _ = set_up(&mut owner).await;
    let mut person = after_password(&fleet).await;
    person.cookie.clone_from(&person.step);
    assert!(!person.is_logged_in().await);
    let api = answer(person.request(Method::GET, "/api/v1/servers")).await;
    assert_eq!(api.status, 401);
    let mut stranger = fleet.stranger();
    let page = stranger.get(STEP).await;
    assert_eq!(page.status, 303);
    let asked = stranger
        .submit("/login/second-factor/passkey/question", &[])
        .await;
    assert_eq!(asked.status, 401, "{}", asked.text());
}

#[tokio::test]
async fn a_recovery_code_logs_in_once() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let (_, codes) = set_up(&mut owner).await;
    let code = [("recovery_code", codes[3].as_str())];
    let mut person = after_password(&fleet).await;
    let done = person.submit(STEP, &code).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert!(person.is_logged_in().await);
    let page = person.get(PAGE).await.text();
    assert!(page.contains("You have 9 left"), "{page}");

    let mut later = after_password(&fleet).await;
    assert_eq!(later.submit(STEP, &code).await.status, 401);
}

#[tokio::test]
async fn what_changes_a_factor_is_a_form_of_the_dashboard_and_asks_for_a_fresh_proof() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let _ = owner.get(PAGE).await;
    let forms = [
        "/account/second-factor/remove",
        "/account/second-factor/recovery-codes",
        "/account/second-factor/totp/begin",
        "/account/second-factor/passkeys",
        "/account/second-factor/passkeys/question",
        "/account/second-factor/passkeys/rename",
    ];
    let token = owner.csrf_token.replace("another".to_owned());
    for path in forms {
        assert_eq!(owner.submit(path, &[]).await.status, 403, "{path}");
        let looked = answer(owner.request(Method::GET, path)).await;
        assert_eq!(looked.status, 405, "{path}");
    }
    owner.csrf_token = token;
    let removed = owner
        .submit("/account/second-factor/remove", &[("factor", "nonsense")])
        .await;
    assert_eq!(removed.status, 404);
    for path in ["/login/passkey", "/login/passkey/question", STEP] {
        let foreign = fleet.client().post(fleet.dashboard.url(path));
        let foreign = foreign
            .header("Sec-Fetch-Site", "cross-site")
            .form(&[("a", "b")]);
        assert_eq!(answer(foreign).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn the_operator_resets_the_second_factor_of_who_has_lost_it() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let _ = set_up(&mut owner).await;
    let reset = ["user", "reset-second-factor", "--email", OWNER];

    let said = fleet.dashboard.command(&reset, "").await.success();

    assert!(said.contains("removed the second factors"), "{said}");
    assert!(!owner.is_logged_in().await);
    assert!(fleet.owner().await.is_logged_in().await);
}
