//! What people say of a server, and its deletion, without a script.

use serde_json::json;
use server_scout_tests::fleet::{ORGANISATION, PASSWORD};
use server_scout_tests::{Fleet, report};

#[tokio::test]
async fn name_description_and_tags_are_changed_on_the_settings_page() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let path = format!("/servers/{}/settings", fleet.server.id);
    assert_eq!(owner.get(&path).await.status, 200);
    let saved = owner
        .submit(
            &path,
            &[
                ("name", "web-9"),
                ("description", "The shop.\r\n<b>Rack 4</b>"),
                ("tags", "eu, web  env:prod"),
            ],
        )
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let state = fleet.state().await;
    assert_eq!(state["name"], "web-9");
    assert_eq!(state["description"], "The shop.\n<b>Rack 4</b>");
    assert_eq!(state["tags"], json!(["env:prod", "eu", "web"]));
    let page = owner.get(&format!("/servers/{}", fleet.server.id)).await;
    let page = page.text();
    assert!(
        page.contains("&lt;b&gt;Rack 4") && !page.contains("<b>Rack"),
        "{page}"
    );
    let actions = fleet.get("/api/v1/audit-events?action=server").await.text();
    for action in ["server.renamed", "server.described", "server.tagged"] {
        assert!(actions.contains(action), "{action}: {actions}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_comes_back_with_the_reason_and_what_was_typed() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let path = format!("/servers/{}/settings", fleet.server.id);
    owner.get(&path).await;
    let long = "x".repeat(501);
    for (name, description, tags) in [
        ("", "", ""),
        ("p\u{430}ypal", "", ""),
        ("web", &*long, ""),
        ("web", "a\u{202e}b", ""),
        ("web", "", "Web"),
        ("web", "", "a a"),
        ("web", "", "<script>"),
    ] {
        let fields = [("name", name), ("description", description), ("tags", tags)];
        let refused = owner.submit(&path, &fields).await;
        assert_eq!(refused.status, 422, "{fields:?}: {}", refused.text());
        let page = refused.text();
        assert!(
            page.contains("role=\"alert\"") && !page.contains("<script>"),
            "{page}"
        );
    }
    assert_eq!(fleet.state().await["name"], "web-1");
    let unknown = json!({ "name": "x", "id": "0123456789abcdef" });
    let unknown = fleet
        .call(
            reqwest::Method::PATCH,
            &format!("/api/v1/servers/{}", fleet.server.id),
            &fleet.token,
            Some(&unknown),
        )
        .await;
    assert!([400, 422].contains(&unknown.status), "{}", unknown.text());
}

#[tokio::test]
async fn a_server_is_deleted_by_typing_its_name() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let mut owner = fleet.owner().await;
    let path = format!("/servers/{}/delete", fleet.server.id);
    let page = owner.get(&path).await.text();
    assert!(page.contains("Type the name"), "{page}");
    for wrong in ["", "web", "WEB-1"] {
        let refused = owner.submit(&path, &[("name", wrong)]).await;
        assert_eq!(refused.status, 422, "{wrong:?}: {}", refused.text());
    }
    assert_eq!(fleet.state().await["name"], "web-1");

    let deleted = owner.submit(&path, &[("name", " web-1 ")]).await;
    assert_eq!(deleted.status, 303, "{}", deleted.text());
    let path = format!("/api/v1/servers/{}", fleet.server.id);
    assert_eq!(fleet.get(&path).await.status, 404);
    assert_eq!(fleet.report(&report::seed()).await.status, 401);
}

#[tokio::test]
async fn a_viewer_is_shown_no_settings_of_a_server() {
    let fleet = Fleet::start().await;
    fleet
        .dashboard
        .add_user("viewer@example.org", ORGANISATION, "viewer", PASSWORD)
        .await;
    let mut viewer = fleet.stranger();
    viewer.log_in("viewer@example.org", PASSWORD).await;
    let server = format!("/servers/{}", fleet.server.id);
    let page = viewer.get(&server).await.text();
    assert!(!page.contains(&format!("{server}/settings")), "{page}");
    for page in ["settings", "delete"] {
        let path = format!("{server}/{page}");
        assert_eq!(viewer.get(&path).await.status, 403, "{page}");
        let form = viewer.submit(&path, &[("name", "web-1")]).await;
        assert_eq!(form.status, 403, "{page}: {}", form.text());
    }
    let groups = viewer.submit(&format!("{server}/groups"), &[]).await;
    assert_eq!(groups.status, 403, "{}", groups.text());
}
