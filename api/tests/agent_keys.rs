//! P5: a key is worth one server's reports, and rotating it costs no gap.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::agent_keys::has_expired_successor;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::client::{Client, UserAgent};
use server_scout::domain::ingest::Outcome;
use server_scout::domain::principal::Credential;
use server_scout::id::{Id, Server};
use server_scout::secret::Secret;
use server_scout::store::agent_keys::KeyState;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::{Scope, agent_keys};
use support::{EMAIL, World, report};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

struct Rotation {
    world: World,
    scope: Scope,
    server: Id<Server>,
    old: Secret,
}

impl Rotation {
    async fn new() -> Self {
        let world = World::new().await;
        let scope = world.organisation("Acme", EMAIL).await;
        let (agent, old) = world.server(scope, "web-1").await;
        Self {
            world,
            scope,
            server: agent.server,
            old,
        }
    }

    async fn rotate(&self) -> Result<Secret, ServiceError> {
        // Keys are listed in the order in which they were made.
        self.world.hand.advance(Duration::from_secs(1));
        let acting = Acting::operator(self.scope);
        let made = self.world.services.rotate_agent_keys(&acting, self.server);
        Ok(made.await?.1)
    }

    async fn counts(&self, key: &Secret) -> bool {
        self.world.agent(key).await.is_some()
    }

    /// Sends a report a second younger than the one before.
    async fn report(&self, key: &Secret) -> Vec<Outcome> {
        self.world.hand.advance(Duration::from_secs(1));
        let agent = self.world.agent(key).await.unwrap();
        self.send(agent).await.unwrap()
    }

    async fn send(&self, agent: AgentIdentity) -> Result<Vec<Outcome>, ServiceError> {
        let body = report(self.world.now(), 1.0, "").into();
        let client = Client {
            address: Some([192, 0, 2, 7].into()),
            user_agent: UserAgent::cleaned(b"server-scout-agent/1.2.3"),
        };
        let sent = self.world.services.ingest(agent, client, body).await;
        Ok(sent?.outcomes)
    }

    async fn states(&self) -> Vec<KeyState> {
        let keys = self.world.services.agent_keys(self.scope, self.server);
        let keys = keys.await.unwrap();
        keys.iter().map(|key| key.row.state()).collect()
    }

    async fn told(&self) -> Vec<(String, String)> {
        let session = self.world.log_in().await;
        let session = Credential::Session(session.expose().to_owned());
        let owner = self.world.person(session).await;
        let query = EventQuery {
            action: Some("agent-key".to_owned()),
            ..EventQuery::default()
        };
        let page = self.world.services.audit_events(&owner, query, 10).await;
        let events = page.unwrap().events.into_iter();
        events
            .map(|event| (event.row.action, event.row.actor_kind))
            .collect()
    }
}

#[tokio::test]
async fn both_keys_work_until_the_new_one_is_used_and_then_the_old_one_ends() {
    let rotation = Rotation::new().await;
    let new = rotation.rotate().await.unwrap();

    assert_eq!(
        rotation.states().await,
        [KeyState::Leaving, KeyState::Successor]
    );
    rotation.world.hand.advance(3 * DAY);
    assert_eq!(rotation.report(&rotation.old).await, [Outcome::Accepted]);
    assert!(rotation.counts(&new).await && rotation.counts(&rotation.old).await);

    assert_eq!(rotation.report(&new).await, [Outcome::Accepted]);

    assert!(rotation.counts(&new).await && !rotation.counts(&rotation.old).await);
    assert_eq!(
        rotation.states().await,
        [KeyState::Replaced, KeyState::Good]
    );
    rotation.world.hand.advance(30 * DAY);
    rotation.world.services.clean().await.unwrap();
    assert!(rotation.counts(&new).await, "a used key does not expire");
    let event = |action: &str, by: &str| (format!("agent-key.{action}"), by.to_owned());
    assert_eq!(
        rotation.told().await,
        [event("replaced", "agent"), event("rotated", "operator")]
    );
}

