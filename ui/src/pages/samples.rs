//! View models with everything in them, for tests: every text is the one that is given.

mod alerts;
mod channels;
mod keys;
mod people;
mod retention;

pub(super) use self::alerts::{
    alert_rule, alert_rules, alerts, alerts_the_other_way, incident, maintenance,
};
pub(super) use self::channels::{
    channel, channel_deletion, channel_key, channels, channels_the_other_way, confirm_channel,
    heartbeat, new_channel,
};
pub(super) use self::keys::{agent_key_made, agent_keys, enrolment};
pub(super) use self::people::{
    confirm_email, forgot_password, invitation, invitation_join, organisation, organisations,
    people, profile, reset_password,
};
pub(super) use self::retention::retention;
use crate::views::{
    AccountView, AuditFilter, AuditRow, AuditView, Choice, ConfirmView, DataView, FactorRow,
    FirstOwnerView, Frame, GroupLink, GroupRow, GroupView, GroupsView, LoginView, MemberGroupsView,
    MessageView, NewServerView, NewTokenView, RecoveryCodesView, RequirementView, SecondFactorView,
    SecondStepView, Section, ServerAddedView, ServerDeletionView, ServerRow, ServerSettingsView,
    ServerView, ServersFilter, ServersView, SessionRow, Settings, Status, TagView, TokenMadeView,
    TokenRow, TokensView, TotpSetupView, ValueRow,
};

