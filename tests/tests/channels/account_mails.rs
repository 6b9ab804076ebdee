//! Mails of accounts where another process sends: sealed until that one takes them, and gone once sent.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::PASSWORD;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Database, Postbox};

use super::kill::{end_lease, left_alone, notify};

const GUEST: &str = "guest@example.org";

#[tokio::test]
async fn a_dashboard_without_a_way_out_leaves_mails_of_accounts_sealed_to_the_sender() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let (fleet, setup) = left_alone(setup).await;
    let database = Database::of(&fleet.dashboard);
    end_lease(&database);

    let new = json!({ "email": GUEST, "role": "viewer" });
    let invited = fleet
        .call(
            Method::POST,
            "/api/v1/invitations",
            &fleet.token,
            Some(&new),
        )
        .await;
    assert_eq!(invited.status, 201, "{}", invited.text());
    assert!(invited.json()["link"].is_null(), "{}", invited.text());
    let waiting = || database.texts("SELECT hex(sealed_mail) AS text FROM account_mail");
    until("the mail is left", PATIENCE, async || {
        (waiting().len() == 1).then_some(())
    })
    .await;
    // `ssl_`, which links begin with, and the address.
    for hex in ["73736C5F", "6775657374406578616D706C65"] {
        assert!(!waiting()[0].contains(hex), "{hex} stands in it");
    }
    // It opens under another master key as well.
    let rotated = fleet.dashboard.command(&["master-key", "rotate"], "").await;
    let _ = rotated.success();
    assert!(postbox.mails().is_empty(), "somebody else sent it");

    let sender = notify(&setup).await;
    let mail = postbox.mail(GUEST, "invited").await;
    assert!(mail.header("Message-ID").starts_with("<mail_"));
    until("nothing is left of it", PATIENCE, async || {
        waiting().is_empty().then_some(())
    })
    .await;
    let link = mail.link(&fleet.dashboard.origin());
    let mut guest = fleet.stranger();
    let fields = [("name", ""), ("password", PASSWORD)];
    assert_eq!(guest.submit(&link, &fields).await.status, 303);
    let logs = [sender.stderr(), fleet.dashboard.program().stderr()].concat();
    for secret in [link.rsplit('/').next().unwrap(), GUEST] {
        assert!(!logs.contains(secret), "{secret} stands in the log");
    }
    assert_eq!(postbox.mails().len(), 1);
}
