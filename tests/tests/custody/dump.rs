//! P4: after a full run neither the database, nor a backup, nor an export, nor the log holds any of
//! the secrets that were used. A new kind of secret is one more line `secrets.add(…)`.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::authenticator::AuthenticatorApp;
use server_scout_tests::certificates::Authority;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{ORGANISATION, answer};
use server_scout_tests::person::set_cookies;
use server_scout_tests::sink::Sink;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Dashboard, Person, Postbox, https, postbox, report};

use crate::search::Secrets;

const OWNER: &str = "keeper@example.org";
const PASSWORD: &str = "seventeen violet anchors";
const NEXT_PASSWORD: &str = "nineteen copper lanterns";
const WRONG_PASSWORD: &str = "eleven marble thistles";
/// A password in the field of the address.
const MISPLACED: &str = "thirteen amber saddles";

#[tokio::test]
async fn nothing_that_is_kept_holds_a_secret() {
    let (postbox, setup) = Postbox::start(Setup::new()).await;
    let authority = Authority::new();
    let ca = setup.home().join("receivers.pem");
    authority.write(&ca);
    let setup = setup
        .set("SERVERSCOUT_OUTBOUND__CA_FILE", ca.display().to_string())
        .set("SERVERSCOUT_OUTBOUND__ALLOW", "127.0.0.0/8,::1");
    let mut dashboard = setup.set("SERVERSCOUT_LOG", "trace").start().await;
    let mut secrets = Secrets::default();
    secrets.add("the mail server's password", postbox::PASSWORD);
    let file = dashboard.setup().data_dir().join("master.key");
    add_file(&mut secrets, "the first master key", &file);

    let mut owner = first_owner(&mut dashboard, &mut secrets).await;
    sessions(&dashboard, &mut owner, &mut secrets).await;
    second_factors(&dashboard, &mut owner, &mut secrets).await;
    let token = tokens(&dashboard, &mut secrets).await;
    let server = agents(&dashboard, &mut owner, &token, &mut secrets).await;
    enrolment(&dashboard, &server, &token, &mut secrets).await;
    mailed_links(&dashboard, &postbox, &token, &mut secrets).await;
    channels(&dashboard, &authority, &token, &mut secrets).await;
    let _ = dashboard
        .command(&["master-key", "rotate"], "")
        .await
        .success();
    add_file(&mut secrets, "the second master key", &file);

    let backup = dashboard.setup().home().join("backup.db");
    let target = backup.display().to_string();
    let _ = dashboard.command(&["backup", &target], "").await.success();
    let exports = exports(&mut owner).await;
    look(
        &secrets,
        "the database while it is open",
        &files(&dashboard),
    );
    let _ = dashboard.stop().await;
    look(&secrets, "the database", &files(&dashboard));
    look(&secrets, "the backup", &read(&backup));
    look(&secrets, "the exports", &exports);
    look(&secrets, "the log", dashboard.program().stderr().as_bytes());

    // It would be no proof if nothing could be found there.
    let mut known = Secrets::default();
    known.add("an address", OWNER);
    for content in [files(&dashboard), read(&backup), exports] {
        assert_eq!(known.found_in(&content), ["an address"]);
    }
    let log = dashboard.program().stderr();
    assert!(log.contains("audit head"), "{log}");
}

/// Opens the first owner's link.
async fn first_owner(dashboard: &mut Dashboard, secrets: &mut Secrets) -> Person {
    let link = dashboard.first_owner_token().await;
    secrets.add("the first owner's link", &link);
    secrets.add("a password", PASSWORD);
    let mut owner = Person::new(dashboard);
    let path = format!("/first-owner/{link}");
    let _ = owner.get(&path).await;
    let fields = [
        ("email", OWNER),
        ("password", PASSWORD),
        ("organisation", ORGANISATION),
    ];
    let made = owner.submit(&path, &fields).await;
    assert_eq!(made.status, 303, "{}", made.text());
    remember(&owner, &made, secrets);
    owner
}

