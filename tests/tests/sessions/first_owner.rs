//! The one-time link that creates the first owner.

use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::{Dashboard, Person};

const FIELDS: [(&str, &str); 3] = [
    ("email", OWNER),
    ("password", PASSWORD),
    ("organisation", ORGANISATION),
];

/// A dashboard that waits for its first owner, and the path of the link.
async fn waiting() -> (Dashboard, String) {
    let mut dashboard = Dashboard::start().await;
    let token = dashboard.first_owner_token().await;
    (dashboard, format!("/first-owner/{token}"))
}

fn assert_dead(answer: &server_scout_tests::https::Answer) {
    assert!(
        [404, 410].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.text()
    );
}

#[tokio::test]
async fn the_link_creates_the_owner_who_is_logged_in_with_it() {
    let (dashboard, link) = waiting().await;
    let mut person = Person::new(&dashboard);
    let page = person.get(&link).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(
        page.header("cache-control")
            .is_some_and(|value| value.contains("no-store"))
    );

    let created = person.submit(&link, &FIELDS).await;

    assert_eq!(created.status, 303, "{}", created.text());
    assert!(person.is_logged_in().await);
    let mut later = Person::new(&dashboard);
    assert_eq!(later.log_in(OWNER, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn looking_at_the_link_changes_nothing() {
    let (dashboard, link) = waiting().await;
    for _ in 0..3 {
        let mut visitor = Person::new(&dashboard);
        assert_eq!(visitor.get(&link).await.status, 200);
        let head = answer(visitor.request(reqwest::Method::HEAD, &link)).await;
        assert!([200, 405].contains(&head.status), "{}", head.status);
    }

    let mut person = Person::new(&dashboard);
    let _ = person.get(&link).await;
    assert_eq!(person.submit(&link, &FIELDS).await.status, 303);
}

#[tokio::test]
async fn the_link_works_once() {
    let (dashboard, link) = waiting().await;
    let mut first = Person::new(&dashboard);
    let _ = first.get(&link).await;
    assert_eq!(first.submit(&link, &FIELDS).await.status, 303);

    let mut second = Person::new(&dashboard);
    assert_dead(&second.get(&link).await);
    let fields = [
        ("email", "b@example.org"),
        ("password", PASSWORD),
        ("organisation", "B"),
    ];
    assert_dead(&second.submit(&link, &fields).await);
    assert!(!second.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_becomes_owner() {
    let (dashboard, link) = waiting().await;
    let mut runners = tokio::task::JoinSet::new();
    for number in 0..8 {
        let mut person = Person::new(&dashboard);
        let link = link.clone();
        runners.spawn(async move {
            let email = format!("owner{number}@example.org");
            let fields = [
                ("email", email.as_str()),
                ("password", PASSWORD),
                ("organisation", "X"),
            ];
            person.submit(&link, &fields).await.status
        });
    }

    let mut created = 0;
    while let Some(status) = runners.join_next().await {
        let status = status.unwrap();
        assert!([303, 404, 410, 429, 503].contains(&status), "{status}");
        created += u32::from(status == 303);
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_mistake_in_the_form_does_not_use_up_the_link() {
    let (dashboard, link) = waiting().await;
    let mut person = Person::new(&dashboard);
    let _ = person.get(&link).await;
    for fields in [
        [
            ("email", OWNER),
            ("password", "short"),
            ("organisation", ORGANISATION),
        ],
        [
            ("email", "nobody"),
            ("password", PASSWORD),
            ("organisation", ORGANISATION),
        ],
        [
            ("email", OWNER),
            ("password", PASSWORD),
            ("organisation", ""),
        ],
    ] {
        let answer = person.submit(&link, &fields).await;
        assert!(
            [400, 422].contains(&answer.status),
            "{fields:?}: {}",
            answer.status
        );
        assert!(
            !answer.text().contains(PASSWORD),
            "the password is on the page"
        );
    }

    assert_eq!(person.submit(&link, &FIELDS).await.status, 303);
}

#[tokio::test]
async fn a_restart_voids_the_old_link_and_prints_a_new_one() {
    let (mut dashboard, old) = waiting().await;
    assert!(dashboard.stop().await.success());

    let mut dashboard = dashboard.again().await;
    let new = format!("/first-owner/{}", dashboard.first_owner_token().await);

    assert_ne!(new, old);
    let mut person = Person::new(&dashboard);
    assert_dead(&person.get(&old).await);
    assert_dead(&person.submit(&old, &FIELDS).await);
    assert_eq!(person.get(&new).await.status, 200);
}

#[tokio::test]
async fn an_owner_made_by_command_voids_the_link_and_ends_the_printing() {
    let (mut dashboard, link) = waiting().await;
    dashboard
        .add_user(OWNER, ORGANISATION, "owner", PASSWORD)
        .await;

    let mut person = Person::new(&dashboard);
    assert_dead(&person.get(&link).await);
    assert_dead(&person.submit(&link, &FIELDS).await);

    assert!(dashboard.stop().await.success());
    let dashboard = dashboard.again().await;
    assert!(
        !dashboard.program().stdout().contains("/first-owner/"),
        "it has an owner"
    );
}

#[tokio::test]
async fn the_link_stands_in_no_log_and_in_no_file() {
    let (mut dashboard, link) = waiting().await;
    let token = link.rsplit('/').next().unwrap().to_owned();
    assert!(token.len() >= 22, "128 bits at the least: {token}");
    let mut person = Person::new(&dashboard);
    let _ = person.get(&link).await;
    let _ = person.get(&format!("{link}x")).await;
    let _ = person.submit(&link, &FIELDS).await;
    let _ = person.get(&link).await;
    assert!(dashboard.stop().await.success());

    assert!(
        !dashboard.program().stderr().contains(&token),
        "{}",
        dashboard.program().stderr()
    );
    let times = dashboard.program().stdout().matches(&token).count();
    assert_eq!(times, 1, "{}", dashboard.program().stdout());
    for path in dashboard.setup().files() {
        let content = std::fs::read(&path).unwrap();
        for secret in [token.as_bytes(), PASSWORD.as_bytes()] {
            let found = content.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "a secret stands in {}", path.display());
        }
    }
}

#[tokio::test]
async fn guessed_links_are_nothing() {
    let (dashboard, link) = waiting().await;
    let mut person = Person::new(&dashboard);
    let mut almost = link.clone();
    let last = almost.pop().unwrap();
    almost.push(if last == 'A' { 'B' } else { 'A' });
    let long = format!("/first-owner/{}", "A".repeat(5000));
    for path in [
        "/first-owner/",
        "/first-owner/x",
        "/first-owner/%00",
        "/first-owner/..%2f",
        &almost,
        &long,
    ] {
        assert_dead(&person.get(path).await);
    }
}
