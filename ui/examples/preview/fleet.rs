//! Groups, tokens and the settings of a server, made up.

use server_scout_ui::views::{
    Choice, Frame, GroupLink, GroupRow, GroupView, GroupsView, NewTokenView, Section,
    ServerDeletionView, ServerRow, ServerSettingsView, ServersFilter, Settings, Status, TagView,
    TokenMadeView, TokenRow, TokensView,
};
use server_scout_ui::{Pages, UiError};

/// The page at `path`; none when it is another's.
pub(crate) fn page(pages: &Pages, path: &str, frame: Frame) -> Option<Result<String, UiError>> {
    let name = "api-1.fra.example.org".to_owned();
    let id = "srv_1".to_owned();
    Some(match path {
        "/servers/srv_1/settings" => pages.server_settings(&ServerSettingsView {
            frame,
            id,
            typed_name: name.clone(),
            name,
            description: DESCRIPTION.to_owned(),
            tags: "web eu".to_owned(),
            agent_tags: vec!["env:prod".to_owned()],
            groups: vec![
                choice("grp_1", "Acme", true),
                choice("grp_2", "Intern", false),
            ],
            may_group: true,
            ..ServerSettingsView::default()
        }),
        "/servers/srv_1/delete" => pages.server_deletion(&ServerDeletionView {
            frame,
            id,
            name,
            error: Some("That is not the name of this server.".to_owned()),
        }),
        "/settings/groups" => pages.groups(&GroupsView {
            frame,
            settings: Settings::at(Section::Groups, true),
            groups: vec![group(1, "Acme", 4), group(2, "Intern", 0)],
            may_change: true,
            typed_name: String::new(),
            notice: None,
            error: None,
        }),
        "/settings/groups/grp_1" => pages.group(&GroupView {
            frame,
            settings: Settings::at(Section::Groups, true),
            id: "grp_1".to_owned(),
            name: "Acme".to_owned(),
            typed_name: "Acme".to_owned(),
            error: None,
        }),
        "/settings/tokens" => pages.tokens(&TokensView {
            frame,
            settings: Settings::at(Section::Tokens, true),
            tokens: vec![
                token("reporting", "read", Some(40)),
                token("deploy", "admin", None),
            ],
            everybody: true,
            may_see_all: true,
            next_after: None,
            notice: None,
        }),
        "/settings/tokens/new" => pages.new_token(&NewTokenView {
            frame,
            settings: Settings::at(Section::Tokens, true),
            name: String::new(),
            scopes: vec![
                choice("read", "read: looks", true),
                choice("write", "write: changes servers", false),
            ],
            days: "90".to_owned(),
            max_days: 365,
            error: None,
        }),
        "/settings/tokens/made" => pages.token_made(&TokenMadeView {
            frame,
            settings: Settings::at(Section::Tokens, true),
            name: "reporting".to_owned(),
            scope: "read".to_owned(),
            expires: "2027-02-21T09:00:00.000Z".to_owned(),
            access_token: "sst_7Jq2mXw4VbT9cR1pLzE8sYhN5gKdF3aU".to_owned(),
        }),
        _ => return None,
    })
}

/// What the list of servers can be filtered by.
pub(crate) fn filter() -> ServersFilter {
    ServersFilter {
        groups: groups(),
        tags: ["db", "eu", "web"].map(str::to_owned).to_vec(),
        ..ServersFilter::default()
    }
}

/// The servers of the list.
pub(crate) fn servers() -> Vec<ServerRow> {
    let row = |number: u32, name: &str, status, ago: Option<u64>, values: [f64; 4]| ServerRow {
        id: format!("srv_{number}"),
        name: name.to_owned(),
        tags: tags(number),
        status,
        unprotected: number == 2,
        last_seen: ago.map(|ago| crate::before(ago).to_string()),
        last_seen_seconds_ago: ago,
        cpu_usage: ago.map(|_| values[0]),
        memory_usage: ago.map(|_| values[1]),
        disk_usage: ago.map(|_| values[2]),
        load1: ago.map(|_| values[3]),
    };
    vec![
        row(
            1,
            "api-1.fra.example.org",
            Status::Online,
            Some(3),
            [37.4, 61.2, 44.0, 1.82],
        ),
        row(
            2,
            "api-2.fra.example.org",
            Status::Online,
            Some(1),
            [34.9, 58.7, 43.1, 1.64],
        ),
        row(3, "backup", Status::Late, Some(24), [4.1, 22.9, 88.6, 0.31]),
        row(4, "backup-eu", Status::Waiting, None, [0.0; 4]),
        row(
            5,
            "build-runner-with-a-rather-long-name.internal.example.org",
            Status::Online,
            Some(4),
            [96.8, 83.3, 71.9, 15.07],
        ),
        row(
            6,
            "db-primary",
            Status::Online,
            Some(2),
            [22.5, 92.4, 67.3, 2.4],
        ),
        row(
            7,
            "db-replica",
            Status::ClockWrong,
            Some(512),
            [12.0, 71.8, 66.9, 0.97],
        ),
        row(
            8,
            "mail",
            Status::Offline,
            Some(93_000),
            [8.4, 41.0, 55.2, 0.2],
        ),
        row(
            9,
            "staging",
            Status::Paused,
            Some(4),
            [1.2, 18.4, 31.7, 0.02],
        ),
    ]
}

/// The groups of a server.
pub(crate) fn groups() -> Vec<GroupLink> {
    ["Acme", "Intern"]
        .iter()
        .zip(1..)
        .map(|(name, number)| GroupLink {
            id: format!("grp_{number}"),
            name: (*name).to_owned(),
        })
        .collect()
}

/// The tags of every other server.
pub(crate) fn tags(number: u32) -> Vec<TagView> {
    if number.is_multiple_of(2) {
        return Vec::new();
    }
    let tag = |tag: &str, of_agent| TagView {
        tag: tag.to_owned(),
        of_agent,
    };
    vec![tag("web", false), tag("eu", false), tag("env:prod", true)]
}

fn choice(id: &str, name: &str, chosen: bool) -> Choice {
    Choice {
        id: id.to_owned(),
        name: name.to_owned(),
        chosen,
    }
}

fn group(number: u32, name: &str, servers: usize) -> GroupRow {
    GroupRow {
        id: format!("grp_{number}"),
        name: name.to_owned(),
        servers,
    }
}

fn token(name: &str, scope: &str, ago: Option<u64>) -> TokenRow {
    TokenRow {
        id: name.to_owned(),
        name: name.to_owned(),
        scope: scope.to_owned(),
        email: "ada@example.org".to_owned(),
        expires: "2027-02-21T09:00:00.000Z".to_owned(),
        expired: ago.is_none(),
        last_used: ago.map(|_| "2026-11-23T09:00:00.000Z".to_owned()),
        last_used_seconds_ago: ago.unwrap_or_default(),
        last_address: "2001:db8:aa10:4f02:1c3b:77ff:fe02:91d4".to_owned(),
    }
}

/// What the fleet's pages are called.
pub(crate) const PATHS: [&str; 7] = [
    "/servers/srv_1/settings",
    "/servers/srv_1/delete",
    "/settings/groups",
    "/settings/groups/grp_1",
    "/settings/tokens",
    "/settings/tokens/new",
    "/settings/tokens/made",
];

/// What people say of a server.
pub(crate) const DESCRIPTION: &str =
    "The public API of the shop.\nRack 4 in Frankfurt; ask Grace before a restart.";