/// Logs in, rightly and wrongly, confirms, and changes the password.
async fn sessions(dashboard: &Dashboard, owner: &mut Person, secrets: &mut Secrets) {
    secrets.add("a wrong password", WRONG_PASSWORD);
    secrets.add("a password in the wrong field", MISPLACED);
    secrets.add("the next password", NEXT_PASSWORD);
    let mut other = Person::new(dashboard);
    for (email, password) in [
        (OWNER, WRONG_PASSWORD),
        ("nobody@example.org", WRONG_PASSWORD),
        (MISPLACED, WRONG_PASSWORD),
    ] {
        assert_eq!(other.log_in(email, password).await.status, 401);
    }
    let logged_in = other.log_in(OWNER, PASSWORD).await;
    assert_eq!(logged_in.status, 303);
    remember(&other, &logged_in, secrets);

    let _ = owner.get("/account").await;
    let wrong = owner
        .submit("/confirm", &[("password", WRONG_PASSWORD)])
        .await;
    assert_eq!(wrong.status, 422);
    let confirmed = owner.submit("/confirm", &[("password", PASSWORD)]).await;
    assert_eq!(confirmed.status, 303, "{}", confirmed.text());
    remember(owner, &confirmed, secrets);
    let _ = owner.get("/account").await;
    let fields = [("present_password", PASSWORD), ("password", NEXT_PASSWORD)];
    let changed = owner.submit("/account/password", &fields).await;
    assert_eq!(changed.status, 303, "{}", changed.text());
    remember(owner, &changed, secrets);
    let _ = owner.get("/account").await;
}

/// Sets codes by time up, and logs in with one of them and with a recovery code.
async fn second_factors(dashboard: &Dashboard, owner: &mut Person, secrets: &mut Secrets) {
    let begun = owner.submit("/account/second-factor/totp/begin", &[]).await;
    assert_eq!(begun.status, 303, "{}", begun.text());
    let page = owner.get("/account/second-factor/totp").await;
    let app = AuthenticatorApp::of_page(&page);
    secrets.add("a seed as it is shown", &app.seed);
    let seed = totp_rs::Secret::try_from_base32(&app.seed).expect("a seed");
    secrets.add_bytes("a seed", seed.as_bytes());
    let code = app.code(0);
    let done = owner
        .submit("/account/second-factor/totp", &[("code", &code)])
        .await;
    assert_eq!(done.status, 200, "{}", done.text());
    remember(owner, &done, secrets);
    let text = done.text();
    let codes = text.split("<li><code>").skip(1);
    let codes: Vec<&str> = codes.filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(codes.len(), 10);
    for code in &codes {
        secrets.add("a recovery code", code);
        secrets.add("a recovery code", &code.replace('-', ""));
    }
    let later = app.code(1);
    for (field, code) in [("code", later.as_str()), ("recovery_code", codes[0])] {
        let mut other = Person::new(dashboard);
        let _ = other.log_in(OWNER, NEXT_PASSWORD).await;
        secrets.add("a step of a login", other.step.as_deref().expect("a step"));
        let path = "/login/second-factor";
        let wrong = other.submit(path, &[("code", "000000")]).await;
        assert_eq!(wrong.status, 401);
        let done = other.submit(path, &[(field, code)]).await;
        assert_eq!(done.status, 303, "{}", done.text());
        secrets.add("a session", other.cookie.as_deref().expect("a session"));
    }
    let _ = owner.get("/account").await;
}

/// Makes a token of every scope and uses each; gives the one that may most.
async fn tokens(dashboard: &Dashboard, secrets: &mut Secrets) -> String {
    let mut last = String::new();
    for scope in ["metrics", "read", "write", "admin"] {
        let token = dashboard.add_token(OWNER, ORGANISATION, scope).await;
        secrets.add(&format!("a token of scope {scope}"), &token);
        let _ = call(dashboard, Method::GET, "/api/v1/servers", &token).await;
        last = token;
    }
    last
}

