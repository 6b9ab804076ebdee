//! Which channel is told what.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::alerting::{Reach, Severity};
use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::alerts::RuleChange;
use server_scout::domain::channels::dispatch::{Dispatcher, Means};
use server_scout::domain::channels::heartbeat::NewHeartbeat;
use server_scout::domain::channels::hours::Hours;
use server_scout::domain::channels::message::Message;
use server_scout::domain::channels::settings::{Kind, Settings};
use server_scout::domain::channels::{ChannelChange, NewChannel, When};
use server_scout::id::{Channel, Id};
use server_scout::outbound::{Outbound, Policy};
use server_scout::store::{alert_notices, due_deliveries, heartbeats};
use support::alerts::{Scene, rule};

fn webhook(name: &str) -> NewChannel {
    NewChannel {
        name: name.to_owned(),
        kind: Kind::Webhook,
        settings: Settings {
            address: Some("https://hooks.invalid/x".to_owned()),
            ..Settings::default()
        },
        severity: Severity::Warning,
        hours: None,
    }
}

fn pagerduty(name: &str) -> NewChannel {
    NewChannel {
        kind: Kind::Pagerduty,
        settings: Settings {
            token: Some("0123456789".to_owned()),
            ..Settings::default()
        },
        ..webhook(name)
    }
}

/// Not at the hour of these tests.
fn night() -> Hours {
    Hours::parse("00:00", "00:01", "UTC").unwrap()
}

async fn add(scene: &Scene, new: NewChannel) -> Id<Channel> {
    let added = scene.world.services.add_channel(&scene.acting(), new).await;
    added.unwrap().0.id
}

/// Takes over what is due, as the sender does.
async fn take_notices(scene: &Scene) {
    let services = &scene.world.services;
    let dispatcher = Dispatcher::new(Means {
        store: scene.world.store(),
        sealer: services.sealer().unwrap(),
        clock: services.clock().clone(),
        outbound: Outbound::new(Policy::default(), None).unwrap(),
        mailer: None,
        dashboard: "https://scout.example.org".to_owned(),
        holder: 1,
    });
    scene.world.hand.advance(Duration::from_mins(1));
    dispatcher.take_notices().await.unwrap();
}

/// What waits for a channel, the oldest first.
async fn told(scene: &Scene, channel: Id<Channel>) -> Vec<String> {
    let deliveries = scene.world.services.deliveries(scene.scope, channel);
    let deliveries = deliveries.await.unwrap();
    deliveries
        .iter()
        .rev()
        .map(|row| row.kind.clone())
        .collect()
}

#[tokio::test]
async fn a_channel_is_told_what_its_severity_hours_and_switch_let_through() {
    let scene = Scene::new().await;
    let plain = add(&scene, webhook("plain")).await;
    let critical = add(
        &scene,
        NewChannel {
            severity: Severity::Critical,
            ..webhook("critical")
        },
    )
    .await;
    let asleep = NewChannel {
        hours: Some(night()),
        ..webhook("asleep")
    };
    let asleep = add(&scene, asleep).await;
    let keeping = NewChannel {
        hours: Some(night()),
        ..pagerduty("keeping")
    };
    let keeping = add(&scene, keeping).await;
    let off = add(&scene, webhook("off")).await;
    let change = ChannelChange {
        enabled: Some(false),
        ..ChannelChange::default()
    };
    let services = &scene.world.services;
    let acting = scene.acting();
    services.change_channel(&acting, off, change).await.unwrap();

    let mut warning = rule("Warm", Reach::Organisation);
    (warning.warning, warning.critical) = (Some(85.0), None);
    services.add_alert_rule(&acting, warning).await.unwrap();
    scene.report(10, 87.0).await;
    take_notices(&scene).await;
    scene.report(60, 5.0).await;
    take_notices(&scene).await;
    assert_eq!(told(&scene, plain).await, ["opened", "resolved"]);
    assert!(told(&scene, critical).await.is_empty());
    assert!(told(&scene, asleep).await.is_empty());
    assert!(told(&scene, off).await.is_empty());
    // What keeps incidents would keep this one for ever.
    assert_eq!(told(&scene, keeping).await, ["resolved"]);
}

