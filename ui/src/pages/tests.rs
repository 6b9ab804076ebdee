#![expect(
    clippy::unwrap_used,
    reason = "a page that does not render must fail its test"
)]

mod single;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Pages, TEMPLATES, samples};
use crate::helpers::conditions;
use crate::views::{
    AccountView, AgentKeyMadeView, AgentKeysView, ConfirmView, EnrolmentView, FirstOwnerView,
    ForgotPasswordView, InvitationJoinView, InvitationView, LoginView, MessageView, NewServerView,
    ProfileView, ResetPasswordView, SecondFactorView, SecondStepView, Section, ServerAddedView,
    ServerView, ServersFilter, ServersView, Status, TotpSetupView,
};

/// What hosts, people and addresses could send to leave their place in a page.
const HOSTILE: [&str; 8] = [
    "\"><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    "</title></textarea></script><img src=x onerror=alert(1)>",
    "`onload=alert(1)//${alert(1)}",
    "javascript:alert('<b>')",
    "\u{202e}<i>gnp.exe\u{2066}\u{200b}",
    "{{{frame.csrf_token}}}<b>{{x}}</b>",
];

#[test]
fn hostile_text_stays_text_in_every_field() {
    let pages = Pages::new().unwrap();
    let plain = every_page(&pages, "plain");
    for hostile in HOSTILE {
        for (expected, page) in plain.iter().zip(every_page(&pages, hostile)) {
            assert!(!page.contains(hostile), "{hostile:?} came out as it is");
            // A tag or an attribute more than with plain text would need one of these.
            for mark in ['<', '>', '"', '\'', '`'] {
                let count = |page: &str| page.matches(mark).count();
                assert_eq!(
                    count(&page),
                    count(expected),
                    "{mark} of {hostile:?} came through"
                );
            }
            for character in ['\u{202e}', '\u{2066}', '\u{200b}'] {
                assert!(!page.contains(character), "{character:?} came through");
            }
        }
    }
}

/// The test above means something only as long as the samples reach every field.
#[test]
fn the_samples_fill_every_field() {
    for view in [
        json!(samples::login("sample")),
        json!(samples::first_owner("sample")),
        json!(samples::account("sample")),
        json!(samples::confirm("sample")),
        json!(samples::second_factor("sample")),
        json!(samples::totp_setup("sample")),
        json!(samples::recovery_codes("sample")),
        json!(samples::requirement("sample")),
        json!(samples::retention("sample")),
        json!(samples::second_step("sample")),
        json!(samples::audit("sample")),
        json!(samples::people("sample")),
        json!(samples::organisation("sample")),
        json!(samples::organisations("sample")),
        json!(samples::profile("sample")),
        json!(samples::invitation("sample")),
        json!(samples::invitation_join("sample")),
        json!(samples::forgot_password("sample")),
        json!(samples::reset_password("sample")),
        json!(samples::confirm_email("sample")),
        json!(samples::confirm_channel("sample")),
        json!(samples::data("sample")),
        json!(samples::servers("sample")),
        json!(samples::server("sample", Status::Online)),
        json!(samples::new_server("sample")),
        json!(samples::server_added("sample")),
        json!(samples::server_settings("sample")),
        json!(samples::server_deletion("sample")),
        json!(samples::groups("sample")),
        json!(samples::group("sample")),
        json!(samples::member_groups("sample")),
        json!(samples::tokens("sample")),
        json!(samples::new_token("sample")),
        json!(samples::token_made("sample")),
        json!(samples::agent_keys("sample")),
        json!(samples::agent_key_made("sample")),
        json!(samples::enrolment("sample")),
        json!(samples::alerts("sample")),
        json!(samples::incident("sample")),
        json!(samples::alert_rules("sample")),
        json!(samples::alert_rule("sample")),
        json!(samples::maintenance("sample")),
        json!(samples::channels("sample")),
        json!(samples::new_channel("sample")),
        json!(samples::channel_key("sample")),
        json!(samples::channel("sample")),
        json!(samples::channel_deletion("sample")),
        json!(samples::heartbeat("sample")),
        json!(samples::message("sample")),
    ] {
        every_text_is(&view, "sample");
    }
}

