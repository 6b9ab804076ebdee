//! What templates see: the view models with every value already in words.

mod keys;
mod values;

use std::borrow::Cow;

use serde::Serialize;

pub(crate) use self::keys::{AgentKeyMadePage, AgentKeysPage, EnrolmentPage};
use crate::format;
use crate::snippets;
use crate::views::{
    AccountView, Frame, GroupLink, IncidentRow, ServerAddedView, ServerRow, ServerRuleRow,
    ServerView, ServersFilter, ServersView, SessionRow, Settings, Status, TagView, TokenRow,
    TokensView,
};

/// A page: what the layout shows, and the content.
#[derive(Serialize)]
pub(crate) struct Page<'a, V> {
    title: &'a str,
    frame: Option<&'a Frame>,
    charts: bool,
    view: V,
}

impl<'a, V: Serialize> Page<'a, V> {
    /// A page for people without a session.
    pub(crate) fn open(title: &'a str, view: V) -> Self {
        Self {
            title,
            frame: None,
            charts: false,
            view,
        }
    }

    /// A page behind the login.
    pub(crate) fn within(frame: &'a Frame, title: &'a str, view: V) -> Self {
        Self {
            frame: Some(frame),
            ..Self::open(title, view)
        }
    }

    /// The same with what charts need.
    pub(crate) fn with_charts(self) -> Self {
        Self {
            charts: true,
            ..self
        }
    }
}

/// The list of servers.
#[derive(Serialize)]
pub(crate) struct ServersPage<'a> {
    servers: Vec<Row<'a>>,
    tallies: Vec<Tally>,
    filter: Filter<'a>,
    /// Whether there is anything to filter.
    filtering: bool,
    may_add: bool,
    next_after: Option<&'a str>,
}

/// Which servers are asked for, and what there is to choose.
#[derive(Serialize)]
struct Filter<'a> {
    search: &'a str,
    tag: &'a str,
    group: &'a str,
    status: &'a str,
    protection: &'a str,
    groups: Vec<Choosable<'a>>,
    statuses: Vec<Choosable<'a>>,
    protections: [Choosable<'a>; 3],
    tags: &'a [String],
    active: bool,
}

/// One of a list to choose from.
#[derive(Serialize)]
struct Choosable<'a> {
    value: &'a str,
    name: &'a str,
    chosen: bool,
}

impl<'a> Filter<'a> {
    fn new(filter: &'a ServersFilter) -> Self {
        let asked = [
            &filter.search,
            &filter.tag,
            &filter.group,
            &filter.status,
            &filter.protection,
        ];
        let group = |group: &'a GroupLink| Choosable {
            value: &group.id,
            name: &group.name,
            chosen: group.id == filter.group,
        };
        let status = |status: Status| Choosable {
            value: status.as_str(),
            name: status.word(),
            chosen: status.as_str() == filter.status,
        };
        let protection = |(value, name)| Choosable {
            value,
            name,
            chosen: value == filter.protection,
        };
        Self {
            search: &filter.search,
            tag: &filter.tag,
            group: &filter.group,
            status: &filter.status,
            protection: &filter.protection,
            groups: filter.groups.iter().map(group).collect(),
            statuses: Status::ALL.into_iter().map(status).collect(),
            protections: PROTECTIONS.map(protection),
            tags: &filter.tags,
            active: asked.iter().any(|text| !text.is_empty()),
        }
    }
}

