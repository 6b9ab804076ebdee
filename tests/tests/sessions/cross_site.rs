//! What other sites make a browser send is refused.

use reqwest::Method;
use server_scout_tests::fleet::answer;
use server_scout_tests::{Fleet, Person};

/// A form that would add a server, sent with the session's cookie, with or without the rest.
async fn add_server(
    person: &Person,
    token: Option<&str>,
    headers: &[(&str, &str)],
) -> server_scout_tests::https::Answer {
    let mut request = person.request(Method::POST, "/servers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut fields = vec![("name", "planted")];
    fields.extend(token.map(|token| ("csrf_token", token)));
    answer(request.form(&fields)).await
}

async fn assert_nothing_added(fleet: &Fleet) {
    let list = fleet.get("/api/v1/servers").await.text();
    assert!(!list.contains("planted"), "{list}");
}

#[tokio::test]
async fn a_form_without_the_right_token_is_403() {
    let fleet = Fleet::start().await;
    let person = fleet.owner().await;
    let token = person.csrf_token.clone().expect("pages carry a token");
    let other = fleet.owner().await.csrf_token.expect("pages carry a token");
    assert_ne!(token, other, "a token belongs to one session");
    let own = [("Sec-Fetch-Site", "same-origin")];

    for wrong in [
        None,
        Some(""),
        Some("wrong"),
        Some(&token[1..]),
        Some(other.as_str()),
    ] {
        let page = add_server(&person, wrong, &own).await;
        assert_eq!(page.status, 403, "{wrong:?}: {}", page.text());
    }
    assert_nothing_added(&fleet).await;
    assert!(
        person.is_logged_in().await,
        "the session itself is not harmed"
    );
    assert!([200, 303].contains(&add_server(&person, Some(&token), &own).await.status));
}

#[tokio::test]
async fn a_form_of_another_origin_is_403_even_with_the_token() {
    let fleet = Fleet::start().await;
    let person = fleet.owner().await;
    let token = person.csrf_token.clone().expect("pages carry a token");
    let other_port = format!("https://localhost:{}", fleet.dashboard.address().port() ^ 1);
    let plain = fleet.dashboard.origin().replace("https", "http");

    for headers in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", &other_port)],
        &[("Origin", &plain)],
        &[("Origin", "https://localhost.evil.example")],
        &[],
    ] {
        let page = add_server(&person, Some(&token), headers).await;
        assert_eq!(page.status, 403, "{headers:?}: {}", page.text());
    }
    assert_nothing_added(&fleet).await;

    let origin = fleet.dashboard.origin();
    let page = add_server(&person, Some(&token), &[("Origin", &origin)]).await;
    assert!([200, 303].contains(&page.status), "{}", page.text());
}

#[tokio::test]
async fn changes_through_the_api_with_a_cookie_need_the_same() {
    let fleet = Fleet::start().await;
    let person = fleet.owner().await;
    let path = format!("/api/v1/servers/{}", fleet.server.id);
    for (method, path) in [
        (Method::POST, "/api/v1/servers"),
        (Method::PATCH, path.as_str()),
        (Method::DELETE, path.as_str()),
    ] {
        for site in [
            None,
            Some("cross-site"),
            Some("same-site"),
            Some("same-origin"),
        ] {
            let mut request = person.request(method.clone(), path);
            if let Some(site) = site {
                request = request.header("Sec-Fetch-Site", site);
            }
            let request = request.json(&serde_json::json!({ "name": "planted", "paused": true }));
            let page = answer(request).await;
            // Even from its own origin a cookie alone, without the token, changes nothing.
            assert!(
                [403, 422].contains(&page.status),
                "{method} {site:?}: {}",
                page.text()
            );
        }
    }
    assert_nothing_added(&fleet).await;
    assert_eq!(fleet.get(&path).await.status, 200, "nothing was deleted");
}

#[tokio::test]
async fn logging_in_from_another_site_is_refused() {
    let fleet = Fleet::start().await;
    let stranger = fleet.stranger();
    let fields = [
        ("email", server_scout_tests::fleet::OWNER),
        ("password", server_scout_tests::fleet::PASSWORD),
    ];
    for headers in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.example"),
    ] {
        let request = stranger
            .request(Method::POST, "/login")
            .header(headers.0, headers.1);
        let page = answer(request.form(&fields)).await;
        assert_eq!(page.status, 403, "{headers:?}: {}", page.text());
        assert!(page.header("set-cookie").is_none());
    }
}

#[tokio::test]
async fn nobody_else_may_read_answers_from_a_script() {
    let fleet = Fleet::start().await;
    for path in ["/api/v1/servers", "/servers", "/healthz"] {
        let request = fleet
            .client()
            .get(fleet.dashboard.url(path))
            .bearer_auth(&fleet.token);
        let page = answer(request.header("Origin", "https://evil.example")).await;
        let allowed: Vec<_> = page
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("access-control"))
            .collect();
        assert!(allowed.is_empty(), "{path}: {allowed:?}");
    }
}
