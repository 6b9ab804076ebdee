//! The configuration: a TOML file if one is named, then the environment over it.
//!
//! The merging is figment's and stays behind [`Settings::load`]. Values from the environment stay
//! texts until they are parsed here, so that `012345` is no number and an error can name the
//! variable, the value and what was expected. The agent key takes no part in it: no error of a
//! parser can print what the parser never saw.

mod reading;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};
use server_scout_wire::Tags;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tracing::level_filters::LevelFilter;
use url::Url;

use self::reading::{level, line_of, periods, services, tags, withheld};
use crate::collect::Options;
use crate::key::{KEY_VARIABLE, KeyError, KeySource};
use crate::state::{Kept, State};
use crate::tiers::Periods;
use crate::trust::Anchor;

/// What the agent was told.
pub struct Settings {
    url: Option<Url>,
    ca_file: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    periods: Periods,
    options: Options,
    log: LevelFilter,
    api_key_file: Option<PathBuf>,
}

impl Settings {
    /// Reads `file`, then `environment`, and checks every value.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            figment = figment.merge(File::read(path)?);
        }
        let merged = Merged {
            figment: figment.merge(environment.provider()?),
            file,
        };

        Ok(Self {
            url: merged.parse("url", dashboard_url)?,
            ca_file: merged.parse("ca_file", path)?,
            state_dir: merged.parse("state_dir", path)?,
            periods: periods(&merged)?,
            options: Options {
                landlock: None,
                services: merged.parse("services", services)?.unwrap_or_default(),
                tags: merged.parse("tags", tags)?.unwrap_or_default(),
                withheld: merged.parse("withhold", withheld)?.unwrap_or_default(),
            },
            log: merged.parse("log", level)?.unwrap_or(LevelFilter::INFO),
            api_key_file: merged.parse("api_key_file", path)?,
        })
    }

    /// The dashboard's address, or else that of the enrolment; an error when there is none.
    pub fn url(&self) -> Result<Url, ConfigError> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let path = self.enrolled(Kept::Url).ok_or(ConfigError::NoUrl)?;
        let text = fs::read_to_string(&path).map_err(|why| ConfigError::Unreadable {
            path: path.clone(),
            why,
        })?;
        parse_url(&path.display().to_string(), text.trim_ascii())
    }

    /// The CA to trust instead of the system's.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Whose certificates are trusted.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        match (&self.ca_file, self.enrolled(Kept::Ca)) {
            (Some(path), _) => Anchor::File(path.clone()),
            (None, Some(path)) => Anchor::Enrolled(path),
            (None, None) => Anchor::System,
        }
    }

    /// Where reports wait that cannot be sent.
    #[must_use]
    pub fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// The time between two readings of each tier; of the fast one, between two reports.
    #[must_use]
    pub fn periods(&self) -> Periods {
        self.periods
    }

    /// What is read beyond what always is, and what is not.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// How much to log.
    #[must_use]
    pub fn log(&self) -> LevelFilter {
        self.log
    }

    /// What the host is to be found by on the dashboard.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.options.tags
    }

    /// Where the agent key comes from.
    pub fn key_source(&self, environment: &Environment) -> Result<KeySource, KeyError> {
        KeySource::find(
            |name| environment.get(name),
            self.api_key_file.clone(),
            self.enrolled(Kept::Key),
        )
    }

    /// A file that enrolment left in the state directory.
    fn enrolled(&self, kept: Kept) -> Option<PathBuf> {
        State::at(self.state_dir.as_deref()?).existing(kept)
    }
}