#[test]
fn ids_cannot_leave_their_segment_of_a_path() {
    let pages = Pages::new().unwrap();
    for (id, link) in [
        ("srv_1", "href=\"/servers/srv_1\""),
        ("../login", "href=\"/servers/..%2Flogin\""),
        ("//example.org", "href=\"/servers/%2F%2Fexample.org\""),
        ("a?b#c", "href=\"/servers/a%3Fb%23c\""),
        ("..", "href=\"/servers/-\""),
        ("", "href=\"/servers/-\""),
        ("ü", "href=\"/servers/%C3%BC\""),
    ] {
        let page = pages.servers(&samples::servers(id)).unwrap();
        assert!(page.contains(link), "{id:?}");
    }
}

/// A condition that is never tried one way could hide a mistake there.
#[test]
fn every_condition_of_every_template_is_tried_both_ways() {
    let pages = Pages::new().unwrap();
    conditions::forget();
    every_page(&pages, "sample");
    pages.login(&LoginView::default()).unwrap();
    pages.first_owner(&FirstOwnerView::default()).unwrap();
    pages.account(&AccountView::default()).unwrap();
    pages.confirm(&ConfirmView::default()).unwrap();
    second_factors_the_other_way(&pages);
    let mut audit = samples::audit("sample");
    (audit.everybody, audit.next_before, audit.error) = (false, None, None);
    for event in &mut audit.events {
        event.detail.clear();
    }
    pages.audit(&audit).unwrap();
    audit.events.clear();
    pages.audit(&audit).unwrap();
    people_both_ways(&pages);
    let mut retention = samples::retention("sample");
    for row in &mut retention.rows {
        row.size_a_day = None;
    }
    pages.retention(&retention).unwrap();
    let mut data = samples::data("sample");
    data.error = None;
    pages.data(&data).unwrap();
    data.may_own = false;
    pages.data(&data).unwrap();
    pages.servers(&ServersView::default()).unwrap();
    pages
        .servers(&ServersView {
            may_add: true,
            ..ServersView::default()
        })
        .unwrap();
    let mut servers = samples::servers("sample");
    servers.next_after = None;
    servers.may_add = false;
    servers.servers.truncate(1);
    for row in &mut servers.servers {
        row.last_seen = None;
        row.unprotected = false;
        row.tags.clear();
    }
    servers.filter = ServersFilter::default();
    pages.servers(&servers).unwrap();
    servers.filter.status = "late".to_owned();
    servers.servers.clear();
    pages.servers(&servers).unwrap();
    pages.server(&ServerView::default()).unwrap();
    samples::empty_fleet(&pages);
    samples::alerts_the_other_way(&pages);
    samples::channels_the_other_way(&pages);
    pages.new_server(&NewServerView::default()).unwrap();
    pages.server_added(&ServerAddedView::default()).unwrap();
    pages.agent_keys(&AgentKeysView::default()).unwrap();
    let mut keys = samples::agent_keys("sample");
    for key in &mut keys.keys {
        (key.good, key.last_used) = (false, None);
    }
    pages.agent_keys(&keys).unwrap();
    pages.agent_key_made(&AgentKeyMadeView::default()).unwrap();
    pages.enrolment(&EnrolmentView::default()).unwrap();
    let named = EnrolmentView {
        name: Some("sample".to_owned()),
        ..EnrolmentView::default()
    };
    pages.enrolment(&named).unwrap();
    pages.message(&MessageView::default()).unwrap();

    let mut written = BTreeSet::new();
    for (_, template) in TEMPLATES {
        for part in template.split("{{#").skip(1) {
            let inside = part.split("}}").next().unwrap();
            if let Some((_, name)) = inside
                .split_once(' ')
                .filter(|(block, _)| matches!(*block, "if" | "unless"))
            {
                written.insert((name.to_owned(), false));
                written.insert((name.to_owned(), true));
            }
        }
    }
    assert!(written.len() > 20, "the conditions were not found");
    assert_eq!(conditions::seen(), written);
}

