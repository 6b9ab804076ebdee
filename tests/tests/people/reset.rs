//! Another password by a link, mailed or printed for the operator.

use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{OWNER, PASSWORD};
use server_scout_tests::{Fleet, Postbox};

const NEW: &str = "a stapler for the battery";

#[tokio::test]
async fn a_mailed_link_changes_the_password_and_ends_every_session() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let before = fleet.owner().await;
    let mut stranger = fleet.stranger();
    let page = stranger.get("/forgot-password").await;
    assert_eq!(page.status, 200);
    let known = stranger
        .submit("/forgot-password", &[("email", OWNER)])
        .await;
    let unknown = stranger
        .submit("/forgot-password", &[("email", "nobody@example.org")])
        .await;
    assert_eq!((known.status, unknown.status), (200, 200));
    assert_eq!(known.text(), unknown.text(), "the same answer");

    let mail = postbox.mail(OWNER, "another password").await;
    let link = mail.link(&fleet.dashboard.origin());
    for _ in 0..2 {
        let page = stranger.get(&link).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    }
    let refused = stranger.submit(&link, &[("password", "short")]).await;
    assert_eq!(refused.status, 422);
    let done = stranger.submit(&link, &[("password", NEW)]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(stranger.cookie.is_none(), "a reset is no login");

    assert!(!before.is_logged_in().await);
    assert_eq!(stranger.get(&link).await.status, 410);
    assert_eq!(
        stranger.submit(&link, &[("password", NEW)]).await.status,
        410
    );
    assert_eq!(fleet.stranger().log_in(OWNER, PASSWORD).await.status, 401);
    assert_eq!(fleet.stranger().log_in(OWNER, NEW).await.status, 303);
    let told = postbox.mail(OWNER, "was changed").await;
    assert!(told.text().contains("If it was not you"), "{}", told.text());
    assert_eq!(postbox.mails().len(), 2, "nobody else gets a mail");
    let logs = fleet.dashboard.program().stderr();
    assert!(!logs.contains(link.rsplit('/').next().unwrap()));
    assert!(!logs.contains(OWNER), "the log does not say who");
}

#[tokio::test]
async fn without_a_mail_server_the_page_says_whom_to_ask_and_the_operator_prints_a_link() {
    let fleet = Fleet::start().await;
    let mut stranger = fleet.stranger();
    let page = stranger.get("/forgot-password").await.text();
    assert!(page.contains("Ask its operator") && !page.contains("name=\"email\""));
    let posted = stranger
        .submit("/forgot-password", &[("email", OWNER)])
        .await;
    assert_eq!(posted.status, 404);

    let arguments = ["user", "reset-link", "--email", OWNER];
    let printed = fleet.dashboard.command(&arguments, "").await.success();
    let (_, secret) = printed.trim().split_once("/reset/").unwrap();
    let link = format!("/reset/{secret}");
    let done = stranger.submit(&link, &[("password", NEW)]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(fleet.stranger().log_in(OWNER, NEW).await.status, 303);
    let arguments = ["user", "reset-link", "--email", "nobody@example.org"];
    let nobody = fleet.dashboard.command(&arguments, "").await;
    assert!(!nobody.status.success());
}

#[tokio::test]
async fn a_link_from_another_site_or_with_a_wrong_form_changes_nothing() {
    let fleet = Fleet::start().await;
    let arguments = ["user", "reset-link", "--email", OWNER];
    let printed = fleet.dashboard.command(&arguments, "").await.success();
    let (_, secret) = printed.trim().split_once("/reset/").unwrap();
    let url = fleet.dashboard.url(&format!("/reset/{secret}"));
    let foreign = fleet
        .client()
        .post(&url)
        .header("Sec-Fetch-Site", "cross-site")
        .form(&[("password", NEW)]);
    let foreign = server_scout_tests::fleet::answer(foreign).await;
    assert_eq!(foreign.status, 403);
    assert_eq!(fleet.stranger().log_in(OWNER, PASSWORD).await.status, 303);
}