pub(super) fn login(text: &str) -> LoginView {
    LoginView {
        email: text.to_owned(),
        passkeys: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn first_owner(text: &str) -> FirstOwnerView {
    FirstOwnerView {
        email: text.to_owned(),
        organisation: text.to_owned(),
        password_min: 12,
        error: Some(text.to_owned()),
    }
}

pub(super) fn account(text: &str) -> AccountView {
    let session = |current| SessionRow {
        id: text.to_owned(),
        since: text.to_owned(),
        since_seconds_ago: 93_000,
        last_used: text.to_owned(),
        last_used_seconds_ago: 60,
        address: text.to_owned(),
        user_agent: text.to_owned(),
        current,
    };
    AccountView {
        frame: frame(text),
        role: text.to_owned(),
        sessions: vec![session(true), session(false)],
        has_factor: true,
        password_min: 12,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn confirm(text: &str) -> ConfirmView {
    ConfirmView {
        frame: frame(text),
        next: text.to_owned(),
        totp: true,
        passkeys: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn second_factor(text: &str) -> SecondFactorView {
    let factor = |used: Option<&str>| FactorRow {
        id: text.to_owned(),
        name: text.to_owned(),
        since: text.to_owned(),
        since_seconds_ago: 93_000,
        used: used.map(ToOwned::to_owned),
        used_seconds_ago: 60,
    };
    SecondFactorView {
        frame: frame(text),
        totp: Some(factor(Some(text))),
        passkeys: vec![factor(Some(text)), factor(None)],
        passkeys_work: true,
        recovery_codes_left: 10,
        required_by: Some(text.to_owned()),
        locked: false,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn totp_setup(text: &str) -> TotpSetupView {
    TotpSetupView {
        frame: frame(text),
        seed: text.to_owned(),
        error: Some(text.to_owned()),
    }
}

pub(super) fn recovery_codes(text: &str) -> RecoveryCodesView {
    RecoveryCodesView {
        frame: frame(text),
        codes: vec![text.to_owned(); 10],
    }
}

pub(super) fn requirement(text: &str) -> RequirementView {
    RequirementView {
        frame: frame(text),
        settings: Settings::at(Section::SecondFactor, true),
        required: false,
        members: 3,
        without: 1,
        may_change: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn second_step(text: &str) -> SecondStepView {
    SecondStepView {
        email: text.to_owned(),
        totp: true,
        passkeys: true,
        recovery_codes: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn audit(text: &str) -> AuditView {
    let text = || text.to_owned();
    AuditView {
        frame: frame(&text()),
        settings: Settings::at(Section::Audit, true),
        events: vec![AuditRow {
            number: text(),
            at: text(),
            when: text(),
            actor: text(),
            action: text(),
            object: text(),
            detail: text(),
            origin: text(),
        }],
        filter: AuditFilter {
            action: text(),
            from: text(),
            to: text(),
        },
        everybody: true,
        next_before: Some(text()),
        error: Some(text()),
    }
}

pub(super) fn data(text: &str) -> DataView {
    DataView {
        frame: frame(text),
        settings: Settings::at(Section::Data, true),
        may_own: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn servers(text: &str) -> ServersView {
    ServersView {
        frame: frame(text),
        servers: Status::ALL.map(|status| row(text, status)).to_vec(),
        filter: ServersFilter {
            search: text.to_owned(),
            tag: text.to_owned(),
            group: text.to_owned(),
            status: text.to_owned(),
            protection: text.to_owned(),
            groups: vec![group_link(text)],
            tags: vec![text.to_owned()],
        },
        next_after: Some(text.to_owned()),
        may_add: true,
    }
}

pub(super) fn server(text: &str, status: Status) -> ServerView {
    let value = |metric: &str, label: Option<&str>| ValueRow {
        metric: metric.to_owned(),
        meaning: text.to_owned(),
        by: text.to_owned(),
        label: label.map(ToOwned::to_owned),
        value: 1.5,
        unit: text.to_owned(),
    };
    ServerView {
        frame: frame(text),
        server: row(text, status),
        facts: vec![(text.to_owned(), text.to_owned())],
        description: text.to_owned(),
        groups: vec![group_link(text)],
        values: [value(text, Some(text)), value(text, None)]
            .into_iter()
            .chain((0..5).map(|number| value(&format!("network_{number}"), Some(text))))
            .collect(),
        dropped_series: 3,
        may_change: true,
        successor_expired: true,
        incidents: vec![alerts::row(text)],
        rules: vec![alerts::server_rule(text)],
    }
}

pub(super) fn new_server(text: &str) -> NewServerView {
    NewServerView {
        frame: frame(text),
        name: text.to_owned(),
        groups: choices(text),
        must_choose: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn server_added(text: &str) -> ServerAddedView {
    ServerAddedView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        agent_key: text.to_owned(),
        code: text.to_owned(),
        expires_at: text.to_owned(),
        url: text.to_owned(),
        ca_pem: Some(text.to_owned()),
        ca_sha256: Some(text.to_owned()),
    }
}

pub(super) fn server_settings(text: &str) -> ServerSettingsView {
    ServerSettingsView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        typed_name: text.to_owned(),
        description: text.to_owned(),
        tags: text.to_owned(),
        agent_tags: vec![text.to_owned()],
        groups: choices(text),
        may_group: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn server_deletion(text: &str) -> ServerDeletionView {
    ServerDeletionView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        error: Some(text.to_owned()),
    }
}

pub(super) fn groups(text: &str) -> GroupsView {
    GroupsView {
        frame: frame(text),
        settings: Settings::at(Section::Groups, true),
        groups: vec![GroupRow {
            id: text.to_owned(),
            name: text.to_owned(),
            servers: 2,
        }],
        may_change: true,
        typed_name: text.to_owned(),
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn group(text: &str) -> GroupView {
    GroupView {
        frame: frame(text),
        settings: Settings::at(Section::Groups, true),
        id: text.to_owned(),
        name: text.to_owned(),
        typed_name: text.to_owned(),
        error: Some(text.to_owned()),
    }
}

pub(super) fn member_groups(text: &str) -> MemberGroupsView {
    MemberGroupsView {
        frame: frame(text),
        settings: Settings::at(Section::People, true),
        id: text.to_owned(),
        email: text.to_owned(),
        limited: true,
        groups: choices(text),
    }
}

pub(super) fn tokens(text: &str) -> TokensView {
    let token = |expired| TokenRow {
        id: text.to_owned(),
        name: text.to_owned(),
        scope: text.to_owned(),
        email: text.to_owned(),
        expires: text.to_owned(),
        expired,
        last_used: Some(text.to_owned()),
        last_used_seconds_ago: 60,
        last_address: text.to_owned(),
    };
    TokensView {
        frame: frame(text),
        settings: Settings::at(Section::Tokens, true),
        tokens: vec![token(false), token(true)],
        everybody: true,
        may_see_all: true,
        next_after: Some(text.to_owned()),
        notice: Some(text.to_owned()),
    }
}

pub(super) fn new_token(text: &str) -> NewTokenView {
    NewTokenView {
        frame: frame(text),
        settings: Settings::at(Section::Tokens, true),
        name: text.to_owned(),
        scopes: choices(text),
        days: text.to_owned(),
        max_days: 365,
        error: Some(text.to_owned()),
    }
}

pub(super) fn token_made(text: &str) -> TokenMadeView {
    TokenMadeView {
        frame: frame(text),
        settings: Settings::at(Section::Tokens, true),
        name: text.to_owned(),
        scope: text.to_owned(),
        expires: text.to_owned(),
        access_token: text.to_owned(),
    }
}

/// The pages of servers, groups and tokens with nothing in them.
pub(super) fn empty_fleet(pages: &super::Pages) {
    let mut settings = server_settings("");
    (settings.notice, settings.error) = (None, None);
    settings.agent_tags.clear();
    settings.groups.clear();
    let mut forbidden = settings.clone();
    forbidden.may_group = false;
    let mut chosen = new_server("");
    chosen.must_choose = false;
    let mut deletion = server_deletion("");
    deletion.error = None;
    let mut groups = groups("");
    (groups.may_change, groups.notice, groups.error) = (false, None, None);
    let mut none = groups.clone();
    none.groups.clear();
    let mut group = group("");
    group.error = None;
    let mut unlimited = member_groups("");
    unlimited.limited = false;
    unlimited.groups.clear();
    let mut tokens = tokens("");
    (tokens.everybody, tokens.next_after, tokens.notice) = (false, None, None);
    for (row, used) in tokens
        .tokens
        .iter_mut()
        .zip([None, Some("once".to_owned())])
    {
        row.last_used = used;
        row.last_address.clear();
    }
    let mut nobody = tokens.clone();
    nobody.tokens.clear();
    nobody.may_see_all = false;
    let mut token = new_token("");
    token.error = None;
    for page in [
        pages.server_settings(&settings),
        pages.server_settings(&forbidden),
        pages.new_server(&chosen),
        pages.server_deletion(&deletion),
        pages.groups(&groups),
        pages.groups(&none),
        pages.group(&group),
        pages.member_groups(&unlimited),
        pages.tokens(&tokens),
        pages.tokens(&nobody),
        pages.new_token(&token),
    ] {
        assert!(page.is_ok());
    }
}

fn choices(text: &str) -> Vec<Choice> {
    let choice = |chosen| Choice {
        id: text.to_owned(),
        name: text.to_owned(),
        chosen,
    };
    vec![choice(true), choice(false)]
}

fn tags(text: &str) -> Vec<TagView> {
    let tag = |of_agent| TagView {
        tag: text.to_owned(),
        of_agent,
    };
    vec![tag(false), tag(true)]
}

fn group_link(text: &str) -> GroupLink {
    GroupLink {
        id: text.to_owned(),
        name: text.to_owned(),
    }
}

pub(super) fn message(text: &str) -> MessageView {
    MessageView {
        status: 404,
        title: text.to_owned(),
        detail: text.to_owned(),
    }
}

fn frame(text: &str) -> Frame {
    Frame {
        organisation: text.to_owned(),
        person: text.to_owned(),
        csrf_token: text.to_owned(),
        open_incidents: 2,
    }
}

fn row(text: &str, status: Status) -> ServerRow {
    ServerRow {
        id: text.to_owned(),
        name: text.to_owned(),
        tags: tags(text),
        status,
        unprotected: true,
        last_seen: Some(text.to_owned()),
        last_seen_seconds_ago: Some(4),
        cpu_usage: Some(45.2),
        memory_usage: Some(84.0),
        disk_usage: Some(97.0),
        load1: Some(1.0),
    }
}