#[tokio::test]
async fn a_rule_tells_the_channels_that_it_names_and_all_when_they_are_gone() {
    let scene = Scene::new().await;
    let named = add(&scene, webhook("named")).await;
    let other = add(&scene, webhook("other")).await;
    let (services, acting) = (&scene.world.services, scene.acting());
    let unknown = RuleChange {
        channels: vec![Id::random()],
        ..rule("Hot", Reach::Organisation)
    };
    let refused = services.add_alert_rule(&acting, unknown).await;
    assert!(matches!(refused, Err(ServiceError::NotFound)));
    let hot = RuleChange {
        channels: vec![named],
        ..rule("Hot", Reach::Organisation)
    };
    let hot = services.add_alert_rule(&acting, hot).await.unwrap().row;
    assert_eq!(hot.said.channels, [named]);
    scene.report(10, 97.0).await;
    take_notices(&scene).await;
    assert_eq!(told(&scene, named).await, ["opened"]);
    assert!(told(&scene, other).await.is_empty());

    // What is on its way while the channel goes is told, too.
    scene.report(60, 5.0).await;
    services.delete_channel(&acting, named).await.unwrap();
    take_notices(&scene).await;
    assert_eq!(told(&scene, other).await, ["resolved"]);
    let left = services.alert_rule(scene.scope, hot.id).await.unwrap();
    assert!(left.row.said.channels.is_empty());
}

/// Silence must not come by itself: who waits for a confirmation is not there yet.
#[tokio::test]
async fn a_rule_that_names_a_waiting_channel_alone_tells_every_other_one() {
    let scene = Scene::new().await;
    let (services, acting) = (&scene.world.services, scene.acting());
    let _bag = services.open_post(&PublicUrl::default()).unwrap();
    let other = add(&scene, webhook("other")).await;
    let asked = NewChannel {
        kind: Kind::Email,
        settings: Settings {
            recipient: Some("ops@example.org".to_owned()),
            ..Settings::default()
        },
        ..webhook("asked")
    };
    let asked = add(&scene, asked).await;
    let hot = RuleChange {
        channels: vec![asked],
        ..rule("Hot", Reach::Organisation)
    };
    services.add_alert_rule(&acting, hot).await.unwrap();
    scene.report(10, 97.0).await;
    take_notices(&scene).await;
    assert_eq!(told(&scene, other).await, ["opened"]);
    assert!(told(&scene, asked).await.is_empty());
}

#[tokio::test]
async fn hours_come_change_and_go() {
    let scene = Scene::new().await;
    let id = add(&scene, webhook("plain")).await;
    let (services, acting) = (&scene.world.services, scene.acting());
    for (when, hours) in [
        (When::Within(night()), Some("00:00 to 00:01 UTC")),
        (When::Always, None),
    ] {
        let change = ChannelChange {
            hours: Some(when),
            ..ChannelChange::default()
        };
        let row = services.change_channel(&acting, id, change).await.unwrap();
        assert_eq!(row.hours.map(|hours| hours.to_string()).as_deref(), hours);
        let renamed = ChannelChange {
            name: Some("other".to_owned()),
            ..ChannelChange::default()
        };
        let row = services.change_channel(&acting, id, renamed).await.unwrap();
        assert_eq!(row.hours.is_some(), hours.is_some(), "what is absent stays");
    }
}

