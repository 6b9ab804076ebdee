//! Alert rules at work: incidents, notices, restarts, silence and maintenance.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::alerting::{NoticeKind, Reach};
use server_scout::domain::alerts::{NewWindow, SaidSchedule};
use server_scout::domain::client::Client;
use server_scout::domain::servers::ServerChange;
use server_scout::store::incidents::Deed;
use support::alerts::{Scene, rule};
use support::report;

fn firing(rule: &str) -> (String, &'static str, Option<String>) {
    (rule.to_owned(), "firing", None)
}

fn resolved(rule: &str, reason: &str) -> (String, &'static str, Option<String>) {
    (rule.to_owned(), "resolved", Some(reason.to_owned()))
}

#[tokio::test]
async fn what_breaches_for_two_minutes_is_an_incident_until_it_is_good_as_long() {
    let scene = Scene::new().await;
    scene.report(120, 85.0).await;
    assert!(scene.incidents().await.is_empty());
    scene.report(5, 85.0).await;
    assert_eq!(scene.told().await, [firing("CPU")]);
    scene.report(125, 97.0).await;
    let row = scene.incidents().await.remove(0).row;
    assert_eq!((row.severity().as_str(), row.worst), ("critical", 97.0));
    scene.report(120, 10.0).await;
    assert_eq!(scene.incidents().await.remove(0).state(), "recovering");
    scene.report(5, 10.0).await;
    assert_eq!(scene.told().await, [resolved("CPU", "good")]);
    let incident = scene
        .world
        .services
        .incident(scene.scope, row.id)
        .await
        .unwrap();
    let events: Vec<_> = { incident.events.iter() }
        .map(|event| (event.kind.as_str(), event.value))
        .collect();
    assert_eq!(
        events,
        [
            ("opened", Some(85.0)),
            ("escalated", Some(97.0)),
            ("resolved", Some(10.0))
        ]
    );
    assert_eq!(
        scene.notices().await,
        [
            vec![NoticeKind::Opened],
            vec![NoticeKind::Escalated],
            vec![NoticeKind::Resolved]
        ]
    );
}

#[tokio::test]
async fn a_spool_that_is_replayed_pages_nobody_for_the_past() {
    let scene = Scene::new().await;
    scene.report(60, 10.0).await;
    let begin = scene.world.now();
    scene.world.hand.advance(Duration::from_mins(30));
    for seconds in (5..1500).step_by(5) {
        scene
            .send(begin.after(Duration::from_secs(seconds)), 99.0)
            .await;
    }
    scene.report(60, 10.0).await;
    assert!(scene.incidents().await.is_empty());
}

#[tokio::test]
async fn what_led_up_to_a_restart_counts_and_what_is_open_stays_open_once() {
    let scene = Scene::new().await;
    scene.report(90, 85.0).await;
    let scene = scene.restart().await;
    scene.report(30, 85.0).await;
    assert!(scene.incidents().await.is_empty());
    scene.report(5, 85.0).await;
    assert_eq!(scene.told().await, [firing("CPU")]);
    let scene = scene.restart().await;
    scene.report(60, 85.0).await;
    assert_eq!(scene.told().await, [firing("CPU")]);
    scene.report(130, 10.0).await;
    assert_eq!(scene.told().await, [resolved("CPU", "good")]);
    assert_eq!(scene.notices().await.len(), 2);
}

#[tokio::test]
async fn silence_is_an_incident_and_the_dashboards_own_restart_is_none() {
    let scene = Scene::new().await;
    scene.report(60, 10.0).await;
    scene.silence(60).await;
    assert!(scene.incidents().await.is_empty());
    scene.silence(5).await;
    assert_eq!(scene.told().await, [firing("Offline")]);
    scene.report(5, 10.0).await;
    assert_eq!(scene.told().await, [resolved("Offline", "good")]);

    scene.world.hand.advance(Duration::from_hours(3));
    let scene = scene.restart().await;
    scene.silence(60).await;
    assert_eq!(scene.incidents().await.len(), 1);
    scene.report(5, 10.0).await;
    scene.world.hand.advance(Duration::from_hours(3));
    let scene = scene.restart().await;
    scene.silence(130).await;
    assert_eq!(scene.incidents().await.len(), 2);
}

#[tokio::test]
async fn in_maintenance_nothing_is_opened_and_what_is_wrong_after_it_is() {
    let scene = Scene::new().await;
    let new = NewWindow {
        name: "Deployment".to_owned(),
        reach: Reach::Server(scene.agent.server),
        schedule: SaidSchedule::Now(10),
    };
    let services = &scene.world.services;
    let window = services
        .add_maintenance_window(&scene.acting(), new)
        .await
        .unwrap();
    scene.report(300, 85.0).await;
    assert!(scene.incidents().await.is_empty());
    let ended = services
        .end_maintenance_window(&scene.acting(), window.id)
        .await;
    assert!(ended.is_ok());
    scene.report(5, 85.0).await;
    assert_eq!(scene.told().await, [firing("CPU")]);
}

