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

/// A dashboard with an owner, a token that may read and write, and one server.
#[derive(Debug)]
pub struct Fleet {
    /// The dashboard.
    pub dashboard: Dashboard,
    /// An access token of the owner with the scope `write`.
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
        let token = dashboard.add_token(OWNER, ORGANISATION, "write").await;
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

    /// What the dashboard holds of `metric` for every second from `from`, for `seconds` seconds:
    /// the averages, empty when it knows no such series.
    pub async fn history(
        &self,
        server: &str,
        metric: &str,
        from: Timestamp,
        seconds: i64,
    ) -> Vec<Option<f64>> {
        let to = from + SignedDuration::from_secs(seconds);
        let path = format!(
            "/api/v1/servers/{server}/metrics?names={metric}&from={from}&to={to}&points={seconds}"
        );
        let answer = self.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let Some(series) = answer["series"]
            .as_array()
            .and_then(|series| series.first())
        else {
            return Vec::new();
        };
        assert_eq!(answer["step_seconds"].as_f64(), Some(1.0), "{answer}");
        let averages = series["average"].as_array().cloned().unwrap_or_default();
        averages.iter().map(Value::as_f64).collect()
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
