//! Alert rules at work: incidents, notices, restarts, silence, maintenance, and who may do what.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::alerting::{NoticeKind, Reach};
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::alerts::{
    IncidentQuery, IncidentView, NewWindow, RuleChange, SaidSchedule,
};
use server_scout::domain::client::Client;
use server_scout::domain::servers::ServerChange;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::incidents::Deed;
use server_scout::store::{Scope, alert_notices};
use server_scout_wire::Timestamp;
use support::{EMAIL, World, report};

const STEP: Duration = Duration::from_secs(5);

struct Scene {
    world: World,
    scope: Scope,
    agent: AgentIdentity,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let scope = world.organisation("Acme", EMAIL).await;
        let (agent, _) = world.server(scope, "web").await;
        world.services.open_alerts().await.unwrap();
        Self {
            world,
            scope,
            agent,
        }
    }

    fn acting(&self) -> Acting {
        Acting::operator(self.scope)
    }

    async fn send(&self, at: Timestamp, cpu: f64) {
        let body = report(at, cpu, "");
        let sent = self
            .world
            .services
            .ingest(self.agent, Client::default(), body.into());
        sent.await.unwrap();
        self.world.services.evaluate_alerts().await;
    }

    /// Reports every five seconds, for so long.
    async fn report(&self, seconds: u64, cpu: f64) {
        for _ in 0..seconds / STEP.as_secs() {
            self.world.hand.advance(STEP);
            self.send(self.world.now(), cpu).await;
        }
    }

    /// Nobody reports, for so long.
    async fn silence(&self, seconds: u64) {
        for _ in 0..seconds / STEP.as_secs() {
            self.world.hand.advance(STEP);
            self.world.services.evaluate_alerts().await;
        }
    }

    async fn incidents(&self) -> Vec<IncidentView> {
        let all = self
            .world
            .services
            .incidents(self.scope, IncidentQuery::default());
        all.await.unwrap().0
    }

    /// Rule, state and reason of the end of each incident, the oldest first.
    async fn told(&self) -> Vec<(String, &'static str, Option<String>)> {
        let mut told: Vec<_> = { self.incidents().await.iter() }
            .map(|view| {
                let row = &view.row;
                (row.rule_name.clone(), view.state(), row.end_reason.clone())
            })
            .collect();
        told.reverse();
        told
    }

    /// Kinds of the notices that are due, bundle by bundle.
    async fn notices(&self) -> Vec<Vec<NoticeKind>> {
        let (store, later) = (
            self.world.store(),
            self.world.now().after(Duration::from_mins(1)),
        );
        let mut bundles = Vec::new();
        loop {
            let taken = store
                .write(move |c| {
                    let due = alert_notices::due(c, later)?;
                    if let Some(first) = due.first() {
                        alert_notices::remove(c, first.bundle)?;
                    }
                    Ok(due)
                })
                .await
                .unwrap();
            if taken.is_empty() {
                return bundles;
            }
            bundles.push(taken.iter().map(|row| row.kind).collect());
        }
    }

    async fn restart(self) -> Self {
        let Self {
            world,
            scope,
            agent,
        } = self;
        world.services.keep_alert_states().await.unwrap();
        let world = world.restart().await;
        world.services.open_alerts().await.unwrap();
        Self {
            world,
            scope,
            agent,
        }
    }
}

fn firing(rule: &str) -> (String, &'static str, Option<String>) {
    (rule.to_owned(), "firing", None)
}

fn resolved(rule: &str, reason: &str) -> (String, &'static str, Option<String>) {
    (rule.to_owned(), "resolved", Some(reason.to_owned()))
}

fn rule(name: &str, reach: Reach) -> RuleChange {
    RuleChange {
        name: name.to_owned(),
        enabled: true,
        kind: "threshold".to_owned(),
        reach,
        metric: Some("cpu_usage".to_owned()),
        label: None,
        label_pattern: None,
        comparison: None,
        warning: None,
        critical: Some(95.0),
        recovery: None,
        severity: None,
        sustain: Some(0),
        share: None,
        cooldown: None,
        remind_every: None,
        remind_limit: None,
    }
}

