//! The configuration: a TOML file if one is named, then the environment over it.
//!
//! The merging is figment's and stays behind [`Settings::load`]. Values from the environment stay
//! texts until they are parsed here, so that `012345` is no number and an error can name the
//! variable, the value and what was expected. The agent key takes no part in it: no error of a
//! parser can print what the parser never saw.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fmt, fs, io};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};
use reqwest::Url;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use tracing::level_filters::LevelFilter;

use crate::key::{KEY_VARIABLE, KeyError, KeySource};

/// What the agent was told.
pub struct Settings {
    url: Option<Url>,
    ca_file: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    interval: Duration,
    log: LevelFilter,
    api_key_file: Option<PathBuf>,
}

impl Settings {
    /// Reads `file`, then `environment`, and checks every value.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let figment = match file {
            Some(path) => Figment::from(TomlFile::read(path)?.0),
            None => Figment::new(),
        };
        let figment = figment.merge(environment.provider()?);
        let raw: Raw = figment.extract().map_err(|error| explain(&error, file))?;
        let source = Source {
            figment: &figment,
            file,
        };

        Ok(Self {
            url: source.parse("url", raw.url, dashboard_url)?,
            ca_file: source.parse("ca_file", raw.ca_file, path)?,
            state_dir: source.parse("state_dir", raw.state_dir, path)?,
            interval: source
                .parse("interval_seconds", raw.interval_seconds, interval)?
                .unwrap_or(DEFAULT_INTERVAL),
            log: source
                .parse("log", raw.log, level)?
                .unwrap_or(LevelFilter::INFO),
            api_key_file: source.parse("api_key_file", raw.api_key_file, path)?,
        })
    }

    /// The dashboard's address; an error when none is given.
    pub fn url(&self) -> Result<&Url, ConfigError> {
        self.url.as_ref().ok_or(ConfigError::NoUrl)
    }

    /// The CA to trust instead of the system's.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Where the agent may keep what outlives it.
    #[must_use]
    pub fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// The time between two reports.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How much to log.
    #[must_use]
    pub fn log(&self) -> LevelFilter {
        self.log
    }

    /// Where the agent key comes from.
    pub fn key_source(&self, environment: &Environment) -> Result<KeySource, KeyError> {
        KeySource::find(|name| environment.get(name), self.api_key_file.clone())
    }
}

/// The variables that the agent looks at.
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Result<Self, ConfigError> {
        Self::new(env::vars_os())
    }

    /// Those of `variables` that concern the agent.
    pub fn new(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut kept = BTreeMap::new();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            if !name.starts_with(PREFIX) && !FOREIGN.contains(&name) {
                continue;
            }
            let value = value.into_string().map_err(|_| ConfigError::NotText {
                name: name.to_owned(),
            })?;
            kept.insert(name.to_owned(), value);
        }
        Ok(Self(kept))
    }

    /// The value of a variable, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// The agent's settings among the variables. The key is none of them.
    fn provider(&self) -> Result<Variables, ConfigError> {
        let mut settings = Dict::new();
        if let Some(directory) = self.0.get("STATE_DIRECTORY") {
            settings.insert("state_dir".to_owned(), directory.as_str().into());
        }
        for (name, value) in &self.0 {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if name == KEY_VARIABLE || is_of_dashboard(key) {
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| variable(setting) == *name) else {
                return Err(ConfigError::UnknownVariable { name: name.clone() });
            };
            settings.insert((*setting).to_owned(), value.as_str().into());
        }
        Ok(Variables(settings))
    }
}

/// Why the configuration cannot be used. Each says what was found, where, and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The key stands in the configuration file.
    #[error(
        "{file} holds the agent key; write the key to a file of its own that only the agent can \
         read, and name it with `api_key_file`"
    )]
    KeyInFile {
        /// The file.
        file: String,
    },
    /// No address is given.
    #[error("no dashboard is given: set SERVERSCOUT_URL to its address, https://HOST[:PORT]")]
    NoUrl,
    /// A variable does not hold text.
    #[error("{name} is not valid UTF-8; expected text")]
    NotText {
        /// The variable.
        name: String,
    },
    /// The file is not TOML. The text of the file is not repeated.
    #[error("{file} is not valid TOML: {place}: {why}")]
    NotToml {
        /// The file.
        file: String,
        /// Where in the file.
        place: String,
        /// What the parser expected.
        why: String,
    },
    /// The file has a key that means nothing.
    #[error("{file}: `{name}` is not a setting of the agent; expected one of: {}", SETTINGS.join(", "))]
    UnknownKey {
        /// The file.
        file: String,
        /// The key.
        name: String,
    },
    /// A variable means nothing.
    #[error(
        "{name} is not a setting of the agent; expected {KEY_VARIABLE} or one of: {}",
        SETTINGS.map(variable).join(", ")
    )]
    UnknownVariable {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A value is wrong.
    #[error("{name} {found}; expected {expected}")]
    Wrong {
        /// The variable, or the file and the key.
        name: String,
        /// What was found.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// Every setting as text.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    url: Option<Text>,
    api_key_file: Option<Text>,
    ca_file: Option<Text>,
    state_dir: Option<Text>,
    interval_seconds: Option<Text>,
    log: Option<Text>,
}

/// A value as it was written; in TOML a number may stand without quotation marks.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Where the values come from, for messages.
struct Source<'a> {
    figment: &'a Figment,
    file: Option<&'a Path>,
}

