//! Somebody with a session, as a browser without script would act.

use reqwest::Method;

use crate::Dashboard;
use crate::fleet::answer;
use crate::https::Answer;

/// The session cookie's name.
pub const COOKIE: &str = "__Host-server-scout";
/// The name of the cookie of a login that waits for a second factor.
pub const STEP_COOKIE: &str = "__Host-server-scout-login";

/// A person at a browser: keeps the cookie, and sends what a browser sends on its own pages.
#[derive(Clone, Debug)]
pub struct Person {
    client: reqwest::Client,
    origin: String,
    /// The value of the session cookie.
    pub cookie: Option<String>,
    /// The value of the cookie of a login that waits.
    pub step: Option<String>,
    /// The token in the forms of the page seen last.
    pub csrf_token: Option<String>,
}

impl Person {
    /// Somebody who has never been here.
    #[must_use]
    pub fn new(dashboard: &Dashboard) -> Self {
        Self {
            client: dashboard.client(),
            origin: dashboard.origin(),
            cookie: None,
            step: None,
            csrf_token: None,
        }
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = answer(self.request(Method::GET, path)).await;
        self.remember(&answer);
        answer
    }

    /// Sends a form as the page's own button does, with the token of the page seen last.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut fields = fields.to_vec();
        let token = self.csrf_token.clone();
        if let Some(token) = &token {
            fields.push(("csrf_token", token));
        }
        let request = self.request(Method::POST, path);
        let request = request
            .header("Sec-Fetch-Site", "same-origin")
            .header("Origin", &self.origin);
        let answer = answer(request.form(&fields)).await;
        self.remember(&answer);
        answer
    }

    /// A request with its cookies and nothing else.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.origin));
        let cookies = [(COOKIE, &self.cookie), (STEP_COOKIE, &self.step)];
        let cookies: Vec<String> = cookies
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_deref()?)))
            .collect();
        if cookies.is_empty() {
            request
        } else {
            request.header("Cookie", cookies.join("; "))
        }
    }

    /// Logs in through the form.
    pub async fn log_in(&mut self, email: &str, password: &str) -> Answer {
        let _ = self.get("/login").await;
        let page = self
            .submit("/login", &[("email", email), ("password", password)])
            .await;
        if page.status == 303 {
            let _ = self.get("/servers").await;
        }
        page
    }

    /// Whether the dashboard still knows the session.
    pub async fn is_logged_in(&self) -> bool {
        answer(self.request(Method::GET, "/servers")).await.status == 200
    }

    fn remember(&mut self, answer: &Answer) {
        for cookie in set_cookies(answer) {
            for (name, kept) in [(COOKIE, &mut self.cookie), (STEP_COOKIE, &mut self.step)] {
                if let Some(value) = cookie.strip_prefix(&format!("{name}=")) {
                    let value = value.split(';').next().unwrap_or_default();
                    *kept = (!value.is_empty()).then(|| value.to_owned());
                }
            }
        }
        let text = answer.text();
        let token = text
            .split_once("name=\"csrf_token\"")
            .and_then(|(_, rest)| rest.split_once("value=\""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(token, _)| token.to_owned());
        self.csrf_token = token.or(self.csrf_token.take());
    }
}

/// The `Set-Cookie` headers of an answer.
#[must_use]
pub fn set_cookies(answer: &Answer) -> Vec<&str> {
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    set.map(|(_, value)| value.as_str()).collect()
}
