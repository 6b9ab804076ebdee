//! Values by name, from file and environment, as text.
//!
//! figment merges the two. Its environment provider would turn `012345` into a number and its typed
//! errors print what they found, so values stay text here and are parsed one by one, each error
//! naming the variable, the value and what was expected.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, cannot be read or is not TOML.
    #[error("cannot read the configuration {}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The reader's own words.
        reason: String,
    },
    /// A value is not what it should be.
    #[error("{variable}: {value:?} is not valid; expected {expected}")]
    Invalid {
        /// The variable, also when the value came from the file.
        variable: String,
        /// What was found.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// Plain HTTP is only for a proxy on this machine.
    #[error(
        "SERVERSCOUT_TLS__MODE=proxy serves plain HTTP, so SERVERSCOUT_LISTEN must be a loopback address or unix:PATH"
    )]
    ProxyNotLocal,
    /// The proxy is not named.
    #[error(
        "SERVERSCOUT_TLS__MODE=proxy needs SERVERSCOUT_TRUSTED_PROXIES, the networks of the proxy, such as 127.0.0.1/32"
    )]
    ProxyUnnamed,
    /// Something is said of a mail server that is not named.
    #[error("settings under SERVERSCOUT_SMTP__ need SERVERSCOUT_SMTP__HOST, the mail server")]
    SmtpHostMissing,
    /// The sender is missing.
    #[error(
        "SERVERSCOUT_SMTP__HOST needs SERVERSCOUT_SMTP__FROM, the address that mail comes from"
    )]
    SmtpFromMissing,
    /// Mail would leave this machine in the clear.
    #[error(
        "SERVERSCOUT_SMTP__TLS=none is only for a mail server on this machine, such as localhost; use implicit or starttls"
    )]
    SmtpInTheClear,
    /// A user without a password, or the other way round.
    #[error("SERVERSCOUT_SMTP__USERNAME and SERVERSCOUT_SMTP__PASSWORD_FILE need each other")]
    SmtpLoginHalf,
    /// Certificate or key is missing.
    #[error(
        "SERVERSCOUT_TLS__MODE=files needs both SERVERSCOUT_TLS__CERT_FILE and SERVERSCOUT_TLS__KEY_FILE"
    )]
    TlsFilesMissing,
    /// Files are named that nothing would read.
    #[error(
        "SERVERSCOUT_TLS__CERT_FILE and SERVERSCOUT_TLS__KEY_FILE need SERVERSCOUT_TLS__MODE=files"
    )]
    TlsFilesUnused,
    /// A name that nothing here knows.
    #[error(
        "{variable} ({name} in a file) is not a setting of this program; see the README for the list"
    )]
    Unknown {
        /// Its name in a file.
        name: String,
        /// Its name in the environment.
        variable: String,
    },
}

/// Every value that was given, by its dotted name; what is taken is gone.
pub(super) struct Settings(BTreeMap<String, Given>);

enum Given {
    List(Vec<String>),
    Text(String),
}

impl Settings {
    pub(super) fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::merge(file, variables)
    }

    pub(super) fn merge(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            figment = figment.merge(Toml::file_exact(path));
        }
        let merged: Dict = figment
            .merge(Environment::new(variables))
            .extract()
            .map_err(|error| ConfigError::File {
                path: file.map(Path::to_owned).unwrap_or_default(),
                reason: without_content(&error.to_string()),
            })?;
        let mut flat = BTreeMap::new();
        flatten("", merged, &mut flat);
        Ok(Self(flat))
    }

    /// Takes a value and parses it; none when it was not given.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, ConfigError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Given::Text(text)) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.invalid(name, &text, expected)),
            },
            Some(Given::List(list)) => Err(self.invalid(name, &list.join(", "), expected)),
        }
    }

    /// Takes a list: an array in the file, separated by commas in the environment.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        let items: Vec<String> = match self.0.remove(name) {
            None => return Ok(None),
            Some(Given::List(list)) => list,
            Some(Given::Text(text)) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        };
        let parsed: Result<Vec<T>, ConfigError> = items
            .iter()
            .map(|item| parse(item).ok_or_else(|| self.invalid(name, item, expected)))
            .collect();
        parsed.map(Some)
    }

    /// Takes a whole number within `range`.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, ConfigError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let value = self.parse(name, &expected)?.unwrap_or(default);
        if range.contains(&value) {
            Ok(value)
        } else {
            Err(self.invalid(name, &value.to_string(), &expected))
        }
    }

    /// Takes a number of seconds within `range`.
    pub(super) fn seconds(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<Duration, ConfigError> {
        let expected = format!(
            "a number of seconds from {} to {}",
            range.start(),
            range.end()
        );
        let value = self.parse(name, &expected)?.unwrap_or(default);
        if range.contains(&value) {
            Ok(Duration::from_secs(value))
        } else {
            Err(self.invalid(name, &value.to_string(), &expected))
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "an error belongs to the settings it is about"
    )]
    pub(super) fn invalid(&self, name: &str, value: &str, expected: &str) -> ConfigError {
        ConfigError::Invalid {
            variable: variable(name),
            value: value.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// Whether anything is left whose name begins so.
    pub(super) fn any(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(prefix))
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(ConfigError::Unknown {
                name: name.clone(),
                variable: variable(name),
            }),
        }
    }
}

/// The environment's variables as figment data, every value a text.
struct Environment(Dict);

impl Environment {
    fn new(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut dict = Dict::new();
        for (name, value) in variables {
            let Some(name) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if value.is_empty() || name == FILE_NAME || AGENT_VARIABLES.contains(&name) {
                continue;
            }
            let name = name.to_ascii_lowercase();
            let mut path: Vec<&str> = name.split("__").collect();
            let Some(last) = path.pop() else { continue };
            insert(&mut dict, &path, last, value);
        }
        Self(dict)
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// The reader's words without the lines of the file that it shows: they may hold a secret.
fn without_content(words: &str) -> String {
    let kept: Vec<&str> = words
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains('|'))
        .collect();
    kept.join(" ")
}

fn insert(dict: &mut Dict, path: &[&str], last: &str, value: String) {
    match path {
        [] => {
            dict.insert(last.to_owned(), Value::from(value));
        }
        [first, rest @ ..] => {
            let inner = dict
                .entry((*first).to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, last, value);
            }
        }
    }
}

fn flatten(prefix: &str, dict: Dict, flat: &mut BTreeMap<String, Given>) {
    for (key, value) in dict {
        let name = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Dict(_, inner) => flatten(&name, inner, flat),
            Value::Array(_, items) => {
                let items = items.iter().map(text).collect();
                flat.insert(name, Given::List(items));
            }
            other => {
                flat.insert(name, Given::Text(text(&other)));
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Value::Char(..) | Value::Empty(..) | Value::Dict(..) | Value::Array(..) => String::new(),
    }
}

fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase().replace('.', "__"))
}

const PREFIX: &str = "SERVERSCOUT_";
/// Where the file is, and not what stands in it.
const FILE_NAME: &str = "CONFIG";

/// What the agent on the same machine reads; not ours to judge.
const AGENT_VARIABLES: [&str; 6] = [
    "API_KEY",
    "API_KEY_FILE",
    "CA_FILE",
    "INTERVAL_SECONDS",
    "STATE_DIR",
    "URL",
];
