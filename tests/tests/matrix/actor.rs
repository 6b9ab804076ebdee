//! Who asks: every role by every means, and everybody who has no valid credential.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use server_scout_tests::fleet::PASSWORD;
use server_scout_tests::person::Person;
use server_scout_tests::wait::PATIENCE;

use crate::place::{Place, World};
use crate::table::Right;

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) person: i64,
    pub(crate) standing: Standing,
    means: Means,
}

/// What their credential is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// None that counts.
    Nobody,
    Agent,
    /// A member by session; whether it has proved lately whose it is.
    Session(Right, bool),
    /// A member by token: what the role and what the scope are worth.
    Token(Right, Option<Right>),
}

#[derive(Clone, Debug)]
enum Means {
    None,
    AgentKey(String),
    Session(Box<Person>),
    Token(String),
}

impl Actor {
    /// A request that carries their credential, and what a browser adds to a change.
    pub(crate) fn request(&self, world: &World, method: Method, path: &str) -> RequestBuilder {
        let url = world.dashboard.url(path);
        match &self.means {
            Means::None => world.client.request(method, url),
            Means::AgentKey(key) => world.client.request(method, url).header("X-API-Key", key),
            Means::Token(token) => world.client.request(method, url).bearer_auth(token),
            Means::Session(person) => {
                let request = person.request(method, path);
                match &person.csrf_token {
                    Some(token) => request.header("X-CSRF-Token", token),
                    None => request,
                }
            }
        }
    }

    /// The token that their forms carry.
    pub(crate) fn csrf_token(&self) -> &str {
        match &self.means {
            Means::Session(person) => person.csrf_token.as_deref().unwrap_or_default(),
            _ => "",
        }
    }
}

const ROLES: [(&str, Right); 4] = [
    ("viewer", Right::Read),
    ("member", Right::Write),
    ("admin", Right::Administer),
    ("owner", Right::Own),
];
const SCOPES: [(&str, Option<Right>); 4] = [
    ("read", Some(Right::Read)),
    ("write", Some(Right::Write)),
    ("admin", Some(Right::Administer)),
    ("metrics", None),
];

/// Every member of a place by every means.
pub(crate) async fn members(world: &World, place: &Place) -> Vec<Actor> {
    let mut actors = Vec::new();
    for (role, right) in ROLES {
        let email = member(world, place, role);
        // The one that has not proved lately first: what makes it so meets all there are.
        for fresh in [false, true] {
            actors.push(session(world, &email, role, right, fresh).await);
        }
        for (scope, worth) in SCOPES {
            actors.push(token(world, place, &email, role, right, (scope, worth)).await);
        }
    }
    actors
}

/// Somebody of the same standing as `like`, in an organisation of their own.
pub(crate) async fn alone(world: &World, like: &Actor) -> (Place, Actor) {
    let place = world.bare_place();
    let role_of = |right| ROLES.iter().find(|(_, known)| *known == right).unwrap().0;
    let actor = match like.standing {
        Standing::Session(right, fresh) => {
            let email = member(world, &place, role_of(right));
            session(world, &email, role_of(right), right, fresh).await
        }
        Standing::Token(right, worth) => {
            let scope = SCOPES.iter().find(|(_, known)| *known == worth).unwrap();
            let email = member(world, &place, role_of(right));
            token(world, &place, &email, role_of(right), right, *scope).await
        }
        Standing::Agent | Standing::Nobody => like.clone(),
    };
    (place, actor)
}

/// The agent of a place.
pub(crate) fn agent(place: &Place) -> Actor {
    let means = Means::AgentKey(place.agent_key.clone());
    somebody("agent", Standing::Agent, means)
}