impl Source<'_> {
    fn parse<T>(
        &self,
        key: &str,
        text: Option<Text>,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(Text(text)) = text else {
            return Ok(None);
        };
        parse(&text).map(Some).map_err(|wrong| ConfigError::Wrong {
            name: self.name(key),
            found: wrong
                .found
                .unwrap_or_else(|| format!("is `{}`", text.escape_debug())),
            expected: wrong.expected,
        })
    }

    fn name(&self, key: &str) -> String {
        let from_environment = self
            .figment
            .find_metadata(key)
            .is_some_and(|metadata| metadata.name == ENVIRONMENT);
        if from_environment {
            variable(key)
        } else {
            format!("{}: `{key}`", file_name(self.file))
        }
    }
}

/// What is wrong with a value. `found` replaces the value where it must not be shown.
struct Wrong {
    found: Option<String>,
    expected: &'static str,
}

impl Wrong {
    fn expected(expected: &'static str) -> Self {
        Self {
            found: None,
            expected,
        }
    }
}

fn dashboard_url(text: &str) -> Result<Url, Wrong> {
    const EXPECTED: &str = "https://HOST or https://HOST:PORT";
    // What stands before an @ may be a password.
    if text.contains('@') {
        return Err(Wrong {
            found: Some("holds an @, as if a user name or password stood in it".to_owned()),
            expected: EXPECTED,
        });
    }
    let url = Url::parse(text).map_err(|_| Wrong::expected(EXPECTED))?;
    if url.scheme() == "http" {
        return Err(Wrong::expected(
            "https://…: the agent sends over verified TLS only, and no option turns that off",
        ));
    }
    let plain = url.scheme() == "https"
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.port() != Some(0);
    if plain {
        Ok(url)
    } else {
        Err(Wrong::expected(EXPECTED))
    }
}

fn path(text: &str) -> Result<PathBuf, Wrong> {
    if text.is_empty() {
        return Err(Wrong {
            found: Some("is empty".to_owned()),
            expected: "a path",
        });
    }
    Ok(PathBuf::from(text))
}

fn interval(text: &str) -> Result<Duration, Wrong> {
    match text.parse() {
        Ok(seconds @ 1..=60) => Ok(Duration::from_secs(seconds)),
        _ => Err(Wrong::expected("a whole number of seconds from 1 to 60")),
    }
}

fn level(text: &str) -> Result<LevelFilter, Wrong> {
    match text {
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(Wrong::expected("error, warn, info, debug or trace")),
    }
}

/// The file's content, of which no error repeats a line: someone may have put the key there.
struct TomlFile(figment::providers::Data<Toml>);

impl TomlFile {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|why| ConfigError::Unreadable {
            path: path.to_owned(),
            why,
        })?;
        Ok(Self(Toml::string(&text)))
    }
}

/// The settings among the environment's variables, as texts.
struct Variables(Dict);

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// Turns figment's error into ours, without any value.
fn explain(error: &figment::Error, file: Option<&Path>) -> ConfigError {
    let file = file_name(file);
    match &error.kind {
        Kind::UnknownField(name, _) if name == "api_key" => ConfigError::KeyInFile { file },
        Kind::UnknownField(name, _) => ConfigError::UnknownKey {
            file,
            name: name.clone(),
        },
        // The parser's message has the place first, then the offending line, then the reason.
        Kind::Message(message) if error.path.is_empty() => {
            let mut lines = message.lines();
            let place = lines.next().unwrap_or_default();
            let place = place.trim_start_matches("TOML parse error at ").to_owned();
            let why = lines.next_back().unwrap_or("expected TOML").to_owned();
            ConfigError::NotToml { file, place, why }
        }
        _ => ConfigError::Wrong {
            name: format!("{file}: `{}`", error.path.join(".")),
            found: "is neither text nor number".to_owned(),
            expected: "one value",
        },
    }
}

fn file_name(file: Option<&Path>) -> String {
    file.map_or_else(
        || "configuration".to_owned(),
        |path| path.display().to_string(),
    )
}

/// The variable of a setting.
fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase())
}

/// Whether the rest of a variable's name is the dashboard's. Both may run with one environment.
fn is_of_dashboard(key: &str) -> bool {
    const NAMES: [&str; 7] = [
        "DATA_DIR",
        "HOSTS",
        "INTERNALS_LISTEN",
        "LISTEN",
        "MASTER_KEY_FILE",
        "PUBLIC_URL",
        "TRUSTED_PROXIES",
    ];
    const GROUPS: [&str; 4] = ["LIMITS__", "OUTBOUND__", "SMTP__", "TLS__"];
    NAMES.contains(&key) || GROUPS.iter().any(|group| key.starts_with(group))
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
const ENVIRONMENT: &str = "environment";
const PREFIX: &str = "SERVERSCOUT_";
/// Variables of the service manager that the agent heeds.
const FOREIGN: [&str; 2] = ["CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"];
const SETTINGS: [&str; 6] = [
    "api_key_file",
    "ca_file",
    "interval_seconds",
    "log",
    "state_dir",
    "url",
];