#[tokio::test]
async fn a_heartbeat_has_one_sealed_address_and_bounds() {
    let scene = Scene::new().await;
    let (services, acting) = (&scene.world.services, scene.acting());
    let new = |address: Option<&str>, method: Option<&str>, every_minutes| NewHeartbeat {
        address: address.map(str::to_owned),
        method: method.map(str::to_owned),
        every_minutes,
    };
    let word = "https://ping.example.org/secret-word";
    let ping = Some(word);
    for (wrong, expected) in [
        (new(None, None, 5), "address"),
        (new(Some("http://ping.example.org/"), None, 5), "address"),
        (new(Some("https://10.0.0.1/"), None, 5), "address"),
        (new(ping, Some("PUT"), 5), "method"),
        (new(ping, None, 0), "every_minutes"),
        (new(ping, None, 1441), "every_minutes"),
    ] {
        match services.set_heartbeat(&acting, wrong).await {
            Err(ServiceError::Invalid { member, .. }) => assert_eq!(member, expected),
            _ => panic!("{expected} must be refused"),
        }
    }
    let set = services.set_heartbeat(&acting, new(ping, None, 1440)).await;
    let set = set.unwrap();
    assert_eq!(
        (set.shown.as_str(), set.method.as_str()),
        ("ping.example.org …word", "GET")
    );
    let changed = services
        .set_heartbeat(&acting, new(None, Some("POST"), 1))
        .await;
    let changed = changed.unwrap();
    assert_eq!((changed.id, changed.method.as_str()), (set.id, "POST"));
    let (store, now) = (scene.world.store(), scene.world.now());
    let due = store.write(move |c| {
        heartbeats::evaluated(c, now)?;
        heartbeats::due(c, now, &[], 9)
    });
    let due = due.await.unwrap().remove(0);
    let sealer = services.sealer().unwrap();
    let opened = sealer.open(&heartbeats::address_place(set.id), &due.sealed);
    assert_eq!(opened.unwrap().as_slice(), word.as_bytes());
    services.remove_heartbeat(&acting).await.unwrap();
    assert_eq!(services.heartbeat(scene.scope).await.unwrap(), None);
}

#[tokio::test]
async fn a_channel_that_could_not_work_is_refused_with_the_member() {
    let scene = Scene::new().await;
    let with = |address: &str| NewChannel {
        settings: Settings {
            address: Some(address.to_owned()),
            ..Settings::default()
        },
        ..webhook("other")
    };
    let mail = NewChannel {
        kind: Kind::Email,
        settings: Settings {
            recipient: Some("ops@example.org".to_owned()),
            ..Settings::default()
        },
        ..webhook("mail")
    };
    for (new, expected) in [
        (with("https://10.0.0.1/"), "address"),
        (with("http://hooks.example.org/"), "address"),
        (with("https://hooks.example.org:22/"), "address"),
        (with("https://user@hooks.example.org/"), "address"),
        (webhook(""), "name"),
        (mail, "kind"),
    ] {
        let added = scene.world.services.add_channel(&scene.acting(), new).await;
        match added {
            Err(ServiceError::Invalid { member, .. }) => assert_eq!(member, expected),
            _ => panic!("{expected} must be refused"),
        }
    }
}

#[tokio::test]
async fn all_settings_of_a_channel_are_sealed_in_its_place() {
    let scene = Scene::new().await;
    let id = add(&scene, webhook("sealed")).await;
    let services = &scene.world.services;
    services.test_channel(&scene.acting(), id).await.unwrap();
    let (store, now) = (scene.world.store(), scene.world.now());
    let due = store.read(move |c| {
        let heads = due_deliveries::heads(c, now, &[])?;
        let ids: Vec<_> = heads.iter().map(|head| head.delivery).collect();
        due_deliveries::load(c, &ids)
    });
    let due = due.await.unwrap().remove(0);
    let place = server_scout::store::channels::settings_place(id);
    let opened = services
        .sealer()
        .unwrap()
        .open(&place, &due.sealed)
        .unwrap();
    let text = String::from_utf8(opened.to_vec()).unwrap();
    assert!(text.contains("https://hooks.invalid/x"), "{text}");
    assert!(text.contains("whsec_"), "{text}");
    assert!(!due.sealed.windows(13).any(|part| part == b"hooks.invalid"));
}

/// Puts notices of one bundle in place, each of another incident, as a change of very many does.
async fn bundle(scene: &Scene, number: i64, many: usize, critical: usize) {
    let (store, due) = (scene.world.store(), scene.world.now().as_millis());
    let organisation = scene.scope.organisation().as_i64();
    let label = format!("/{}", "é".repeat(60));
    let tells = serde_json::json!({
        "server": "00000000000000cc", "server_name": "web", "rule_name": "Full", "kind": "threshold",
        "measure": "mount_used_bytes", "unit": "bytes", "label": label, "comparison": "above",
        "threshold": 5.0, "value": 10.0, "worst": 10.0, "opened_at": "2026-11-23T10:00:00Z",
        "end_reason": null, "flaps": 0,
    });
    let statement = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {many})
         INSERT INTO alert_notice (organisation_id, incident_id, rule_id, kind, severity, at, due_at, bundle,
             channels, tells)
         SELECT {organisation}, n, 1, 'opened', CASE WHEN n > {many} - {critical} THEN 'critical' ELSE 'warning' END,
             {due}, {due}, {number}, '[]', '{tells}' FROM n"
    );
    let put = store.write(move |c| {
        Ok(diesel::RunQueryDsl::execute(
            diesel::sql_query(statement),
            c,
        )?)
    });
    assert_eq!(put.await.unwrap(), many);
}