/// Makes agent keys by command, by page and in the API, and reports with each; gives a server's id.
async fn agents(
    dashboard: &Dashboard,
    owner: &mut Person,
    token: &str,
    secrets: &mut Secrets,
) -> String {
    let by_command = dashboard.add_server(ORGANISATION, "by-command").await;
    let page = owner
        .submit("/servers", &[("name", "by-page")])
        .await
        .text();
    let (_, rest) = page.split_once("ssa_").expect("the page shows the key");
    let by_page = format!("ssa_{}", &rest[..51]);
    let request = dashboard.client().post(dashboard.url("/api/v1/servers"));
    let request = request
        .bearer_auth(token)
        .json(&json!({ "name": "by-api" }));
    let added = answer(request).await.json();
    let by_api = added["agent_key"].as_str().expect("a key").to_owned();
    let server = added["server"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/servers/{server}/agent-keys");
    let another = call(dashboard, Method::POST, &path, token).await.json();
    let another = another["agent_key"].as_str().expect("a key").to_owned();
    for key in [&by_command, &by_page, &by_api, &another] {
        secrets.add("an agent key", key);
        let request = dashboard.client().post(dashboard.url("/api/v1/reports"));
        let reported = answer(request.header("X-API-Key", key).json(&report::seed())).await;
        assert_eq!(reported.status, 200, "{}", reported.text());
        // In a place where it opens nothing.
        let _ = call(dashboard, Method::GET, "/api/v1/servers", key).await;
    }
    server
}

/// Makes enrolment codes, and exchanges one for the successor of a server's key; one stays unused.
async fn enrolment(dashboard: &Dashboard, server: &str, token: &str, secrets: &mut Secrets) {
    let codes = "/api/v1/enrolment-codes";
    let made = ask(dashboard, codes, token, &json!({})).await;
    secrets.add("an unused enrolment code", code_in(&made));
    let made = ask(dashboard, codes, token, &json!({ "server": server })).await;
    let code = code_in(&made).to_owned();
    secrets.add("an enrolment code", &code);
    let exchange = json!({ "code": code, "hostname": "by-api", "agent_version": "0.1.0" });
    let done = ask(dashboard, "/api/v1/enrolments", "", &exchange).await;
    let key = done["agent_key"].as_str().expect("a key");
    secrets.add("an enrolled agent's key", key);
}

/// The secret alone, without the CA's fingerprint that an agent gets with it.
fn code_in(made: &Value) -> &str {
    let code = made["code"].as_str().expect("a code");
    code.split('.').next().expect("the secret")
}

/// Has an invitation, a link to another password and one of a channel mailed; none is used.
async fn mailed_links(
    dashboard: &Dashboard,
    postbox: &Postbox,
    token: &str,
    secrets: &mut Secrets,
) {
    let invited = json!({ "email": "invited@example.org", "role": "viewer" });
    let _ = ask(dashboard, "/api/v1/invitations", token, &invited).await;
    let recipient = "twentyseven-copper-combs@example.org";
    secrets.add("the address of a channel", recipient);
    let channel = json!({ "name": "Asked", "kind": "email", "recipient": recipient });
    let _ = ask(dashboard, "/api/v1/channels", token, &channel).await;
    let mut stranger = Person::new(dashboard);
    let _ = stranger.get("/forgot-password").await;
    let asked = stranger
        .submit("/forgot-password", &[("email", OWNER)])
        .await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    for (to, words) in [
        ("invited@example.org", "invited"),
        (OWNER, "another password"),
        (recipient, "May alerts be sent"),
    ] {
        let link = postbox.mail(to, words).await.link(&dashboard.origin());
        secrets.add(words, link.rsplit('/').next().expect("a token"));
    }
}

/// A webhook and a heartbeat that were used, before and after the rotation of the master key as they are sealed.
async fn channels(
    dashboard: &Dashboard,
    authority: &Authority,
    token: &str,
    secrets: &mut Secrets,
) {
    let receiver = Sink::start(&authority.leaf(&["localhost"])).await;
    for (name, secret) in [
        ("the path of a webhook", "twentyone-silver-kettles"),
        ("a header of a webhook", "twentythree-linen-lamps"),
        ("the address of a heartbeat", "twentyfive-woollen-bells"),
    ] {
        secrets.add(name, secret);
    }
    let new = json!({
        "name": "Receiver",
        "kind": "webhook",
        "address": format!("{}/twentyone-silver-kettles/end", receiver.origin()),
        "headers": { "X-Kept": "twentythree-linen-lamps" },
    });
    let added = ask(dashboard, "/api/v1/channels", token, &new).await;
    secrets.add("a signing key", added["signing_key"].as_str().unwrap());
    let id = added["channel"]["id"].as_str().unwrap();
    let path = format!("/api/v1/channels/{id}/test");
    let queued = call(dashboard, Method::POST, &path, token).await;
    assert_eq!(queued.status, 202, "{}", queued.text());
    until("the webhook is called", PATIENCE, async || {
        let heads = receiver.requests();
        heads
            .iter()
            .any(|head| head.contains("twentythree-linen-lamps"))
            .then_some(())
    })
    .await;
    let beat = json!({
        "address": format!("{}/twentyfive-woollen-bells/end", receiver.origin()),
        "every_minutes": 1440,
    });
    let set = dashboard.client().put(dashboard.url("/api/v1/heartbeat"));
    let set = answer(set.bearer_auth(token).json(&beat)).await;
    assert_eq!(set.status, 200, "{}", set.text());
    until("the heartbeat arrives", PATIENCE, async || {
        let heads = receiver.requests();
        heads
            .iter()
            .any(|head| head.starts_with("GET /twentyfive-woollen-bells/"))
            .then_some(())
    })
    .await;
}

/// Asks the API for something new.
async fn ask(dashboard: &Dashboard, path: &str, token: &str, body: &Value) -> Value {
    let request = dashboard.client().post(dashboard.url(path)).json(body);
    let made = answer(match token {
        "" => request,
        token => request.bearer_auth(token),
    });
    let made = made.await;
    assert_eq!(made.status, 201, "{path}: {}", made.text());
    made.json()
}

/// Everything that can be taken along.
async fn exports(owner: &mut Person) -> Vec<u8> {
    let mut all = Vec::new();
    for path in [
        "/settings/audit.csv",
        "/settings/audit.json",
        "/settings/data/export",
    ] {
        let taken = owner.get(path).await;
        assert_eq!(taken.status, 200, "{path}");
        match taken.header("content-type") {
            Some("application/gzip") => {
                let mut packed = flate2::read::GzDecoder::new(taken.body.as_slice());
                std::io::Read::read_to_end(&mut packed, &mut all).expect("an archive is whole");
            }
            _ => all.extend_from_slice(&taken.body),
        }
    }
    all
}

/// The cookies that came with an answer, and the token of the session's forms.
fn remember(person: &Person, answer: &https::Answer, secrets: &mut Secrets) {
    let cookies = set_cookies(answer);
    assert_eq!(cookies.len(), 2, "a session and a device");
    for cookie in cookies {
        let (name, rest) = cookie.split_once('=').expect("a cookie has a value");
        secrets.add(name, rest.split(';').next().unwrap_or_default());
    }
    if let Some(token) = &person.csrf_token {
        secrets.add("a form's token", token);
    }
}

async fn call(dashboard: &Dashboard, method: Method, path: &str, token: &str) -> https::Answer {
    let request = dashboard.client().request(method, dashboard.url(path));
    answer(request.bearer_auth(token)).await
}

fn look(secrets: &Secrets, place: &str, content: &[u8]) {
    assert!(!content.is_empty(), "{place} is empty");
    let found = secrets.found_in(content);
    assert!(found.is_empty(), "{place} holds {found:?}");
}

fn add_file(secrets: &mut Secrets, name: &str, file: &Path) {
    let text = std::fs::read_to_string(file).expect("the key's file can be read");
    secrets.add(name, text.trim());
}

/// All that the database consists of.
fn files(dashboard: &Dashboard) -> Vec<u8> {
    let directory = std::fs::read_dir(dashboard.setup().data_dir()).expect("the data directory");
    let paths = directory.map(|entry| entry.expect("an entry").path());
    let mut all = Vec::new();
    for path in paths.filter(|path| path.to_string_lossy().contains("server-scout.db")) {
        all.extend(read(&path));
    }
    all
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