/// The address of a dashboard, as `place` gives it.
pub fn parse_url(place: &str, text: &str) -> Result<Url, ConfigError> {
    dashboard_url(text).map_err(|wrong| wrong.of(place.to_owned(), text))
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
    #[error("{file} is not valid TOML: line {line}: {why}")]
    NotToml {
        /// The file.
        file: String,
        /// Where in the file, from 1.
        line: usize,
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

/// The settings of file and environment, all of them texts.
struct Merged<'a> {
    figment: Figment,
    file: Option<&'a Path>,
}

impl Merged<'_> {
    fn parse<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, ConfigError> {
        // Every provider gives texts only, so the one error is that nobody set it.
        let Ok(value) = self.figment.find_value(key) else {
            return Ok(None);
        };
        let text = value.as_str().unwrap_or_default();
        parse(text)
            .map(Some)
            .map_err(|wrong| wrong.of(self.name(key), text))
    }

    /// How the one who set it calls it.
    fn name(&self, key: &str) -> String {
        let set_by = self
            .figment
            .find_metadata(key)
            .map(|metadata| metadata.name.as_ref());
        match self.file {
            Some(file) if set_by == Some(FILE) => format!("{}: `{key}`", file.display()),
            _ => variable(key),
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

    fn of(self, name: String, text: &str) -> ConfigError {
        ConfigError::Wrong {
            name,
            found: self
                .found
                .unwrap_or_else(|| format!("is `{}`", text.escape_debug())),
            expected: self.expected,
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

/// The settings of a TOML file. A number may stand without quotation marks; it stays as it was
/// written. No error repeats a line of the file: someone may have put the key there.
struct File(Dict);

impl File {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|why| ConfigError::Unreadable {
            path: path.to_owned(),
            why,
        })?;
        let table = DeTable::parse(&text).map_err(|error| ConfigError::NotToml {
            file: file(),
            line: line_of(&text, error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        let mut settings = Dict::new();
        for (name, value) in table.into_inner() {
            let name = name.into_inner();
            if name == "api_key" {
                return Err(ConfigError::KeyInFile { file: file() });
            }
            if !SETTINGS.contains(&name.as_ref()) {
                return Err(ConfigError::UnknownKey {
                    file: file(),
                    name: name.into_owned(),
                });
            }
            let value = match value.into_inner() {
                DeValue::String(text) => text.into_owned(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
                DeValue::Array(items) if name == "tags" && items.iter().all(is_text) => {
                    let texts: Vec<&str> = items
                        .iter()
                        .filter_map(|item| item.get_ref().as_str())
                        .collect();
                    texts.join(",")
                }
                other => {
                    return Err(ConfigError::Wrong {
                        name: format!("{}: `{name}`", file()),
                        found: format!("is a TOML {}", other.type_str()),
                        expected: "a text or a whole number",
                    });
                }
            };
            settings.insert(name.into_owned(), value.into());
        }
        Ok(Self(settings))
    }
}

impl Provider for File {
    fn metadata(&self) -> Metadata {
        Metadata::named(FILE)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// The settings among the environment's variables, as texts.
struct Variables(Dict);

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

fn is_text(item: &Spanned<DeValue<'_>>) -> bool {
    item.get_ref().is_str()
}

/// The variable of a setting.
fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase())
}

/// Whether the rest of a variable's name is the dashboard's. Both may run with one environment.
fn is_of_dashboard(key: &str) -> bool {
    const NAMES: [&str; 8] = [
        "CONFIG",
        "DATA_DIR",
        "HOSTS",
        "INTERNALS_LISTEN",
        "LISTEN",
        "MASTER_KEY_FILE",
        "PUBLIC_URL",
        "TRUSTED_PROXIES",
    ];
    const GROUPS: [&str; 5] = ["LIMITS__", "OUTBOUND__", "SESSIONS__", "SMTP__", "TLS__"];
    NAMES.contains(&key) || GROUPS.iter().any(|group| key.starts_with(group))
}

const FILE: &str = "file";
const PREFIX: &str = "SERVERSCOUT_";
/// Variables of the service manager and of TLS that the agent heeds.
const FOREIGN: [&str; 5] = [
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "STATE_DIRECTORY",
];
const SETTINGS: [&str; 13] = [
    "api_key_file",
    "ca_file",
    "daily_seconds",
    "glacial_seconds",
    "interval_seconds",
    "log",
    "medium_seconds",
    "services",
    "slow_seconds",
    "state_dir",
    "tags",
    "url",
    "withhold",
];
