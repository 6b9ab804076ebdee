//! The expected table, `expected.txt`, line by line.

use std::sync::LazyLock;

use reqwest::Method;

/// What a member's role or a token's scope is worth.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Right {
    Read,
    Write,
    Administer,
    Own,
}

/// Who may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    Public,
    Agent,
    /// A program with a token of scope `metrics`.
    Metrics,
    /// Members with that right.
    Member(Right),
    /// Everybody for their own account; with a token when its scope is worth that much, and by a
    /// session alone without.
    Account(Option<Right>),
}

/// What a request carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Body {
    Form(String),
    Json(String),
}

/// A line of the table: one way to use a route.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    /// As the program writes it, `:name` for what varies.
    pub(crate) route: String,
    pub(crate) who: Who,
    pub(crate) fresh: bool,
    pub(crate) spends: bool,
    /// The statuses that show that somebody was allowed.
    pub(crate) answer: Vec<u16>,
    /// Path and query, with the placeholders.
    pub(crate) target: String,
    pub(crate) body: Option<Body>,
}

/// The table.
pub(crate) static EXPECTED: LazyLock<Vec<Row>> = LazyLock::new(|| {
    include_str!("expected.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| Row::read(line).unwrap_or_else(|reason| panic!("{reason}: {line}")))
        .collect()
});

impl Row {
    fn read(line: &str) -> Result<Self, String> {
        let (method, rest) = word(line).ok_or("no method")?;
        let (route, mut rest) = word(rest).ok_or("no path")?;
        let mut words = Vec::new();
        let answer = loop {
            let (next, after) = word(rest).ok_or("no answer")?;
            rest = after;
            if next.starts_with(|c: char| c.is_ascii_digit()) {
                break next;
            }
            words.push(next);
        };
        let answer = answer.split('|').map(str::parse).collect::<Result<_, _>>();
        let mut row = Self {
            method: method.parse().map_err(|_| "no method")?,
            route: route.to_owned(),
            who: who(words.first().ok_or("nobody may")?)?,
            fresh: words.contains(&"fresh"),
            spends: words.contains(&"spends"),
            answer: answer.map_err(|_| "an answer that is no status")?,
            target: route.to_owned(),
            body: None,
        };
        let mut query = String::new();
        while let Some((next, after)) = word(rest) {
            match next {
                "form" => row.body = Some(Body::Form(after.trim().to_owned())),
                "json" => row.body = Some(Body::Json(after.trim().to_owned())),
                _ if next.starts_with('?') => query.push_str(next),
                _ => {
                    let (name, value) = next.split_once('=').ok_or("an unknown word")?;
                    row.target = replace_segment(&row.target, name, value);
                }
            }
            if row.body.is_some() {
                break;
            }
            rest = after;
        }
        if row.target.contains("/:") {
            return Err(format!("{} leaves a part open", row.target));
        }
        row.target.push_str(&query);
        Ok(row)
    }

    /// `GET /path`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.route)
    }

    /// Whether it is of the API, and no page.
    pub(crate) fn is_api(&self) -> bool {
        self.route.starts_with("/api/") || self.who == Who::Metrics
    }

    /// Everything that is sent, with its placeholders.
    pub(crate) fn request(&self) -> String {
        match &self.body {
            None => self.target.clone(),
            Some(Body::Form(body) | Body::Json(body)) => format!("{} {body}", self.target),
        }
    }

    /// Whether an object stands for a parameter of the query or a member of the body.
    pub(crate) fn names(&self, member: &str) -> bool {
        let request = self.request();
        ["?", "&", " ", "\""].iter().any(|before| {
            ["=<", "\":\"<", "\":[\"<"]
                .iter()
                .any(|after| request.contains(&format!("{before}{member}{after}")))
        })
    }

    /// The kinds of objects that the request names, in its order.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let request = self.request();
        let mut kinds: Vec<String> = Vec::new();
        for part in request.split('<').skip(1) {
            let kind = part.split('>').next().unwrap_or_default();
            if !VALUES.contains(&kind) && !kinds.iter().any(|known| known == kind) {
                kinds.push(kind.to_owned());
            }
        }
        kinds
    }
}

fn who(word: &str) -> Result<Who, String> {
    Ok(match word {
        "public" => Who::Public,
        "agent" => Who::Agent,
        "metrics" => Who::Metrics,
        "read" => Who::Member(Right::Read),
        "write" => Who::Member(Right::Write),
        "administer" => Who::Member(Right::Administer),
        "own" => Who::Member(Right::Own),
        "account" => Who::Account(None),
        "account-read" => Who::Account(Some(Right::Read)),
        "account-administer" => Who::Account(Some(Right::Administer)),
        _ => return Err(format!("{word} is nobody")),
    })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn replace_segment(path: &str, name: &str, value: &str) -> String {
    let segments = path.split('/');
    let segments = segments.map(|segment| if segment == name { value } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Placeholders that are no objects of anybody.
pub(crate) const VALUES: [&str; 6] = [
    "asset",
    "email",
    "new",
    "organisation",
    "password",
    "report",
];
