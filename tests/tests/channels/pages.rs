//! Channels through the pages alone, by forms as a browser without scripts sends them.

use server_scout_tests::https::Answer;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Person};
use standardwebhooks::Webhook;

use super::delivery::arrived;
use super::{opened, receiver, report_cpu};

/// Where a form leads.
fn place(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let mut headers = answer.headers.iter();
    let location = headers.find(|(name, _)| name == "location");
    location.map_or_else(String::new, |(_, place)| place.clone())
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    rest.split_once(after).map_or(rest, |(found, _)| found)
}

/// Reloads a page until it holds a text.
async fn reload_until(person: &Person, path: &str, text: &str) -> String {
    until(text, PATIENCE, async || {
        let page = person.clone().get(path).await.text();
        page.contains(text).then_some(page)
    })
    .await
}

#[tokio::test]
async fn a_channel_by_form_is_tried_told_by_its_rule_alone_and_deleted() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let sink = receiver(&authority, "200 OK").await;
    let other = receiver(&authority, "200 OK").await;
    let mut owner = fleet.owner().await;
    the_empty_list_offers_what_can_be_made(&mut owner).await;
    let address = format!("{}/services/verysecretword", sink.origin());
    let ops = |address, from| {
        [
            ("kind", "webhook"),
            ("name", "Ops <night>"),
            ("address", address),
            ("headers", "X-Kept: sealed-header\r\n"),
            ("severity", "warning"),
            ("from", from),
        ]
    };
    for (address, from, reason) in [
        ("https://user@hooks.example.org/", "", "Address is refused"),
        (&*address, "08:00", "To must be HH:MM"),
    ] {
        let wrong = owner.submit("/alerts/channels", &ops(address, from)).await;
        assert_eq!(wrong.status, 422);
        let page = wrong.text();
        assert!(page.contains(reason), "{page}");
        assert!(page.contains("Ops &lt;night&gt;"), "{page}");
    }
    let added = owner.submit("/alerts/channels", &ops(&address, "")).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let key = between(&added.text(), "value=\"whsec_", "\"").replace("&#x3D;", "=");
    let key = format!("whsec_{key}");
    let path = between(&added.text(), "primary\" href=\"", "\"").to_owned();
    let id = path.rsplit('/').next().unwrap().to_owned();
    let slack = [
        ("kind", "slack"),
        ("name", "Team"),
        ("address", &*format!("{}/T1/B2", other.origin())),
    ];
    let team = place(&owner.submit("/alerts/channels", &slack).await);
    let team = team.strip_suffix("?done=added").unwrap().to_owned();

    let tested = owner.submit(&format!("{path}/test"), &[]).await;
    assert_eq!(place(&tested), format!("{path}?done=tested"));
    let (headers, body) = arrived(&sink, "channel.test").await;
    let verifier = Webhook::new(&key).unwrap();
    verifier.verify(&body, &headers).expect("the key counts");
    let page = reload_until(&owner, &path, "data-status=\"delivered\"").await;
    assert!(
        page.contains("<td>200</td>") && page.contains("<td>1</td>"),
        "{page}"
    );

    let scope = format!("server:{}", fleet.server.id);
    let told = format!("channel-{id}");
    let hot = [
        ("kind", "threshold"),
        ("name", "Hot"),
        ("scope", scope.as_str()),
        ("metric", "cpu_usage"),
        ("comparison", "above"),
        ("critical", "90"),
        ("sustain", "0"),
        ("enabled", "on"),
        (told.as_str(), "on"),
        ("do", "save"),
    ];
    let made = owner.submit("/alerts/rules", &hot).await;
    assert_eq!(place(&made), "/alerts/rules?done=added");
    let rules = owner.get("/alerts/rules").await.text();
    assert!(
        rules.contains("<bdi class=\"told\">Ops &lt;night&gt;"),
        "{rules}"
    );
    report_cpu(&fleet, 97.0).await;
    arrived(&sink, "incident.opened").await;
    let page = reload_until(&owner, &path, ">opened <").await;
    let team_page = owner.get(&team).await.text();
    assert!(
        team_page.contains("Nothing has gone there yet"),
        "{team_page}"
    );
    assert!(other.requests().is_empty());
    let logs = fleet.dashboard.program().stderr();
    for secret in ["verysecretword", key.as_str(), "sealed-header"] {
        assert!(!page.contains(secret) && !logs.contains(secret));
    }

    change_and_delete(&mut owner, &path).await;
    // Silence does not come by itself: the rule tells the other one now.
    report_cpu(&fleet, 5.0).await;
    reload_until(&owner, &team, ">resolved <").await;
    until("the other receiver hears of it", PATIENCE, async || {
        (!other.requests().is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_shows_in_the_list() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let gone = receiver(&authority, "410 Gone").await;
    let (id, _) = super::add_webhook(&fleet, &gone.origin()).await;
    super::test_channel(&fleet, &id).await;
    let owner = fleet.owner().await;
    let page = reload_until(&owner, "/alerts/channels", "1 given up").await;
    assert!(page.contains("The receiver answered 410."), "{page}");
}

async fn the_empty_list_offers_what_can_be_made(owner: &mut Person) {
    let page = owner.get("/alerts/channels").await.text();
    assert!(page.contains("nobody is told"), "{page}");
    assert!(page.contains("E-mail is not among them"), "{page}");
    assert!(!page.contains("kind=email"), "{page}");
    let form = owner.get("/alerts/channels/new?kind=webhook").await;
    assert!(form.text().contains("name=\"headers\""), "{}", form.text());
    let mail = owner.get("/alerts/channels/new?kind=email").await.text();
    assert!(!mail.contains("name=\"recipient\""), "{mail}");
}

/// Switches the channel of the rule Hot off, and deletes it.
async fn change_and_delete(owner: &mut Person, path: &str) {
    let off = [
        ("name", "Ops"),
        ("severity", "critical"),
        ("from", "22:00"),
        ("to", "06:00"),
        ("time_zone", "Europe/Berlin"),
    ];
    assert_eq!(
        place(&owner.submit(path, &off).await),
        format!("{path}?done=changed")
    );
    let page = owner.get("/alerts/channels").await.text();
    assert!(page.contains("22:00 to 06:00 Europe/Berlin"), "{page}");
    assert!(page.contains("switched off"), "{page}");
    let page = owner.get(&format!("{path}/delete")).await.text();
    assert!(
        page.contains("will tell every channel: <b><bdi>Hot"),
        "{page}"
    );
    let gone = owner.submit(&format!("{path}/delete"), &[]).await;
    assert_eq!(place(&gone), "/alerts/channels?done=deleted");
    assert_eq!(owner.get(path).await.status, 404);
}