/// The messages that wait for a channel.
async fn messages(scene: &Scene, channel: Id<Channel>) -> Vec<Message> {
    let (store, now) = (scene.world.store(), scene.world.now());
    let due = store.read(move |c| {
        let heads = due_deliveries::heads(c, now, &[])?;
        let ids: Vec<_> = { heads.iter() }
            .filter(|head| head.channel == channel)
            .map(|head| head.delivery)
            .collect();
        due_deliveries::load(c, &ids)
    });
    let due = due.await.unwrap();
    due.iter()
        .map(|due| serde_json::from_str(&due.message).unwrap())
        .collect()
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

async fn count(scene: &Scene, of: &'static str) -> i64 {
    let query = format!("SELECT count(*) AS count FROM {of}");
    let store = scene.world.store();
    let read = store.read(move |c| {
        let found: Count = diesel::RunQueryDsl::get_result(diesel::sql_query(query), c)?;
        Ok(found.count)
    });
    read.await.unwrap()
}

#[tokio::test]
async fn a_bundle_of_thousands_is_one_short_message_stored_once() {
    let scene = Scene::new().await;
    let plain = add(&scene, webhook("plain")).await;
    add(&scene, webhook("another")).await;
    let strict = NewChannel {
        severity: Severity::Critical,
        ..webhook("strict")
    };
    let strict = add(&scene, strict).await;
    bundle(&scene, 1, 5760, 7).await;
    for _ in 0..3 {
        take_notices(&scene).await;
    }
    assert_eq!(count(&scene, "alert_notice").await, 0);
    assert_eq!(count(&scene, "alert_bundle").await, 0);
    assert_eq!(count(&scene, "delivery").await, 3);
    assert_eq!(count(&scene, "delivery_message").await, 2);
    let told = messages(&scene, plain).await.remove(0);
    assert_eq!((told.incidents.len(), told.more), (100, 5660));
    assert_eq!(told.title(), "Critical: Full on 5760 places");
    assert!(told.text().ends_with("and 5740 more"), "{}", told.text());
    // What matters most is among what is described.
    let critical = { told.incidents.iter() }.filter(|told| told.severity == "critical");
    assert_eq!(critical.count(), 7);
    assert!(serde_json::to_string(&told).unwrap().len() < 120_000);
    let told = messages(&scene, strict).await.remove(0);
    assert_eq!((told.incidents.len(), told.more), (7, 0));
}

#[tokio::test]
async fn who_keeps_incidents_is_told_of_each_part_by_part_and_within_a_bound() {
    let scene = Scene::new().await;
    let plain = add(&scene, webhook("plain")).await;
    let keeping = add(&scene, pagerduty("keeping")).await;
    bundle(&scene, 1, 5760, 0).await;
    take_notices(&scene).await;
    let left = count(&scene, "alert_notice").await;
    assert!(
        (1..5760).contains(&left),
        "{left} are left after some steps"
    );
    // What is short does not wait for the rest of what is long.
    bundle(&scene, 2, 1, 0).await;
    let (store, now) = (scene.world.store(), scene.world.now());
    let next = store.read(move |c| alert_notices::due(c, now)).await;
    let next = next.unwrap().unwrap().bundle.as_i64();
    assert_eq!(next, 2);
    take_notices(&scene).await;
    assert_eq!(count(&scene, "alert_notice").await, 0);
    assert_eq!(
        count(&scene, "delivery WHERE state = 'waiting'").await,
        5002
    );
    assert_eq!(count(&scene, "delivery WHERE state = 'dead'").await, 761);
    assert_eq!(count(&scene, "delivery_message").await, 5001);
    // The parts are one message.
    assert_eq!(told(&scene, plain).await.len(), 2);
    assert_eq!(told(&scene, keeping).await.len(), 100);
}
