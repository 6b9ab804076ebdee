//! What the configuration says about what is read.

use std::fmt;
use std::str::FromStr;

use server_scout_wire::Tags;

use super::MAX_SERVICES;
use crate::confine::Landlock;

/// Which services are looked at, and what is left unsaid.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// systemd units whose state is reported one by one.
    pub services: Services,
    /// What Landlock holds of this process, where that was tried.
    pub landlock: Option<Landlock>,
    /// What the host is to be found by on the dashboard.
    pub tags: Tags,
    /// Groups of the inventory that are not read.
    pub withheld: Withheld,
}

/// Parts of the inventory that map a host's weak points. Each can be withheld.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Group {
    /// How the agent itself is confined.
    Sandbox,
    /// systemd units: chosen ones, and those that failed.
    Services,
    /// Pending updates, and whether a reboot is due.
    Updates,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Sandbox, Self::Services, Self::Updates];

    /// The group's word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Services => "services",
            Self::Updates => "updates",
        }
    }
}

/// Groups that are not read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Withheld(Vec<Group>);

impl Withheld {
    /// Whether a group is not read.
    #[must_use]
    pub fn has(&self, group: Group) -> bool {
        self.0.contains(&group)
    }
}

impl FromStr for Withheld {
    type Err = Unknown;

    /// Words with commas between them; none at all is right, too.
    fn from_str(text: &str) -> Result<Self, Unknown> {
        let group = |word| Group::ALL.into_iter().find(|group| group.as_str() == word);
        let groups: Option<Vec<Group>> = words(text).map(group).collect();
        groups.map(Self).ok_or(Unknown)
    }
}

/// A word that is none of those expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unknown;

/// Names of systemd units, at most 32.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Services(Vec<String>);

impl Services {
    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Services {
    type Err = Unknown;

    /// Names with commas between them; `nginx` is `nginx.service`.
    fn from_str(text: &str) -> Result<Self, Unknown> {
        let mut names = Vec::new();
        for word in words(text) {
            let name = if word.contains('.') {
                word.to_owned()
            } else {
                format!("{word}.service")
            };
            if names.len() == MAX_SERVICES || !is_unit(&name) || names.contains(&name) {
                return Err(Unknown);
            }
            names.push(name);
        }
        Ok(Self(names))
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_all_blank = text.trim().is_empty();
    text.split(',')
        .map(str::trim)
        .filter(move |word| !(is_all_blank && word.is_empty()))
}

/// Whether it can be a unit's name, which is also a label: systemd's own characters, at most 128.
fn is_unit(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
    name.len() <= 128 && !stem.is_empty() && name.bytes().all(is_allowed)
}
