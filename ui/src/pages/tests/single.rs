//! What single pages show, and to whom.

use super::super::{Pages, samples};
use crate::views::{Status, ValueRow};

#[test]
fn a_server_can_be_changed_only_by_who_may() {
    let pages = Pages::new().unwrap();
    let mut view = samples::server("s", Status::Online);
    let page = pages.server(&view).unwrap();
    assert!(page.contains("action=\"/servers/s/pause\"") && !page.contains("/resume\""));
    view.server.status = Status::Paused;
    let page = pages.server(&view).unwrap();
    assert!(page.contains("action=\"/servers/s/resume\"") && !page.contains("/pause\""));
    view.may_change = false;
    let page = pages.server(&view).unwrap();
    assert_eq!(
        page.matches("method=\"post\"").count(),
        1,
        "only the one that logs out"
    );
}

#[test]
fn every_session_but_ones_own_can_be_ended() {
    let pages = Pages::new().unwrap();
    let mut view = samples::account("s");
    let mut other = view.sessions.last().unwrap().clone();
    "second".clone_into(&mut other.id);
    (other.address, other.user_agent) = (String::new(), String::new());
    view.sessions.push(other);
    let page = pages.account(&view).unwrap();
    assert_eq!(page.matches("name=\"session\"").count(), 2);
    assert!(page.contains("name=\"session\" value=\"second\""));
    assert_eq!(page.matches("This browser").count(), 1);
    assert!(page.contains("an unknown address") && page.contains("does not say what it is"));
    assert!(page.contains("/account/sessions/end-others"));

    view.sessions.truncate(1);
    let alone = pages.account(&view).unwrap();
    assert!(!alone.contains("name=\"session\"") && !alone.contains("end-others"));
}

#[test]
fn the_address_at_the_top_leads_to_the_account() {
    let page = Pages::new()
        .unwrap()
        .servers(&samples::servers("ada"))
        .unwrap();
    assert!(page.contains("<a class=\"person\" href=\"/account\">"));
}

#[test]
fn a_server_whose_agent_is_unprotected_is_marked() {
    let pages = Pages::new().unwrap();
    let mut view = samples::servers("s");
    view.servers.truncate(1);
    let page = pages.servers(&view).unwrap();
    assert!(page.contains("<span class=\"unprotected\">Unprotected agent<"));
    for row in &mut view.servers {
        row.unprotected = false;
    }
    let page = pages.servers(&view).unwrap();
    assert!(page.contains("<span class=\"unprotected\" hidden>"));
}

#[test]
fn secrets_stay_out_of_logs() {
    let mut view = samples::server_added("public");
    view.agent_key = "secret".to_owned();
    view.code = "secret".to_owned();
    view.frame.csrf_token = "secret".to_owned();
    let logged = format!("{view:?}");
    assert!(
        logged.contains("public") && !logged.contains("secret"),
        "{logged}"
    );
    let mut key = samples::agent_key_made("public");
    key.agent_key = "secret".to_owned();
    let mut code = samples::enrolment("public");
    code.code = "secret".to_owned();
    assert!(!format!("{key:?}{code:?}").contains("secret"));
}

#[test]
fn keys_are_revoked_only_by_who_may_and_only_while_they_are_good() {
    let pages = Pages::new().unwrap();
    let mut view = samples::agent_keys("s");
    let page = pages.agent_keys(&view).unwrap();
    assert!(page.contains("name=\"key\" value=\"s\"") && page.contains("/keys/rotate\""));
    for key in &mut view.keys {
        key.good = false;
    }
    assert!(!pages.agent_keys(&view).unwrap().contains("name=\"key\""));
    view = samples::agent_keys("s");
    view.may_change = false;
    let page = pages.agent_keys(&view).unwrap();
    assert!(!page.contains("name=\"key\"") && !page.contains("/keys/rotate\""));
}

#[test]
fn values_stand_together_by_subject_and_labels_in_rows() {
    let mut view = samples::server("s", Status::Online);
    let template = view.values.first().unwrap().clone();
    let value = |metric: &str, label: Option<&str>, value: f64, unit: &str| ValueRow {
        metric: metric.to_owned(),
        by: label.map_or("", |_| "kind").to_owned(),
        label: label.map(ToOwned::to_owned),
        value,
        unit: unit.to_owned(),
        ..template.clone()
    };
    view.values = vec![
        value("mount_used_bytes", Some("/srv"), 1_503_238_553.6, "bytes"),
        value("load1", None, 1.0, "count"),
        value(
            "network_sent_bytes_total",
            Some("eth0"),
            1_258_291.2,
            "bytes_per_second",
        ),
        value("mount_total_bytes", Some("/srv"), 512.0, "bytes"),
        value("uptime_seconds", None, 273_600.0, "seconds"),
    ];
    let page = Pages::new().unwrap().server(&view).unwrap();
    let (_, mut rest) = page.split_once("id=\"values-heading\"").unwrap();
    for next in [
        "CPU",
        "1.00",
        "Network",
        "Sent",
        "eth0",
        "1.2 MiB/s",
        "File systems",
        "Used",
        "Total",
        "/srv",
        "1.4 GiB",
        "512 B",
        "Host",
        "3 d 4 h",
    ] {
        let found = rest.split_once(&format!(">{next}<"));
        (_, rest) = found.unwrap_or_else(|| panic!("{next} is not in its place"));
    }
}

#[test]
fn incidents_are_acted_on_only_by_who_may_and_only_while_they_are_open() {
    let pages = Pages::new().unwrap();
    let deed = "value=\"acknowledge\"";
    let mut view = samples::alerts("s");
    for row in &mut view.open {
        row.acknowledged_by.clear();
    }
    assert!(pages.alerts(&view).unwrap().contains(deed));
    view.may_act = false;
    assert!(!pages.alerts(&view).unwrap().contains(deed));
    let mut one = samples::incident("s");
    let page = pages.incident(&one).unwrap();
    assert!(page.contains("value=\"release\"") && !page.contains(deed));
    one.open = false;
    let page = pages.incident(&one).unwrap();
    assert!(!page.contains("value=\"release\"") && page.contains("value=\"note\""));
}

#[test]
fn open_incidents_are_counted_in_the_navigation() {
    let pages = Pages::new().unwrap();
    let mut view = samples::servers("s");
    assert!(pages.servers(&view).unwrap().contains("class=\"count\">2<"));
    view.frame.open_incidents = 0;
    assert!(!pages.servers(&view).unwrap().contains("class=\"count\""));
}