#[tokio::test]
async fn a_paused_server_raises_none_and_what_was_open_ends() {
    let scene = Scene::new().await;
    scene.report(130, 85.0).await;
    let pause = |paused| ServerChange {
        paused: Some(paused),
        ..ServerChange::default()
    };
    let (services, server) = (&scene.world.services, scene.agent.server);
    let changed = services
        .change_server(&scene.acting(), server, pause(true))
        .await;
    assert!(changed.is_ok());
    assert_eq!(scene.told().await, [resolved("CPU", "paused")]);
    scene.report(300, 85.0).await;
    scene.silence(120).await;
    assert_eq!(scene.incidents().await.len(), 1);
    let changed = services
        .change_server(&scene.acting(), server, pause(false))
        .await;
    assert!(changed.is_ok());
    scene.report(125, 85.0).await;
    assert_eq!(scene.incidents().await.len(), 2);
}

#[tokio::test]
async fn the_narrower_rule_replaces_the_wider_and_says_so() {
    let scene = Scene::new().await;
    let (services, server) = (&scene.world.services, scene.agent.server);
    let narrow = rule("CPU of web", Reach::Server(server));
    let narrow = services
        .add_alert_rule(&scene.acting(), narrow)
        .await
        .unwrap();
    scene.report(300, 93.0).await;
    assert!(scene.incidents().await.is_empty());
    let rules = services.alert_rules(scene.scope).await.unwrap();
    let wide = rules
        .iter()
        .find(|view| view.row.said.name == "CPU")
        .unwrap();
    let by = vec![(narrow.row.id, "CPU of web".to_owned())];
    assert_eq!(wide.replaced_by, by);
    let at_server = services.rules_of_server(scene.scope, server).await.unwrap();
    let wide = at_server
        .iter()
        .find(|rule| rule.row.said.name == "CPU")
        .unwrap();
    assert_eq!(wide.replaced_by, by);

    scene.report(5, 96.0).await;
    assert_eq!(scene.told().await, [firing("CPU of web")]);
    let deleted = services
        .delete_alert_rule(&scene.acting(), narrow.row.id)
        .await;
    assert!(deleted.is_ok());
    assert_eq!(scene.told().await, [resolved("CPU of web", "rule-changed")]);
    scene.report(125, 93.0).await;
    assert_eq!(
        scene.told().await,
        [resolved("CPU of web", "rule-changed"), firing("CPU")]
    );
}

#[tokio::test]
async fn twenty_servers_that_fall_silent_are_one_message() {
    let scene = Scene::new().await;
    let mut agents = vec![scene.agent];
    for number in 1..20 {
        let (agent, _) = scene
            .world
            .server(scene.scope, &format!("web{number}"))
            .await;
        agents.push(agent);
    }
    scene.silence(60).await;
    for agent in &agents {
        scene.world.hand.advance(Duration::from_millis(200));
        let body = report(scene.world.now(), 10.0, "");
        let sent = scene
            .world
            .services
            .ingest(*agent, Client::default(), body.into());
        sent.await.unwrap();
    }
    for _ in 0..70 {
        scene.world.hand.advance(Duration::from_secs(1));
        scene.world.services.evaluate_alerts().await;
    }
    assert_eq!(scene.incidents().await.len(), 20);
    assert_eq!(scene.notices().await, [[NoticeKind::Opened; 20]]);
}

#[tokio::test]
async fn who_has_it_in_hand_is_not_reminded() {
    let scene = Scene::new().await;
    let mut change = rule("Often", Reach::Organisation);
    (change.remind_every, change.remind_limit) = (Some(60), Some(2));
    let services = &scene.world.services;
    assert!(
        services
            .add_alert_rule(&scene.acting(), change)
            .await
            .is_ok()
    );
    scene.report(70, 99.0).await;
    let reminded = vec![vec![NoticeKind::Opened], vec![NoticeKind::Reminder]];
    assert_eq!(scene.notices().await, reminded);
    let id = scene.incidents().await.remove(0).row.id;
    let acting = scene.acting();
    let timeline = services
        .act_on_incident(&acting, id, Deed::Acknowledge, "On it")
        .await;
    let row = timeline.unwrap().incident.row;
    assert_eq!(row.note, "On it");
    assert!(row.acknowledged_at().is_some());
    scene.report(45, 99.0).await;
    assert!(scene.notices().await.is_empty());
    let released = services
        .act_on_incident(&acting, id, Deed::Release, "")
        .await;
    assert!(released.is_ok());
    scene.report(240, 99.0).await;
    let kinds = scene.notices().await;
    let reminders = kinds
        .iter()
        .flatten()
        .filter(|kind| **kind == NoticeKind::Reminder);
    assert_eq!(reminders.count(), 1);
}