/// Everybody without a valid credential; all of them could do everything before.
pub(crate) async fn nobodies(world: &World, place: &Place) -> Vec<Actor> {
    let mut actors = vec![somebody("no login", Standing::Nobody, Means::None)];
    let mut owners = Vec::new();
    for (what, end) in ENDS {
        let email = member(world, place, "owner");
        let mut session = session(world, &email, what, Right::Own, true).await;
        let worth = ("admin", Some(Right::Administer));
        let mut token = token(world, place, &email, what, Right::Own, worth).await;
        session.standing = Standing::Nobody;
        token.standing = Standing::Nobody;
        owners.push((session.person, end));
        actors.extend([session, token]);
    }
    for (person, end) in owners {
        let organisation = place.id.to_string();
        let statement = end.replace("<person>", &person.to_string());
        let statement = statement.replace("<organisation>", &organisation);
        world.database.execute(&statement);
    }
    let key = world.dashboard.add_server(&place.organisation, "retired");
    let key = Means::AgentKey(key.await);
    world.database.execute(
        "UPDATE agent_key SET revoked_at = 1 \
         WHERE server_id = (SELECT id FROM server WHERE name = 'retired')",
    );
    actors.push(somebody("revoked agent key", Standing::Nobody, key));
    actors
}

/// How credentials end: sessions and tokens alike.
const ENDS: [(&str, &str); 5] = [
    (
        "expired",
        "UPDATE session SET created_at = 1 WHERE person_id = <person>; \
         UPDATE access_token SET expires_at = 1 WHERE person_id = <person>",
    ),
    (
        "idle",
        "UPDATE session SET seen_at = created_at - 12 * 3600000 WHERE person_id = <person>; \
         UPDATE access_token SET expires_at = 1 WHERE person_id = <person>",
    ),
    (
        "revoked",
        "DELETE FROM session WHERE person_id = <person>; \
         DELETE FROM access_token WHERE person_id = <person>",
    ),
    (
        "removed",
        "DELETE FROM member WHERE person_id = <person> AND organisation_id = <organisation>",
    ),
    (
        "suspended",
        "UPDATE member SET suspended_at = 1 \
         WHERE person_id = <person> AND organisation_id = <organisation>",
    ),
];

/// Makes a person who is a member with that role here and an owner elsewhere, and gives the address.
fn member(world: &World, place: &Place, role: &str) -> String {
    let email = world.copied_member(place, role);
    let (elsewhere, person) = (world.elsewhere.id, world.person_of(&email));
    world.database.execute(&format!(
        "INSERT INTO member (organisation_id, person_id, role, created_at) \
         VALUES ({elsewhere}, {person}, 'owner', 9000000000000)"
    ));
    email
}

async fn session(world: &World, email: &str, who: &str, right: Right, fresh: bool) -> Actor {
    let mut browser = Person::new(&world.dashboard);
    // All come from one address, of which few passwords are checked at a time.
    let mut page = browser.log_in(email, PASSWORD).await;
    let deadline = Instant::now() + PATIENCE;
    while page.status == 503 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        page = browser.log_in(email, PASSWORD).await;
    }
    assert_eq!(page.status, 303, "{}", page.text());
    let person = world.person_of(email);
    let proof = if fresh { "" } else { ", not proved lately" };
    if !fresh {
        let long_ago = format!("UPDATE session SET proved_at = 1 WHERE person_id = {person}");
        world.database.execute(&long_ago);
    }
    let means = Means::Session(Box::new(browser));
    Actor {
        name: format!("{who}, session{proof}"),
        email: email.to_owned(),
        person,
        standing: Standing::Session(right, fresh),
        means,
    }
}

async fn token(
    world: &World,
    place: &Place,
    email: &str,
    who: &str,
    right: Right,
    (scope, worth): (&str, Option<Right>),
) -> Actor {
    let added = world.dashboard.add_token(email, &place.organisation, scope);
    Actor {
        name: format!("{who}, token of scope {scope}"),
        email: email.to_owned(),
        person: world.person_of(email),
        standing: Standing::Token(right, worth),
        means: Means::Token(added.await),
    }
}

fn somebody(name: &str, standing: Standing, means: Means) -> Actor {
    Actor {
        name: name.to_owned(),
        email: "nobody@ours.example".to_owned(),
        person: 0,
        standing,
        means,
    }
}