#[tokio::test]
async fn an_empty_request_is_no_use_that_ends_a_key() {
    let rotation = Rotation::new().await;
    let new = rotation.rotate().await.unwrap();
    let agent = rotation.world.agent(&new).await.unwrap();
    let checked = rotation
        .world
        .services
        .ingest(agent, Client::default(), "[]".into());
    assert!(checked.await.unwrap().outcomes.is_empty());
    assert!(rotation.counts(&rotation.old).await);
}

#[tokio::test]
async fn a_key_that_is_not_seen_expires_and_the_old_one_stays() {
    let rotation = Rotation::new().await;
    let new = rotation.rotate().await.unwrap();
    rotation.world.hand.advance(6 * DAY + 23 * HOUR);
    assert!(rotation.counts(&new).await);
    let late = rotation.world.agent(&new).await.unwrap();
    rotation.world.hand.advance(HOUR);

    // At once, whether or not the background work has been there.
    assert!(!rotation.counts(&new).await);
    let refused = rotation.send(late).await;
    assert!(matches!(refused, Err(ServiceError::Unauthenticated)));
    rotation.world.services.clean().await.unwrap();

    assert!(rotation.counts(&rotation.old).await);
    assert_eq!(rotation.states().await, [KeyState::Good, KeyState::Unseen]);
    let keys = rotation
        .world
        .services
        .agent_keys(rotation.scope, rotation.server);
    assert!(has_expired_successor(&keys.await.unwrap()));
    let told = rotation.told().await;
    assert_eq!(
        told.first().unwrap(),
        &("agent-key.expired".to_owned(), "dashboard".to_owned())
    );
    assert!(rotation.rotate().await.is_ok());
    let keys = rotation
        .world
        .services
        .agent_keys(rotation.scope, rotation.server);
    assert!(!has_expired_successor(&keys.await.unwrap()));
}

#[tokio::test]
async fn there_is_one_rotation_at_a_time_and_an_expired_one_is_none() {
    let rotation = Rotation::new().await;
    rotation.rotate().await.unwrap();
    assert!(matches!(
        rotation.rotate().await,
        Err(ServiceError::Conflict { .. })
    ));
    rotation.world.hand.advance(7 * DAY);
    assert!(rotation.rotate().await.is_ok());
    assert_eq!(
        rotation.states().await,
        [KeyState::Leaving, KeyState::Unseen, KeyState::Successor]
    );
}

#[tokio::test]
async fn revoking_the_successor_ends_the_rotation_and_revoking_the_old_one_does_not() {
    let rotation = Rotation::new().await;
    let acting = Acting::operator(rotation.scope);
    let revoke = async |number: usize| {
        let services = &rotation.world.services;
        let keys = services.agent_keys(rotation.scope, rotation.server).await;
        let id = keys.unwrap().get(number).unwrap().row.id;
        let revoked = services.revoke_agent_key(&acting, rotation.server, id);
        revoked.await.unwrap();
    };
    let first = rotation.rotate().await.unwrap();
    revoke(1).await;
    assert!(!rotation.counts(&first).await && rotation.counts(&rotation.old).await);
    assert_eq!(rotation.states().await, [KeyState::Good, KeyState::Revoked]);

    let second = rotation.rotate().await.unwrap();
    revoke(0).await;
    assert!(rotation.counts(&second).await && !rotation.counts(&rotation.old).await);
    assert_eq!(rotation.report(&second).await, [Outcome::Accepted]);
    assert_eq!(
        rotation.states().await,
        [KeyState::Revoked, KeyState::Revoked, KeyState::Good]
    );
}

#[tokio::test]
async fn a_key_that_was_added_meanwhile_is_nobodys_predecessor() {
    let rotation = Rotation::new().await;
    let new = rotation.rotate().await.unwrap();
    let acting = Acting::operator(rotation.scope);
    let added = rotation
        .world
        .services
        .add_agent_key(&acting, rotation.server);
    let (_, added) = added.await.unwrap();
    rotation.report(&new).await;
    assert!(rotation.counts(&added).await && !rotation.counts(&rotation.old).await);
}

