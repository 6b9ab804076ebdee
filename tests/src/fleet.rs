//! A dashboard with an owner, a token and servers, ready for reports.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::dashboard::Setup;
use crate::{Dashboard, Person, https};

/// The owner's e-mail address.
pub const OWNER: &str = "owner@example.org";
/// The owner's password.
pub const PASSWORD: &str = "correct horse battery staple";
/// The organisation.
pub const ORGANISATION: &str = "Example";

/// One server that may report.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its agent key.
    pub key: String,
}

/// A dashboard with an owner, a token that may do everything, and one server.
#[derive(Debug)]
pub struct Fleet {
    /// The dashboard.
    pub dashboard: Dashboard,
    /// An access token of the owner with the scope `admin`.
    pub token: String,
    /// The first server.
    pub server: Server,
    client: reqwest::Client,
}

impl Fleet {
    /// A fleet of one server with the default settings.
    pub async fn start() -> Self {
        Self::with(Setup::new()).await
    }

    /// A fleet of one server with these settings.
    pub async fn with(setup: Setup) -> Self {
        let dashboard = setup.start().await;
        dashboard
            .add_user(OWNER, ORGANISATION, "owner", PASSWORD)
            .await;
        let token = dashboard.add_token(OWNER, ORGANISATION, "admin").await;
        let client = dashboard.client();
        let server = Server {
            id: String::new(),
            name: String::new(),
            key: String::new(),
        };
        let mut fleet = Self {
            dashboard,
            token,
            server,
            client,
        };
        fleet.server = fleet.add_server("web-1").await;
        fleet
    }

    /// The same dashboard after a restart on the same data.
    pub async fn again(self) -> Self {
        let dashboard = self.dashboard.again().await;
        let client = dashboard.client();
        Self {
            dashboard,
            client,
            ..self
        }
    }

    /// Adds a server by command.
    pub async fn add_server(&self, name: &str) -> Server {
        let key = self.dashboard.add_server(ORGANISATION, name).await;
        let servers = self.get("/api/v1/servers?limit=100").await.json();
        let items = servers["items"].as_array().cloned().unwrap_or_default();
        let server = items.iter().find(|server| server["name"] == name);
        let id = server.and_then(|server| server["id"].as_str());
        let id = id
            .unwrap_or_else(|| panic!("{name} is not in the list {servers}"))
            .to_owned();
        Server {
            id,
            name: name.to_owned(),
            key,
        }
    }

    /// A client that trusts the dashboard.
    #[must_use]
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Reads `path` with the token.
    pub async fn get(&self, path: &str) -> https::Answer {
        self.call(Method::GET, path, &self.token, None).await
    }

    /// Sends a request with a Bearer token.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> https::Answer {
        let mut request = self
            .client
            .request(method, self.dashboard.url(path))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }

    /// Sends a report, or an array of them, with the first server's key.
    pub async fn report(&self, body: &Value) -> https::Answer {
        self.report_as(&self.server.key, body).await
    }

    /// Sends a report, or an array of them, with `key`.
    pub async fn report_as(&self, key: &str, body: &Value) -> https::Answer {
        let url = self.dashboard.url("/api/v1/reports");
        answer(self.client.post(url).header("X-API-Key", key).json(body)).await
    }

    /// Reports, and panics unless every report of `body` was accepted now.
    pub async fn accepted(&self, body: &Value) {
        let answer = self.report(body).await;
        let expected = body.as_array().map_or(1, Vec::len);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["accepted"], expected, "{}", answer.text());
    }

    /// The first server as the API describes it.
    pub async fn state(&self) -> Value {
        self.state_of(&self.server.id).await
    }

    /// The server of that id as the API describes it.
    pub async fn state_of(&self, server: &str) -> Value {
        let answer = self.get(&format!("/api/v1/servers/{server}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["server"].clone()
    }

    /// The one series of `metric` that has no label, from `from`, for `seconds` seconds, in at
    /// most `points` steps; nothing when the dashboard knows nothing of it.
    pub async fn chart(
        &self,
        server: &str,
        metric: &str,
        from: Timestamp,
        seconds: i64,
        points: i64,
    ) -> Option<Chart> {
        let to = from + SignedDuration::from_secs(seconds);
        let path = format!(
            "/api/v1/servers/{server}/metrics?names={metric}&from={from}&to={to}&points={points}"
        );
        let answer = self.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let series = answer["series"].as_array()?.first()?;
        let list = |name: &str| series[name].as_array().cloned().unwrap_or_default();
        Some(Chart {
            step_seconds: answer["step_seconds"]
                .as_f64()
                .expect("steps have a length"),
            average: list("average").iter().map(Value::as_f64).collect(),
            count: list("count")
                .iter()
                .map(|count| count.as_u64().unwrap_or_default())
                .collect(),
        })
    }

    /// The mean of what the dashboard holds of `metric` for each single second from `from`.
    pub async fn history(
        &self,
        server: &str,
        metric: &str,
        from: Timestamp,
        seconds: i64,
    ) -> Vec<Option<f64>> {
        let mut history = Vec::new();
        for second in 0..seconds {
            let from = from + SignedDuration::from_secs(second);
            let chart = self.chart(server, metric, from, 1, 1).await;
            history.push(chart.and_then(|chart| chart.average.first().copied().flatten()));
        }
        history
    }

    /// Somebody who is not logged in.
    #[must_use]
    pub fn stranger(&self) -> Person {
        Person::new(&self.dashboard)
    }

    /// The owner, logged in.
    pub async fn owner(&self) -> Person {
        let mut person = self.stranger();
        let page = person.log_in(OWNER, PASSWORD).await;
        assert_eq!(
            page.status,
            StatusCode::SEE_OTHER.as_u16(),
            "{}",
            page.text()
        );
        person
    }
}

/// One series of a history.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The length of a step.
    pub step_seconds: f64,
    /// The mean of each step.
    pub average: Vec<Option<f64>>,
    /// How many reports each step has.
    pub count: Vec<u64>,
}

/// Sends `request` and reads the whole answer.
pub async fn answer(request: reqwest::RequestBuilder) -> https::Answer {
    let response = request
        .send()
        .await
        .unwrap_or_else(|error| panic!("no answer: {error:?}"));
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        })
        .collect();
    let body = response
        .bytes()
        .await
        .unwrap_or_else(|error| panic!("half an answer: {error:?}"));
    https::Answer {
        status,
        headers,
        body: body.to_vec(),
    }
}
