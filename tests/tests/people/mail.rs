//! Mail by a real server over real TLS: what it holds, and what cannot be put into it.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{OWNER, PASSWORD};
use server_scout_tests::postbox::{self, Kind};
use server_scout_tests::{Fleet, Postbox};

use super::BOB;

async fn invite(fleet: &Fleet, email: &str) -> server_scout_tests::https::Answer {
    let new = json!({ "email": email, "role": "member" });
    fleet
        .call(
            Method::POST,
            "/api/v1/invitations",
            &fleet.token,
            Some(&new),
        )
        .await
}

#[tokio::test]
async fn an_invitation_is_mailed_as_text_and_html_over_tls_and_never_shown() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let made = invite(&fleet, BOB).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.json()["link"].is_null(), "{}", made.text());

    let mail = postbox.mail(BOB, "invited").await;
    assert_eq!(mail.0["tls"], true);
    assert_eq!(mail.0["authenticated"], true);
    assert_eq!(mail.0["greeting"], "localhost");
    assert_eq!(mail.header("From"), "Server Scout <scout@example.org>");
    assert_eq!(mail.header("To"), BOB);
    assert!(mail.header("Message-ID").ends_with("@example.org>"));
    assert!(!mail.header("Date").is_empty());
    assert_eq!(
        mail.0["parts"],
        json!(["multipart/alternative", "text/plain", "text/html"])
    );
    let link = mail.link(&fleet.dashboard.origin());
    assert!(mail.html().contains(&link));
    let mut bob = fleet.stranger();
    let fields = [("name", ""), ("password", PASSWORD)];
    assert_eq!(bob.submit(&link, &fields).await.status, 303);

    let logs = fleet.dashboard.program().stderr();
    for secret in [link.rsplit('/').next().unwrap(), postbox::PASSWORD, BOB] {
        assert!(!logs.contains(secret), "{secret} stands in the log");
    }
    assert!(logs.contains("was sent"));
}

#[tokio::test]
async fn starttls_is_demanded_and_a_server_that_puts_off_is_asked_again() {
    let kind = Kind {
        tls: "starttls",
        refusals: 1,
        ..Kind::default()
    };
    let (postbox, setup) = Postbox::of(kind, Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    assert_eq!(invite(&fleet, BOB).await.status, 201);
    let mail = postbox.mail(BOB, "invited").await;
    assert_eq!(mail.0["tls"], true);
    let logs = fleet.dashboard.program().stderr();
    assert!(
        logs.contains("The mail server answered 451."),
        "its code is logged: {logs}"
    );
    assert!(!logs.contains("come again later"), "and not its words");
}

#[tokio::test]
async fn no_mail_goes_to_a_server_that_cannot_show_who_it_is_or_refuses_the_login() {
    for (kind, words) in [
        (
            Kind {
                name: "elsewhere.example",
                ..Kind::default()
            },
            "could not be sent",
        ),
        (
            Kind {
                password: "another password",
                ..Kind::default()
            },
            "was refused",
        ),
        (
            Kind {
                tls: "none",
                ..Kind::default()
            },
            "could not be sent",
        ),
    ] {
        let (postbox, setup) = Postbox::of(kind, Setup::new()).await;
        // Whatever the server does, the dashboard was told to use TLS.
        let setup = setup.set("SERVERSCOUT_SMTP__TLS", "implicit");
        let setup = if kind.tls == "none" {
            setup.set("SERVERSCOUT_SMTP__TLS", "starttls")
        } else {
            setup
        };
        let fleet = Fleet::with(setup).await;
        assert_eq!(invite(&fleet, BOB).await.status, 201);
        fleet.dashboard.logged(words).await;
        assert!(postbox.mails().is_empty());
        let logs = fleet.dashboard.program().stderr();
        for secret in ["ssl_", postbox::PASSWORD, BOB] {
            assert!(!logs.contains(secret), "{secret} stands in the log: {logs}");
        }
    }
}

#[tokio::test]
async fn hostile_names_and_addresses_stay_text_in_a_mail() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let hostile = "</p><img src=x onerror=alert(1)> \"Bcc: c@d\" =?utf-8?q?a?= ü";
    let renamed = fleet
        .call(
            Method::PATCH,
            "/api/v1/organisation",
            &fleet.token,
            Some(&json!({ "name": hostile })),
        )
        .await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    assert_eq!(invite(&fleet, "o'brien+x@example.org").await.status, 201);
    let mail = postbox.mail("o'brien+x@example.org", "invited").await;
    assert!(mail.text().contains(hostile), "{}", mail.text());
    assert!(!mail.html().contains("<img"), "{}", mail.html());
    assert!(mail.html().contains("&lt;img"));
    for name in ["Bcc", "Cc", "Reply-To"] {
        assert_eq!(mail.header(name), "", "{name}");
    }
    for bad in [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\nBcc: c@d.example",
        "a@b.example,c@d.example",
        "\"a\r\n\"@b.example",
        "a@b.example>\r\nRCPT TO:<c@d.example",
    ] {
        let refused = invite(&fleet, bad).await;
        assert!([201, 422].contains(&refused.status), "{bad:?}");
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    for mail in postbox.mails() {
        assert!(!mail.0["recipients"].to_string().contains("d.example"));
        assert_eq!(mail.header("Bcc"), "");
    }
}

#[tokio::test]
async fn another_address_is_confirmed_by_a_mail_and_the_old_one_is_told() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let mut owner = fleet.owner().await;
    let _ = owner.get("/account/profile").await;
    let asked = owner
        .submit("/account/email", &[("email", "new@example.org")])
        .await;
    assert_eq!(asked.status, 303, "{}", asked.text());
    let mail = postbox.mail("new@example.org", "Confirm").await;
    let link = mail.link(&fleet.dashboard.origin());
    let mut phone = fleet.stranger();
    assert_eq!(phone.get(&link).await.status, 200);
    assert_eq!(fleet.stranger().log_in(OWNER, PASSWORD).await.status, 303);
    let confirmed = phone.submit(&link, &[]).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let _ = postbox.mail(OWNER, "another address").await;
    assert_eq!(fleet.stranger().log_in(OWNER, PASSWORD).await.status, 401);
    let mut later = fleet.stranger();
    assert_eq!(later.log_in("new@example.org", PASSWORD).await.status, 303);
    assert_eq!(phone.get(&link).await.status, 410);
}

#[tokio::test]
async fn a_mail_server_that_cannot_work_keeps_the_dashboard_from_starting() {
    let setup = Setup::new()
        .set("SERVERSCOUT_SMTP__HOST", "localhost")
        .set("SERVERSCOUT_SMTP__FROM", "scout@example.org")
        .set("SERVERSCOUT_SMTP__CA_FILE", "/nowhere/ca.pem");
    let ended = setup.serve_to_the_end().await;
    let said = ended.said();
    assert!(!ended.status.success());
    assert!(said.contains("SERVERSCOUT_SMTP__CA_FILE"), "{said}");
}
