//! Alert rules: defaults, what is refused, previews, and who sees and changes them.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use server_scout::access::{Right, Role};
use server_scout::alerting::Reach;
use server_scout::domain::ServiceError;
use server_scout::domain::alerts::{IncidentQuery, NewWindow, RuleChange, SaidSchedule};
use server_scout::domain::principal::Credential;
use server_scout::store::incidents::Deed;
use support::alerts::{Scene, rule};
use support::{PASSWORD, attempt};

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

/// Makes a rule wrong.
type Spoil = fn(&mut RuleChange);

#[tokio::test]
async fn a_wrong_rule_is_refused_with_the_member_and_the_reason() {
    let scene = Scene::new().await;
    let base = || rule("Wrong", Reach::Organisation);
    let wrong: [(&str, Spoil); 18] = [
        ("name", |rule| rule.name = String::new()),
        ("kind", |rule| rule.kind = "magic".to_owned()),
        ("metric", |rule| rule.metric = Some("mood".to_owned())),
        ("metric", |rule| rule.metric = None),
        ("comparison", |rule| {
            rule.comparison = Some("beside".to_owned());
        }),
        ("label", |rule| rule.label = Some("/".to_owned())),
        ("warning", |rule| rule.critical = None),
        ("critical", |rule| rule.critical = Some(101.0)),
        ("critical", |rule| rule.critical = Some(f64::NAN)),
        ("critical", |rule| rule.warning = Some(96.0)),
        ("recovery", |rule| rule.recovery = Some(96.0)),
        ("severity", |rule| {
            rule.severity = Some("critical".to_owned());
        }),
        ("sustain_seconds", |rule| rule.sustain = Some(86_401)),
        ("share_percent", |rule| rule.share = Some(0)),
        ("share_percent", |rule| rule.share = Some(50)),
        ("cooldown_seconds", |rule| rule.cooldown = Some(86_401)),
        ("reminder_seconds", |rule| rule.remind_every = Some(59)),
        ("reminder_limit", |rule| rule.remind_limit = Some(101)),
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

#[tokio::test]
async fn alerts_of_servers_that_are_not_shown_do_not_exist() {
    let scene = Scene::new().await;
    let (services, owner) = (&scene.world.services, scene.acting());
    let (shown, _) = scene.world.server(scene.scope, "shown").await;
    let group = services.add_group(&owner, "Customer").await.unwrap().id;
    let other = services.add_group(&owner, "Other").await.unwrap().id;
    let put = services
        .set_in_group(&owner, group, shown.server, true)
        .await;
    assert!(put.is_ok());
    let (email, role) = ("mia@example.org", Some(Role::Member));
    let added = services
        .add_person(email, "Acme", role, PASSWORD.to_owned())
        .await;
    assert!(added.is_ok());
    let session = services.log_in(attempt(email, PASSWORD)).await.unwrap();
    let session = session.done().unwrap().session.expose().to_owned();
    let member = scene
        .world
        .person(Credential::Session(session.clone()))
        .await;
    let limits = Some(vec![group]);
    let limited = services
        .set_member_groups(&owner, member.person(), limits)
        .await;
    assert!(limited.is_ok());
    let session = services.log_in(attempt(email, PASSWORD)).await.unwrap();
    let session = session.done().unwrap().session.expose().to_owned();
    let member = scene.world.person(Credential::Session(session)).await;
    let theirs = member.acting(Right::Write).unwrap();

    let hidden = rule("Hidden", Reach::Server(scene.agent.server));
    let hidden = services
        .add_alert_rule(&owner, hidden)
        .await
        .unwrap()
        .row
        .id;
    scene.report(125, 99.0).await;
    let incident = scene.incidents().await.remove(0).row.id;

    let missing = |result: Result<(), ServiceError>| {
        assert!(matches!(result, Err(ServiceError::NotFound)), "{result:?}");
    };
    let scope = theirs.scope;
    let all = services
        .incidents(scope, IncidentQuery::default())
        .await
        .unwrap();
    assert!(all.0.is_empty());
    assert_eq!(services.count_open_incidents(scope).await.unwrap(), 0);
    missing(services.incident(scope, incident).await.map(drop));
    let acted = services
        .act_on_incident(&theirs, incident, Deed::Note, "mine")
        .await;
    missing(acted.map(drop));
    missing(services.alert_rule(scope, hidden).await.map(drop));
    missing(services.delete_alert_rule(&theirs, hidden).await);
    missing(
        services
            .rules_of_server(scope, scene.agent.server)
            .await
            .map(drop),
    );
    for reach in [Reach::Server(scene.agent.server), Reach::Group(other)] {
        let added = services
            .add_alert_rule(&theirs, rule("Mine", reach.clone()))
            .await;
        missing(added.map(drop));
        let previewed = services
            .preview_alert_rule(scope, rule("Mine", reach.clone()))
            .await;
        missing(previewed.map(drop));
        let window = NewWindow {
            name: "Mine".to_owned(),
            reach,
            schedule: SaidSchedule::Now(5),
        };
        let added = services.add_maintenance_window(&theirs, window).await;
        missing(added.map(drop));
    }

    // What is for more servers than they see is not theirs to change.
    let wide = services.alert_rules(scope).await.unwrap();
    assert_eq!(wide.len(), 4);
    let wide = wide.first().unwrap().row.id;
    let switched = services.switch_alert_rule(&theirs, wide, false).await;
    assert!(matches!(switched, Err(ServiceError::Forbidden)));
    let everywhere = rule("Everywhere", Reach::Organisation);
    let added = services.add_alert_rule(&theirs, everywhere.clone()).await;
    assert!(matches!(added, Err(ServiceError::Forbidden)));
    let preview = services
        .preview_alert_rule(scope, everywhere)
        .await
        .unwrap();
    assert_eq!((preview.servers, preview.more_servers), (1, 0));
    let added = services
        .add_alert_rule(&theirs, rule("Mine", Reach::Group(group)))
        .await;
    assert!(added.is_ok());
}
