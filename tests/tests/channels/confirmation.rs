//! An e-mail address is asked before anything else goes to it.

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{OWNER, PASSWORD};
use server_scout_tests::https::Answer;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Database, Fleet, Postbox};

use super::kill::{end_lease, left_alone, notify};
use super::{breach, delivery, opened, report_cpu, test_channel, try_to_add, try_to_test};

const STRANGER: &str = "stranger@example.net";

/// A token of another organisation.
async fn foreign_token(fleet: &Fleet) -> String {
    let (owner, organisation) = ("other@example.org", "Other");
    let dashboard = &fleet.dashboard;
    dashboard
        .add_user(owner, organisation, "owner", PASSWORD)
        .await;
    dashboard.add_token(owner, organisation, "admin").await
}

/// A channel for mail, as the API answers.
async fn add_mail(fleet: &Fleet, name: &str, recipient: &str) -> Value {
    let new = json!({ "name": name, "kind": "email", "recipient": recipient });
    let added = try_to_add(fleet, &new).await;
    assert_eq!(added.status, 201, "{}", added.text());
    added.json()["channel"].clone()
}

fn id(channel: &Value) -> String {
    channel["id"].as_str().unwrap().to_owned()
}

async fn ask_again(fleet: &Fleet, id: &str, token: &str) -> Answer {
    let path = format!("/api/v1/channels/{id}/confirmation");
    fleet.call(Method::POST, &path, token, None).await
}

/// The mails that came to an address so far.
fn count(postbox: &Postbox, to: &str) -> usize {
    let mails = postbox.mails();
    mails.iter().filter(|mail| mail.to() == to).count()
}

async fn arrive(postbox: &Postbox, to: &str, many: usize) {
    until("the mails arrive", PATIENCE, async || {
        (count(postbox, to) == many).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_strangers_address_gets_the_question_alone_until_it_agrees() {
    let (setup, _) = opened();
    let (postbox, setup) = Postbox::start(setup).await;
    let fleet = Fleet::with(setup).await;
    let hostile = "</p><img src=x onerror=alert(1)> \"Bcc: c@d\"";
    let named = json!({ "name": hostile });
    let path = "/api/v1/organisation";
    let renamed = { fleet.call(Method::PATCH, path, &fleet.token, Some(&named)) }.await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    let channel = add_mail(&fleet, "<b>Night</b>", STRANGER).await;
    assert_eq!(channel["waits_for_confirmation"], true, "{channel}");
    let id = id(&channel);
    let question = postbox.mail(STRANGER, "May alerts be sent").await;
    assert!(question.text().contains(hostile), "{}", question.text());
    assert!(!question.html().contains("<img"), "{}", question.html());
    assert!(!question.text().contains("Night"), "{}", question.text());
    assert_eq!(question.header("Bcc"), "");

    let refused = try_to_test(&fleet, &id).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("confirmed"), "{}", refused.text());
    // It is not among those that are told, so whoever is there is told in its place.
    let own = add_mail(&fleet, "Own", OWNER).await;
    assert_eq!(own["waits_for_confirmation"], false, "{own}");
    breach(&fleet).await;
    let _ = postbox.mail(OWNER, "Hot on web-1").await;
    let path = format!("/api/v1/channels/{id}/deliveries");
    assert_eq!(fleet.get(&path).await.json()["items"], json!([]));
    assert_eq!(count(&postbox, STRANGER), 1);

    let link = question.link(&fleet.dashboard.origin());
    let mut stranger = fleet.stranger();
    let page = stranger.get(&link).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.text().contains(STRANGER), "{}", page.text());
    assert!(!page.text().contains("<img"), "{}", page.text());
    assert!(page.text().contains("&lt;b&gt;Night"), "{}", page.text());
    let from_elsewhere = stranger.request(Method::POST, &link);
    let from_elsewhere = from_elsewhere
        .header("Sec-Fetch-Site", "cross-site")
        .header("Origin", "https://elsewhere.example");
    let foreign = server_scout_tests::fleet::answer(from_elsewhere.form(&[("x", "y")])).await;
    assert_eq!(foreign.status, 403, "{}", foreign.text());
    let agreed = stranger.submit(&link, &[]).await;
    assert_eq!(agreed.status, 200, "{}", agreed.text());
    for again in [stranger.get(&link).await, stranger.submit(&link, &[]).await] {
        assert_eq!(again.status, 410, "{}", again.text());
    }
    report_cpu(&fleet, 5.0).await;
    let _ = postbox.mail(STRANGER, "Hot on web-1").await;
    test_channel(&fleet, &id).await;
    let shown = fleet.get(&format!("/api/v1/channels/{id}")).await.json();
    assert_eq!(shown["waits_for_confirmation"], false, "{shown}");

    let events = fleet.get("/api/v1/audit-events?limit=50").await.json();
    let events = events["items"].as_array().unwrap();
    let of = |action: &str| events.iter().find(|event| event["action"] == action);
    assert!(of("channel.confirmation-asked").is_some(), "{events:?}");
    let confirmed = of("channel.confirmed").unwrap();
    assert!(!confirmed.to_string().contains("127.0.0.1"), "{confirmed}");
    let logs = fleet.dashboard.program().stderr();
    for secret in [link.rsplit('/').next().unwrap(), STRANGER] {
        assert!(!logs.contains(secret), "{secret} stands in the log");
    }
}

#[tokio::test]
async fn a_members_address_works_at_once() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let channel = add_mail(&fleet, "Own", "Owner@Example.org").await;
    assert_eq!(channel["waits_for_confirmation"], false, "{channel}");
    let id = id(&channel);
    test_channel(&fleet, &id).await;
    let sent = delivery(&fleet, &id, |newest| newest["state"] != "waiting").await;
    assert_eq!(sent["state"], "delivered", "{sent}");
    arrive(&postbox, OWNER, 1).await;
    let again = ask_again(&fleet, &id, &fleet.token).await;
    assert_eq!(again.status, 409, "{}", again.text());
}

