//! Alerts through the pages alone, by forms as a browser without scripts sends them.

use server_scout_tests::Fleet;
use server_scout_tests::https::Answer;

use crate::incidents::{incidents, report_until};

/// Where a form leads.
fn place(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let mut headers = answer.headers.iter();
    let location = headers.find(|(name, _)| name == "location");
    location.map_or("", |(_, place)| place.as_str())
}

#[tokio::test]
async fn a_rule_by_form_leads_to_an_incident_that_is_acknowledged_by_form_and_ends() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let form = owner.get("/alerts/rules/new?kind=threshold").await.text();
    assert!(
        form.contains("<option value=\"cpu_usage\" selected>"),
        "{form}"
    );
    let scope = format!("server:{}", fleet.server.id);
    let hot = |warning, action| {
        [
            ("kind", "threshold"),
            ("name", "Hot <CPU>"),
            ("scope", scope.as_str()),
            ("metric", "cpu_usage"),
            ("comparison", "above"),
            ("warning", warning),
            ("sustain", "0"),
            ("enabled", "on"),
            ("do", action),
        ]
    };
    let wrong = owner.submit("/alerts/rules", &hot("much", "save")).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("Warning must be a number."),
        "{}",
        wrong.text()
    );
    let preview = owner.submit("/alerts/rules", &hot("90", "preview")).await;
    assert_eq!(preview.status, 200);
    assert!(
        preview.text().contains("Servers looked at: 1."),
        "{}",
        preview.text()
    );
    let added = owner.submit("/alerts/rules", &hot("90", "save")).await;
    assert_eq!(place(&added), "/alerts/rules?done=added");
    let rules = owner.get("/alerts/rules").await.text();
    assert!(
        rules.contains("Hot &lt;CPU&gt;") && rules.contains("Replaced for some by"),
        "{rules}"
    );

    let open = report_until(&fleet, 97.0, 1).await;
    let id = open[0]["id"].as_str().unwrap().to_owned();
    let page = owner.get("/alerts").await.text();
    assert!(page.contains("class=\"count\">1<"), "{page}");
    assert!(
        page.contains("97.0 %") && page.contains("above 90.0 %"),
        "{page}"
    );
    let server = owner
        .get(&format!("/servers/{}", fleet.server.id))
        .await
        .text();
    assert!(
        server.contains(&format!("/alerts/incidents/{id}")),
        "{server}"
    );

    let path = format!("/alerts/incidents/{id}");
    let deed = [
        ("action", "acknowledge"),
        ("note", "On it"),
        ("back", "list"),
    ];
    let done = owner.submit(&path, &deed).await;
    assert_eq!(place(&done), "/alerts?done=acknowledged");
    let page = owner.get("/alerts?done=acknowledged").await.text();
    assert!(
        page.contains("acknowledged by") && page.contains("On it"),
        "{page}"
    );
    let snooze = [("action", "snooze"), ("hours", "4")];
    let done = owner.submit(&path, &snooze).await;
    assert!(place(&done).ends_with("?done=snoozed"));
    let far = [("action", "snooze"), ("hours", "10000")];
    assert_eq!(owner.submit(&path, &far).await.status, 422);

    report_until(&fleet, 5.0, 0).await;
    let page = owner.get("/alerts?severity=warning").await.text();
    assert!(
        page.contains("No incident is open.") && page.contains(&path),
        "{page}"
    );
    assert!(!page.contains("class=\"count\""), "{page}");
    let other = owner.get("/alerts?severity=critical").await.text();
    assert!(!other.contains(&path), "{other}");
    let timeline = owner.get(&path).await.text();
    for what in ["opened", "acknowledged", "snoozed", "resolved"] {
        assert!(
            timeline.contains(&format!("<td>{what}")),
            "{what}: {timeline}"
        );
    }
    let csv = owner.get("/alerts.csv").await.text();
    assert!(csv.contains(&id), "{csv}");
}

#[tokio::test]
async fn a_window_by_form_keeps_an_incident_away_until_it_is_ended() {
    let fleet = Fleet::start().await;
    crate::incidents::add_rule(&fleet).await;
    let mut owner = fleet.owner().await;
    let scope = format!("server:{}", fleet.server.id);
    let _ = owner.get("/alerts/maintenance").await;
    let weekly = |zone| {
        [
            ("schedule", "weekly"),
            ("name", "Backup"),
            ("scope", ""),
            ("day-sun", "on"),
            ("start", "02:30"),
            ("minutes", "60"),
            ("time_zone", zone),
        ]
    };
    let wrong = owner
        .submit("/alerts/maintenance", &weekly("Nowhere"))
        .await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("value=\"Nowhere\""),
        "{}",
        wrong.text()
    );
    let added = owner
        .submit("/alerts/maintenance", &weekly("Europe/Berlin"))
        .await;
    assert_eq!(place(&added), "/alerts/maintenance?done=added");
    let now = [
        ("schedule", "now"),
        ("name", "Deployment"),
        ("scope", scope.as_str()),
        ("minutes", "30"),
    ];
    let added = owner.submit("/alerts/maintenance", &now).await;
    assert_eq!(place(&added), "/alerts/maintenance?done=added");
    let page = owner.get("/alerts/maintenance").await.text();
    assert!(
        page.contains("Sun at 02:30 Europe/Berlin for 1 h"),
        "{page}"
    );
    assert!(page.contains("open now"), "{page}");

    for _ in 0..3 {
        report_until(&fleet, 97.0, 0).await;
    }
    let page = owner.get("/alerts/maintenance").await.text();
    let (before, _) = page.split_once("/end\"").unwrap();
    let (_, end) = before.rsplit_once('"').unwrap();
    let ended = owner.submit(&format!("{end}/end"), &[]).await;
    assert_eq!(place(&ended), "/alerts/maintenance?done=ended");
    report_until(&fleet, 97.0, 1).await;
    assert_eq!(incidents(&fleet, "?state=open").await.len(), 1);
}
