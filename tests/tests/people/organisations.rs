//! Several organisations of one person: going there, making one, leaving one.

use reqwest::Method;
use server_scout_tests::Fleet;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::person::set_cookies;

/// The id of an organisation of the person.
async fn id(person: &server_scout_tests::Person, name: &str) -> String {
    let list = answer(person.request(Method::GET, "/api/v1/organisations")).await;
    let list = list.json();
    let items = list["items"].as_array().unwrap();
    let found = items.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{list}"))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_person_goes_between_organisations_and_sees_one_at_a_time() {
    let fleet = Fleet::start().await;
    let dashboard = &fleet.dashboard;
    let added = dashboard
        .command(
            &[
                "user",
                "add",
                "--email",
                OWNER,
                "--organisation",
                "Customer",
            ],
            "",
        )
        .await;
    assert!(added.success().contains("as owner"));
    let mut person = fleet.owner().await;
    let before = person.clone();
    let mut stream = before
        .request(Method::GET, "/api/v1/live")
        .send()
        .await
        .unwrap();
    let page = person.get("/account/organisations").await.text();
    assert!(page.contains("Customer") && page.contains(ORGANISATION));
    assert!(person.get("/servers").await.text().contains("web-1"));

    let customer = id(&person, "Customer").await;
    let gone = person
        .submit("/organisations/switch", &[("organisation", &customer)])
        .await;
    assert_eq!(gone.status, 303, "{}", gone.text());
    assert!(
        set_cookies(&gone)
            .iter()
            .any(|cookie| cookie.contains("HttpOnly"))
    );
    assert_ne!(person.cookie, before.cookie);
    assert!(!before.is_logged_in().await, "the old id lives on");
    assert!(!person.get("/servers").await.text().contains("web-1"));
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    let patience = server_scout_tests::wait::PATIENCE;
    server_scout_tests::wait::within("the end of the old stream", patience, end).await;
    // The next login opens it again.
    let mut later = fleet.stranger();
    later.log_in(OWNER, PASSWORD).await;
    assert!(later.get("/servers").await.text().contains("Customer"));
    // The old form token went with the old id.
    let mut forged = person.clone();
    forged.csrf_token.clone_from(&before.csrf_token);
    let refused = forged
        .submit("/organisations/switch", &[("organisation", &customer)])
        .await;
    assert_eq!(refused.status, 403);
    for nothing in ["0000000000000000", "nonsense", ""] {
        let gone = person
            .submit("/organisations/switch", &[("organisation", nothing)])
            .await;
        assert_eq!(gone.status, 404, "{nothing:?}");
    }
}

#[tokio::test]
async fn an_owner_makes_an_organisation_renames_it_and_cannot_leave_it_ownerless() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let _ = owner.get("/account/organisations").await;
    let taken = owner
        .submit("/account/organisations", &[("name", ORGANISATION)])
        .await;
    assert_eq!(taken.status, 409);
    let made = owner
        .submit("/account/organisations", &[("name", "Customer <1>")])
        .await;
    assert_eq!(made.status, 303, "{}", made.text());
    let page = owner.get("/servers").await.text();
    assert!(page.contains("Customer &lt;1&gt;") && !page.contains("web-1"));

    let _ = owner.get("/settings/organisation").await;
    let renamed = owner
        .submit("/settings/organisation", &[("name", "Customer two")])
        .await;
    assert_eq!(renamed.status, 303, "{}", renamed.text());
    assert!(
        owner
            .get("/settings/organisation")
            .await
            .text()
            .contains("Customer two")
    );
    let here = id(&owner, "Customer two").await;
    let left = owner
        .submit("/account/organisations/leave", &[("organisation", &here)])
        .await;
    assert_eq!(left.status, 409, "{}", left.text());
    assert!(left.text().contains("keeps at least one owner"));
}

#[tokio::test]
async fn the_profile_says_what_a_person_is_called() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let _ = owner.get("/account/profile").await;
    let refused = owner
        .submit("/account/profile", &[("name", "a\u{202e}b")])
        .await;
    assert_eq!(refused.status, 422);
    let saved = owner
        .submit("/account/profile", &[("name", "Ada <b>")])
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let people = owner.get("/settings/people").await.text();
    assert!(people.contains("Ada &lt;b&gt;"), "{people}");
    // Without a mail server another address counts at once.
    let changed = owner
        .submit("/account/email", &[("email", "new@example.org")])
        .await;
    assert_eq!(changed.status, 303, "{}", changed.text());
    assert_eq!(fleet.stranger().log_in(OWNER, PASSWORD).await.status, 401);
    let mut later = fleet.stranger();
    assert_eq!(later.log_in("new@example.org", PASSWORD).await.status, 303);
}
