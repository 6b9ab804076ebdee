//! Groups, and members who see some of them alone.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Fleet;
use crate::fleet::{ORGANISATION, PASSWORD};
use crate::wait::{PATIENCE, until};

impl Fleet {
    /// Makes a group and returns its id.
    pub async fn add_group(&self, name: &str) -> String {
        let body = json!({ "name": name });
        let answer = self
            .call(Method::POST, "/api/v1/groups", &self.token, Some(&body))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let id = answer.json()["id"].as_str().map(str::to_owned);
        id.expect("a group has an id")
    }

    /// Puts a server into a group, with `PUT`, or takes it out, with `DELETE`.
    pub async fn set_in_group(&self, method: Method, group: &str, server: &str) {
        let path = format!("/api/v1/groups/{group}/servers/{server}");
        let answer = self.call(method, &path, &self.token, None).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Adds a member who is limited to the servers of these groups, and returns the id.
    pub async fn limited_member(&self, email: &str, role: &str, groups: &[&str]) -> String {
        self.dashboard
            .add_user(email, ORGANISATION, role, PASSWORD)
            .await;
        let person = self.person_id(email).await;
        self.limit(&person, groups).await;
        person
    }

    /// Limits a member to the servers of these groups.
    pub async fn limit(&self, person: &str, groups: &[&str]) {
        let path = format!("/api/v1/people/{person}/groups");
        let body = json!({ "limited": true, "groups": groups });
        let answer = self
            .call(Method::PUT, &path, &self.token, Some(&body))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The id of the person with that address, as the audit log tells it.
    pub async fn person_id(&self, email: &str) -> String {
        until("the person is in the audit log", PATIENCE, async || {
            let events = self.get("/api/v1/audit-events?action=person.added").await;
            let events = events.json();
            let items = events["items"].as_array().cloned().unwrap_or_default();
            let added = items.iter().find(|event| event["object"] == email)?;
            added["object_id"].as_str().map(str::to_owned)
        })
        .await
    }

    /// The names of the servers that a token sees, with this query.
    pub async fn names(&self, token: &str, query: &str) -> Vec<String> {
        let path = format!("/api/v1/servers{query}");
        let answer = self.call(Method::GET, &path, token, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let list = answer.json();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .filter_map(|server: &Value| server["name"].as_str().map(str::to_owned))
            .collect()
    }
}