/// The conditions of the pages of people, the other way round than their samples.
fn people_both_ways(pages: &Pages) {
    let mut people = samples::people("sample");
    (people.next_after, people.link, people.notice, people.error) = (None, None, None, None);
    people.mails = false;
    for person in &mut people.people {
        (person.own, person.suspended) = (false, false);
        person.name.clear();
        person
            .roles
            .iter_mut()
            .for_each(|role| role.selected = false);
    }
    people
        .roles
        .iter_mut()
        .for_each(|role| role.selected = false);
    people.invitations.iter_mut().for_each(|row| row.by.clear());
    pages.people(&people).unwrap();
    people
        .people
        .iter_mut()
        .for_each(|person| person.changeable = false);
    people.invitations.clear();
    pages.people(&people).unwrap();
    let mut organisation = samples::organisation("sample");
    (
        organisation.may_change,
        organisation.notice,
        organisation.error,
    ) = (false, None, None);
    pages.organisation(&organisation).unwrap();
    let mut organisations = samples::organisations("sample");
    (
        organisations.may_add,
        organisations.notice,
        organisations.error,
    ) = (false, None, None);
    for row in &mut organisations.organisations {
        (row.current, row.open, row.suspended) = (false, false, false);
    }
    pages.organisations(&organisations).unwrap();
    pages.profile(&ProfileView::default()).unwrap();
    pages
        .invitation(&InvitationView {
            has_account: true,
            ..InvitationView::default()
        })
        .unwrap();
    pages
        .invitation_join(&InvitationJoinView::default())
        .unwrap();
    pages
        .forgot_password(&ForgotPasswordView::default())
        .unwrap();
    pages
        .forgot_password(&ForgotPasswordView {
            sent: true,
            ..ForgotPasswordView::default()
        })
        .unwrap();
    pages.reset_password(&ResetPasswordView::default()).unwrap();
}

#[test]
fn a_field_that_the_data_lacks_is_an_error() {
    let pages = Pages::new().unwrap();
    let frame = json!({ "organisation": "", "person": "", "csrf_token": "", "open_incidents": 0 });
    for page in [
        "login",
        "first_owner",
        "account",
        "confirm",
        "audit",
        "people",
        "organisation",
        "organisations",
        "profile",
        "invitation",
        "invitation_join",
        "forgot_password",
        "reset_password",
        "confirm_email",
        "confirm_channel",
        "data",
        "servers",
        "server",
        "new_server",
        "server_added",
        "server_deletion",
        "server_settings",
        "group",
        "groups",
        "new_token",
        "token_made",
        "tokens",
        "agent_keys",
        "agent_key_made",
        "enrolment",
        "member_groups",
        "alerts",
        "incident",
        "alert_rules",
        "alert_rule",
        "maintenance",
        "channels",
        "new_channel",
        "channel_key",
        "channel",
        "channel_deletion",
        "heartbeat",
        "message",
    ] {
        for data in [
            json!({}),
            json!({ "title": "", "frame": null, "charts": false }),
            json!({ "title": "", "frame": frame, "charts": false, "view": {} }),
        ] {
            assert!(
                pages.templates.render(page, &data).is_err(),
                "{page} with {data}"
            );
        }
    }
}

#[test]
fn every_page_is_a_whole_document() {
    let pages = Pages::new().unwrap();
    for page in every_page(&pages, "sample") {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
        assert!(page.ends_with("</html>\n"));
        assert!(!page.contains("{{"), "a part was left as it stands");
        for once in ["<title>", "<h1", "<main ", "href=\"#content\""] {
            assert_eq!(page.matches(once).count(), 1, "{once}");
        }
        let ids: Vec<_> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let different: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), different.len(), "an id twice: {ids:?}");
        for attribute in ["for", "aria-describedby", "aria-labelledby"] {
            for rest in page.split(&format!(" {attribute}=\"")).skip(1) {
                let id = rest.split('"').next().unwrap();
                assert!(
                    ids.contains(&id),
                    "{attribute} names {id}, which is not there"
                );
            }
        }
    }
}