#[tokio::test]
async fn rotating_without_a_good_key_makes_one_that_does_not_expire() {
    let rotation = Rotation::new().await;
    let acting = Acting::operator(rotation.scope);
    let keys = rotation
        .world
        .services
        .agent_keys(rotation.scope, rotation.server);
    let id = keys.await.unwrap().first().unwrap().row.id;
    let revoked = rotation
        .world
        .services
        .revoke_agent_key(&acting, rotation.server, id);
    revoked.await.unwrap();
    let key = rotation.rotate().await.unwrap();
    rotation.world.hand.advance(30 * DAY);
    assert!(rotation.counts(&key).await);
}

#[tokio::test]
async fn the_last_use_is_known_to_the_minute_and_outlives_a_restart() {
    let rotation = Rotation::new().await;
    rotation.report(&rotation.old).await;
    let before = rotation.world.services.generation().unwrap();
    let used = rotation.world.now();
    let last = async |rotation: &Rotation| {
        let services = &rotation.world.services;
        let keys = services.agent_keys(rotation.scope, rotation.server).await;
        keys.unwrap().first().unwrap().last_use.clone()
    };
    let shown = last(&rotation).await.unwrap();
    assert_eq!(shown.at.as_millis() % 60_000, 0);
    assert!(used.since(shown.at) < MINUTE);
    assert_eq!(
        (shown.from.as_str(), shown.agent_version.as_str()),
        ("192.0.2.7", "1.2.3")
    );

    rotation.world.services.write_key_uses().await.unwrap();

    // Noting a use changes nobody's rights, so nothing that is cached is asked for again.
    assert_eq!(rotation.world.services.generation().unwrap(), before);
    let rotation = Rotation {
        world: rotation.world.restart().await,
        ..rotation
    };
    assert_eq!(last(&rotation).await, Some(shown));
}

#[tokio::test]
async fn a_key_that_ended_is_forgotten_after_ninety_days() {
    let rotation = Rotation::new().await;
    let new = rotation.rotate().await.unwrap();
    rotation.report(&new).await;
    rotation.world.hand.advance(89 * DAY);
    rotation.world.services.clean().await.unwrap();
    assert_eq!(rotation.states().await.len(), 2);
    rotation.world.hand.advance(2 * DAY);
    rotation.world.services.clean().await.unwrap();
    assert_eq!(rotation.states().await, [KeyState::Good]);
}

#[tokio::test]
async fn a_rotation_moves_the_generation_at_every_step() {
    let rotation = Rotation::new().await;
    let generation = || rotation.world.services.generation().unwrap();
    let before = generation();
    let new = rotation.rotate().await.unwrap();
    let rotated = generation();
    assert!(rotated > before);
    rotation.report(&new).await;
    assert!(generation() > rotated);
}

#[tokio::test]
async fn another_organisation_cannot_touch_a_key() {
    let rotation = Rotation::new().await;
    let other = rotation
        .world
        .organisation("Other", "eve@example.org")
        .await;
    let acting = Acting::operator(other);
    let services = &rotation.world.services;
    let rotated = services.rotate_agent_keys(&acting, rotation.server).await;
    assert!(matches!(rotated, Err(ServiceError::NotFound)));
    let store = rotation.world.store();
    let (server, now) = (rotation.server, rotation.world.now());
    let foreign = store.write(move |c| {
        let key = agent_keys::list(c, rotation.scope, server)?;
        let key = key.first().map_or_else(Id::random, |key| key.id);
        agent_keys::take_over(c, other, server, key, now)
    });
    assert!(foreign.await.is_err());
}

#[tokio::test]
async fn the_owners_are_told_by_mail_of_a_successor_that_was_not_used() {
    let rotation = Rotation::new().await;
    let services = &rotation.world.services;
    let mut bag = services.open_post(&PublicUrl::default()).unwrap();
    rotation.rotate().await.unwrap();
    rotation.world.hand.advance(7 * DAY);
    services.clean().await.unwrap();
    let mail = tokio::time::timeout(Duration::from_secs(5), bag.next());
    let mail = mail.await.unwrap().unwrap();
    assert_eq!(mail.to, EMAIL);
    let text = mail.letter.paragraphs.join(" ");
    assert!(
        text.contains("“web-1”") && mail.letter.link.is_none(),
        "{text}"
    );
    // Once.
    services.clean().await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(100), bag.next());
    assert!(more.await.is_err());
}