#[tokio::test]
async fn a_question_is_repeated_three_times_a_day_and_a_new_channel_buys_no_more() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let id = id(&add_mail(&fleet, "Ops", STRANGER).await);
    for _ in 0..3 {
        let asked = ask_again(&fleet, &id, &fleet.token).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        assert_eq!(asked.json()["waits_for_confirmation"], true);
    }
    let refused = ask_again(&fleet, &id, &fleet.token).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());

    let path = format!("/api/v1/channels/{id}");
    let deleted = { fleet.call(Method::DELETE, &path, &fleet.token, None) }.await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    let _ = add_mail(&fleet, "Ops", STRANGER).await;
    // Five of an address in a day, be it of another channel, a part behind a plus sign or another organisation.
    let foreign = foreign_token(&fleet).await;
    for (token, recipient) in [
        (&fleet.token, STRANGER),
        (&foreign, STRANGER),
        (&foreign, "stranger+1@example.net"),
    ] {
        let new = json!({ "name": "More", "kind": "email", "recipient": recipient });
        let path = "/api/v1/channels";
        let refused = fleet.call(Method::POST, path, token, Some(&new)).await;
        assert_eq!(refused.status, 429, "{}", refused.text());
    }
    arrive(&postbox, STRANGER, 5).await;
}

#[tokio::test]
async fn the_page_of_a_channel_says_that_it_waits_and_sends_the_link_again() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let mut owner = fleet.owner().await;
    let _ = owner.get("/alerts/channels/new?kind=email").await;
    let fields = [
        ("kind", "email"),
        ("name", "Ops"),
        ("recipient", STRANGER),
        ("severity", "warning"),
    ];
    let added = owner.submit("/alerts/channels", &fields).await;
    assert_eq!(added.status, 303, "{}", added.text());
    let place = added.header("location").unwrap().to_owned();
    let path = place.strip_suffix("?done=asked").unwrap().to_owned();
    let page = owner.get(&place).await.text();
    assert!(page.contains("Nothing goes there yet"), "{page}");
    assert!(page.contains("Send the link again"), "{page}");
    assert!(!page.contains("Send a test"), "{page}");
    let list = owner.get("/alerts/channels").await.text();
    assert!(list.contains("waits for its confirmation"), "{list}");
    assert!(list.contains("so nobody is told of an incident"), "{list}");
    let rule = owner.get("/alerts/rules/new?kind=threshold").await.text();
    assert!(rule.contains("the rule tells nobody so far"), "{rule}");
    for _ in 0..3 {
        let again = owner.submit(&format!("{path}/confirmation"), &[]).await;
        assert_eq!(again.header("location"), Some(place.as_str()));
    }
    let refused = owner.submit(&format!("{path}/confirmation"), &[]).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.text().contains("Too many confirmations"));
    arrive(&postbox, STRANGER, 4).await;
}

#[tokio::test]
async fn a_separate_sender_mails_the_question() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let (fleet, setup) = left_alone(setup).await;
    let database = Database::of(&fleet.dashboard);
    let id = id(&add_mail(&fleet, "Ops", STRANGER).await);
    let left = "SELECT 'left' AS text FROM account_mail";
    until("the question is left", PATIENCE, async || {
        (database.texts(left).len() == 1).then_some(())
    })
    .await;
    assert_eq!(count(&postbox, STRANGER), 0, "somebody else sent it");
    end_lease(&database);
    let _sender = notify(&setup).await;
    let question = postbox.mail(STRANGER, "May alerts be sent").await;
    let link = question.link(&fleet.dashboard.origin());
    let mut stranger = fleet.stranger();
    assert_eq!(stranger.submit(&link, &[]).await.status, 200);
    test_channel(&fleet, &id).await;
    arrive(&postbox, STRANGER, 2).await;
}

#[tokio::test]
async fn a_link_that_has_expired_and_a_foreign_channel_open_nothing() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let id = id(&add_mail(&fleet, "Ops", STRANGER).await);
    let foreign = foreign_token(&fleet).await;
    let asked = ask_again(&fleet, &id, &foreign).await;
    assert_eq!(asked.status, 404, "{}", asked.text());
    let question = postbox.mail(STRANGER, "May alerts be sent").await;
    let link = question.link(&fleet.dashboard.origin());
    Database::of(&fleet.dashboard)
        .execute("UPDATE channel_link SET expires_at = expires_at - 3600000");
    let mut stranger = fleet.stranger();
    assert_eq!(stranger.get(&link).await.status, 410);
    assert_eq!(stranger.submit(&link, &[]).await.status, 410);
    let shown = fleet.get(&format!("/api/v1/channels/{id}")).await.json();
    assert_eq!(shown["waits_for_confirmation"], true, "{shown}");
}