fn every_page(pages: &Pages, text: &str) -> Vec<String> {
    let mut rendered = vec![
        pages.login(&samples::login(text)).unwrap(),
        pages.first_owner(&samples::first_owner(text)).unwrap(),
        pages.account(&samples::account(text)).unwrap(),
        pages.confirm(&samples::confirm(text)).unwrap(),
        pages.second_factor(&samples::second_factor(text)).unwrap(),
        pages.totp_setup(&samples::totp_setup(text)).unwrap(),
        pages
            .recovery_codes(&samples::recovery_codes(text))
            .unwrap(),
        pages.requirement(&samples::requirement(text)).unwrap(),
        pages.retention(&samples::retention(text)).unwrap(),
        pages.second_step(&samples::second_step(text)).unwrap(),
        pages.audit(&samples::audit(text)).unwrap(),
        pages.people(&samples::people(text)).unwrap(),
        pages.organisation(&samples::organisation(text)).unwrap(),
        pages.organisations(&samples::organisations(text)).unwrap(),
        pages.profile(&samples::profile(text)).unwrap(),
        pages.invitation(&samples::invitation(text)).unwrap(),
        pages
            .invitation_join(&samples::invitation_join(text))
            .unwrap(),
        pages
            .forgot_password(&samples::forgot_password(text))
            .unwrap(),
        pages
            .reset_password(&samples::reset_password(text))
            .unwrap(),
        pages.confirm_email(&samples::confirm_email(text)).unwrap(),
        pages
            .confirm_channel(&samples::confirm_channel(text))
            .unwrap(),
        pages.data(&samples::data(text)).unwrap(),
        pages.servers(&samples::servers(text)).unwrap(),
        pages.new_server(&samples::new_server(text)).unwrap(),
        pages.server_added(&samples::server_added(text)).unwrap(),
        pages
            .server_settings(&samples::server_settings(text))
            .unwrap(),
        pages
            .server_deletion(&samples::server_deletion(text))
            .unwrap(),
        pages.groups(&samples::groups(text)).unwrap(),
        pages.group(&samples::group(text)).unwrap(),
        pages.member_groups(&samples::member_groups(text)).unwrap(),
        pages.tokens(&samples::tokens(text)).unwrap(),
        pages.new_token(&samples::new_token(text)).unwrap(),
        pages.token_made(&samples::token_made(text)).unwrap(),
        pages.agent_keys(&samples::agent_keys(text)).unwrap(),
        pages
            .agent_key_made(&samples::agent_key_made(text))
            .unwrap(),
        pages.enrolment(&samples::enrolment(text)).unwrap(),
        pages.alerts(&samples::alerts(text)).unwrap(),
        pages.incident(&samples::incident(text)).unwrap(),
        pages.alert_rules(&samples::alert_rules(text)).unwrap(),
        pages.alert_rule(&samples::alert_rule(text)).unwrap(),
        pages.maintenance(&samples::maintenance(text)).unwrap(),
        pages.channels(&samples::channels(text)).unwrap(),
        pages.new_channel(&samples::new_channel(text)).unwrap(),
        pages.channel_key(&samples::channel_key(text)).unwrap(),
        pages.channel(&samples::channel(text)).unwrap(),
        pages
            .channel_deletion(&samples::channel_deletion(text))
            .unwrap(),
        pages.heartbeat(&samples::heartbeat(text)).unwrap(),
        pages.message(&samples::message(text)).unwrap(),
    ];
    for status in Status::ALL {
        rendered.push(pages.server(&samples::server(text, status)).unwrap());
    }
    rendered
}

fn second_factors_the_other_way(pages: &Pages) {
    let empty = SecondFactorView::default();
    let locked = SecondFactorView {
        locked: true,
        required_by: Some("Acme".to_owned()),
        ..SecondFactorView::default()
    };
    let mut unused = samples::second_factor("sample");
    unused.recovery_codes_left = 1;
    if let Some(totp) = &mut unused.totp {
        totp.used = None;
    }
    for view in [empty, locked, unused] {
        pages.second_factor(&view).unwrap();
    }
    let mut requirement = samples::requirement("sample");
    (requirement.notice, requirement.error) = (None, None);
    requirement.required = true;
    pages.requirement(&requirement).unwrap();
    requirement.may_change = false;
    pages.requirement(&requirement).unwrap();
    pages.totp_setup(&TotpSetupView::default()).unwrap();
    pages.second_step(&SecondStepView::default()).unwrap();
}

/// Every text in `value` is `text`, and nothing is absent; a status is one of its words.
fn every_text_is(value: &Value, text: &str) {
    match value {
        Value::Null => panic!("a field is not filled"),
        Value::String(found) => {
            let status = Status::ALL.iter().any(|status| status.as_str() == found);
            let fixed = Section::ALL
                .iter()
                .any(|section| section.words().contains(&found.as_str()));
            assert!(status || fixed || found == text, "a field holds {found:?}");
        }
        Value::Array(items) => {
            // The first value has a label, the second is the host's.
            assert!(!items.is_empty(), "a list is empty");
            items
                .iter()
                .take(1)
                .for_each(|item| every_text_is(item, text));
        }
        Value::Object(fields) => fields.values().for_each(|field| every_text_is(field, text)),
        Value::Bool(_) | Value::Number(_) => {}
    }
}