#[tokio::test]
async fn a_new_organisation_watches_cpu_memory_disk_and_silence() {
    let scene = Scene::new().await;
    let rules = scene.world.services.alert_rules(scene.scope).await.unwrap();
    let said: Vec<_> = { rules.iter() }
        .map(|view| {
            let terms = &view.row.said.terms;
            let name = view.row.said.name.clone();
            (name, terms.warning, terms.critical, terms.sustain.as_secs())
        })
        .collect();
    let rule = |name: &str, warning, critical, sustain| {
        (name.to_owned(), warning, Some(critical), sustain)
    };
    assert_eq!(
        said,
        [
            rule("CPU", Some(80.0), 90.0, 120),
            rule("Disk", Some(80.0), 90.0, 300),
            rule("Memory", Some(80.0), 90.0, 120),
            rule("Offline", None, 60.0, 0),
        ]
    );
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

#[tokio::test]
async fn a_wrong_rule_is_refused_with_the_member_and_the_reason() {
    let scene = Scene::new().await;
    let base = || rule("Wrong", Reach::Organisation);
    let wrong: Vec<(&str, Box<dyn Fn(&mut RuleChange)>)> = vec![
        ("name", Box::new(|rule| rule.name = String::new())),
        ("kind", Box::new(|rule| rule.kind = "magic".to_owned())),
        (
            "metric",
            Box::new(|rule| rule.metric = Some("mood".to_owned())),
        ),
        ("metric", Box::new(|rule| rule.metric = None)),
        (
            "comparison",
            Box::new(|rule| rule.comparison = Some("beside".to_owned())),
        ),
        ("label", Box::new(|rule| rule.label = Some("/".to_owned()))),
        ("warning", Box::new(|rule| rule.critical = None)),
        ("critical", Box::new(|rule| rule.critical = Some(101.0))),
        ("critical", Box::new(|rule| rule.critical = Some(f64::NAN))),
        ("critical", Box::new(|rule| rule.warning = Some(96.0))),
        ("recovery", Box::new(|rule| rule.recovery = Some(96.0))),
        (
            "severity",
            Box::new(|rule| rule.severity = Some("critical".to_owned())),
        ),
        (
            "sustain_seconds",
            Box::new(|rule| rule.sustain = Some(86_401)),
        ),
        ("share_percent", Box::new(|rule| rule.share = Some(0))),
        ("share_percent", Box::new(|rule| rule.share = Some(50))),
        (
            "cooldown_seconds",
            Box::new(|rule| rule.cooldown = Some(86_401)),
        ),
        (
            "reminder_seconds",
            Box::new(|rule| rule.remind_every = Some(59)),
        ),
        (
            "reminder_limit",
            Box::new(|rule| rule.remind_limit = Some(101)),
        ),
    ];
    for (expected, spoil) in wrong {
        let mut change = base();
        spoil(&mut change);
        let services = &scene.world.services;
        let added = services
            .add_alert_rule(&scene.acting(), change.clone())
            .await;
        let previewed = services.preview_alert_rule(scene.scope, change).await;
        for result in [added.map(drop), previewed.map(drop)] {
            match result {
                Err(ServiceError::Invalid { member, .. }) => assert_eq!(member, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_preview_tells_what_a_rule_would_have_done() {
    let scene = Scene::new().await;
    scene.report(600, 10.0).await;
    scene.report(600, 97.0).await;
    scene.report(600, 10.0).await;
    let services = &scene.world.services;
    let mut change = rule("Maybe", Reach::Organisation);
    change.sustain = Some(120);
    let preview = services
        .preview_alert_rule(scene.scope, change.clone())
        .await
        .unwrap();
    assert_eq!((preview.servers, preview.count), (1, 1));
    let past = &preview.incidents.first().unwrap().past;
    assert!(past.ended_at.is_some());
    assert!(past.worst > 96.0, "{past:?}");
    change.critical = Some(99.0);
    let preview = services
        .preview_alert_rule(scene.scope, change)
        .await
        .unwrap();
    assert_eq!(preview.count, 0);
}