impl<'a> ServersPage<'a> {
    pub(crate) fn new(view: &'a ServersView) -> Self {
        let count = |status| Tally {
            status: status_of(status),
            number: view
                .servers
                .iter()
                .filter(|server| server.status == status)
                .count(),
        };
        let filter = Filter::new(&view.filter);
        Self {
            servers: view.servers.iter().map(Row::new).collect(),
            tallies: Status::ALL.iter().copied().map(count).collect(),
            filtering: !view.servers.is_empty() || filter.active,
            filter,
            may_add: view.may_add,
            next_after: view.next_after.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Tally {
    status: Badge,
    number: usize,
}

/// One server's page.
#[derive(Serialize)]
pub(crate) struct ServerPage<'a> {
    server: Row<'a>,
    facts: Vec<Fact<'a>>,
    subjects: Vec<values::Subject<'a>>,
    description: &'a str,
    in_groups: Vec<InGroup<'a>>,
    dropped_series: u64,
    may_change: bool,
    successor_expired: bool,
    incidents: Vec<IncidentRow>,
    rules: &'a [ServerRuleRow],
    is: Condition,
}

/// The conditions that the page explains.
#[derive(Serialize)]
struct Condition {
    clock_wrong: bool,
    paused: bool,
    waiting: bool,
}

impl<'a> ServerPage<'a> {
    pub(crate) fn new(view: &'a ServerView) -> Self {
        let status = view.server.status;
        Self {
            server: Row::new(&view.server),
            facts: view
                .facts
                .iter()
                .map(|(name, value)| Fact { name, value })
                .collect(),
            subjects: values::subjects(&view.values),
            description: &view.description,
            in_groups: view
                .groups
                .iter()
                .map(|group| InGroup {
                    id: path_segment(&group.id),
                    name: &group.name,
                })
                .collect(),
            dropped_series: view.dropped_series,
            may_change: view.may_change,
            successor_expired: view.successor_expired,
            incidents: incidents(&view.incidents),
            rules: &view.rules,
            is: Condition {
                clock_wrong: status == Status::ClockWrong,
                paused: status == Status::Paused,
                waiting: status == Status::Waiting,
            },
        }
    }
}

/// Incidents whose ids are safe in a path.
pub(crate) fn incidents(rows: &[IncidentRow]) -> Vec<IncidentRow> {
    let safe = |row: &IncidentRow| IncidentRow {
        id: path_segment(&row.id).into_owned(),
        server: path_segment(&row.server).into_owned(),
        ..row.clone()
    };
    rows.iter().map(safe).collect()
}

/// A group that the server is in.
#[derive(Serialize)]
struct InGroup<'a> {
    id: Cow<'a, str>,
    name: &'a str,
}

#[derive(Serialize)]
struct Fact<'a> {
    name: &'a str,
    value: &'a str,
}

/// A server as the list and its own page show it.
#[derive(Serialize)]
struct Row<'a> {
    id: Cow<'a, str>,
    name: &'a str,
    tags: &'a [TagView],
    status: Badge,
    unprotected: bool,
    last_seen: Option<&'a str>,
    last_seen_seconds_ago: u64,
    last_seen_ago: String,
    cpu: Meter,
    memory: Meter,
    disk: Meter,
    load: String,
}

impl<'a> Row<'a> {
    fn new(row: &'a ServerRow) -> Self {
        let ago = row.last_seen_seconds_ago;
        Self {
            id: path_segment(&row.id),
            name: &row.name,
            tags: &row.tags,
            status: status_of(row.status),
            unprotected: row.unprotected,
            last_seen: ago.and(row.last_seen.as_deref()),
            last_seen_seconds_ago: ago.unwrap_or_default(),
            last_seen_ago: ago.map_or_else(|| "never".to_owned(), format::ago),
            cpu: Meter::new("cpu_usage", row.cpu_usage),
            memory: Meter::new("memory_usage", row.memory_usage),
            disk: Meter::new("disk_usage", row.disk_usage),
            load: row
                .load1
                .map_or_else(|| format::ABSENT.to_owned(), format::load),
        }
    }
}

/// A status as class and as words.
#[derive(Serialize)]
struct Badge {
    class: &'static str,
    word: &'static str,
}

fn status_of(status: Status) -> Badge {
    Badge {
        class: status.as_str(),
        word: status.word(),
    }
}

/// A percentage as a bar and as words.
#[derive(Serialize)]
struct Meter {
    metric: &'static str,
    text: String,
    /// The bar's length in hundredths, as an attribute's number.
    length: String,
    /// `normal`, `high` or `full`.
    level: &'static str,
}

impl Meter {
    fn new(metric: &'static str, percent: Option<f64>) -> Self {
        let known = percent.filter(|percent| percent.is_finite());
        let length = known.unwrap_or_default().clamp(0.0, 100.0);
        Self {
            metric,
            text: known.map_or_else(|| format::ABSENT.to_owned(), format::percent),
            length: format!("{length:.1}"),
            level: match length {
                FULL.. => "full",
                HIGH.. => "high",
                _ => "normal",
            },
        }
    }
}

/// The page of a new server.
#[derive(Serialize)]
pub(crate) struct ServerAddedPage<'a> {
    id: Cow<'a, str>,
    name: &'a str,
    agent_key: &'a str,
    url: &'a str,
    ca_sha256: Option<&'a str>,
    expires_at: &'a str,
    pinned: bool,
    enrol: String,
    files: String,
    start: &'static str,
    nixos_key: String,
    nixos_ca: Option<String>,
    nixos: String,
    by_hand: String,
}

