//! What is done to an account is told to its owner, by mail.

use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{OWNER, PASSWORD};
use server_scout_tests::{Fleet, Postbox};

use super::{PAGE, set_up};

#[tokio::test]
async fn the_owner_of_an_account_hears_by_mail_what_was_done_to_it() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let fleet = Fleet::with(setup).await;
    let mut owner = fleet.owner().await;
    let (app, codes) = set_up(&mut owner).await;
    let mail = postbox.mail(OWNER, "second factor was added").await;
    for secret in [&app.seed, &codes[0]] {
        assert!(!mail.text().contains(secret.as_str()), "{}", mail.text());
    }
    assert!(mail.text().contains("It came from 127.0.0.1."));
    assert!(mail.text().contains("If it was not you"));

    let mut person = fleet.stranger();
    let _ = person.log_in(OWNER, PASSWORD).await;
    let code = [("recovery_code", codes[0].as_str())];
    let done = person.submit("/login/second-factor", &code).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let _ = postbox.mail(OWNER, "recovery code was used").await;

    let page = person.get(PAGE).await.text();
    let renewed = person.submit("/account/second-factor/recovery-codes", &[]);
    assert_eq!(renewed.await.status, 200);
    let _ = postbox.mail(OWNER, "recovery codes were replaced").await;
    let (_, factor) = page
        .split_once("name=\"factor\" value=\"")
        .expect("a factor");
    let factor = factor.split('"').next().unwrap();
    let removed = person
        .submit("/account/second-factor/remove", &[("factor", factor)])
        .await;
    assert_eq!(removed.status, 303, "{}", removed.text());
    let _ = postbox.mail(OWNER, "second factor was removed").await;
    assert_eq!(postbox.mails().len(), 4, "each is told once");
}