impl<'a> ServerAddedPage<'a> {
    pub(crate) fn new(view: &'a ServerAddedView) -> Self {
        let ca = view.ca_pem.as_deref();
        Self {
            id: path_segment(&view.id),
            name: &view.name,
            agent_key: &view.agent_key,
            url: &view.url,
            ca_sha256: view.ca_sha256.as_deref(),
            expires_at: &view.expires_at,
            pinned: view.ca_sha256.is_some(),
            enrol: snippets::enrol(&view.url, &view.code, false),
            files: snippets::unit_files(&view.url, &view.agent_key, ca),
            start: snippets::UNIT_START,
            nixos_key: snippets::key_file(&view.agent_key),
            nixos_ca: ca.map(snippets::nixos_ca),
            nixos: snippets::nixos_module(&view.url, ca.is_some()),
            by_hand: snippets::by_hand(&view.url, &view.agent_key, ca),
        }
    }
}

/// The access tokens.
#[derive(Serialize)]
pub(crate) struct TokensPage<'a> {
    settings: &'a Settings,
    tokens: Vec<Token<'a>>,
    everybody: bool,
    may_see_all: bool,
    next_after: Option<&'a str>,
    notice: Option<&'a str>,
}

#[derive(Serialize)]
struct Token<'a> {
    row: &'a TokenRow,
    /// The day, without the time.
    day: &'a str,
    last_used_ago: String,
}

impl<'a> TokensPage<'a> {
    pub(crate) fn new(view: &'a TokensView) -> Self {
        let token = |row: &'a TokenRow| Token {
            row,
            day: row.expires.get(..10).unwrap_or(&row.expires),
            last_used_ago: format::ago(row.last_used_seconds_ago),
        };
        Self {
            settings: &view.settings,
            tokens: view.tokens.iter().map(token).collect(),
            everybody: view.everybody,
            may_see_all: view.may_see_all,
            next_after: view.next_after.as_deref(),
            notice: view.notice.as_deref(),
        }
    }
}

/// A person's own account.
#[derive(Serialize)]
pub(crate) struct AccountPage<'a> {
    role: &'a str,
    sessions: Vec<Session<'a>>,
    has_others: bool,
    has_factor: bool,
    password_min: usize,
    notice: Option<&'a str>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Session<'a> {
    id: &'a str,
    since: &'a str,
    since_ago: String,
    last_used: &'a str,
    last_used_ago: String,
    address: &'a str,
    user_agent: &'a str,
    current: bool,
}

impl<'a> AccountPage<'a> {
    pub(crate) fn new(view: &'a AccountView) -> Self {
        Self {
            role: &view.role,
            sessions: view.sessions.iter().map(Session::new).collect(),
            has_others: view.sessions.iter().any(|session| !session.current),
            has_factor: view.has_factor,
            password_min: view.password_min,
            notice: view.notice.as_deref(),
            error: view.error.as_deref(),
        }
    }
}

impl<'a> Session<'a> {
    fn new(row: &'a SessionRow) -> Self {
        let or = |text: &'a str, absent| if text.is_empty() { absent } else { text };
        Self {
            id: &row.id,
            since: &row.since,
            since_ago: format::ago(row.since_seconds_ago),
            last_used: &row.last_used,
            last_used_ago: format::ago(row.last_used_seconds_ago),
            address: or(&row.address, "an unknown address"),
            user_agent: or(&row.user_agent, "A browser that does not say what it is"),
            current: row.current,
        }
    }
}

/// `text` with everything but unreserved characters percent-encoded, for one segment of a path or a query's value.
///
/// Browsers resolve `.` and `..` away, encoded or not, so those become a segment that no object has.
pub(crate) fn path_segment(text: &str) -> Cow<'_, str> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if matches!(text, "" | "." | "..") {
        return Cow::Borrowed("-");
    }
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(|digit| {
                char::from_digit(u32::from(digit), 16)
                    .unwrap_or('0')
                    .to_ascii_uppercase()
            }));
        }
    }
    Cow::Owned(encoded)
}

/// What an agent can say of its sandbox, and how people read it.
const PROTECTIONS: [(&str, &str); 3] = [
    ("protected", "Protected"),
    ("unprotected", "Unprotected"),
    ("unsaid", "Does not say"),
];
/// From here on a bar shows that little is left.
const HIGH: f64 = 80.0;
/// From here on a bar shows that next to nothing is left.
const FULL: f64 = 92.0;
