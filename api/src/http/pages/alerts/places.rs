//! For which servers rules and windows are: what there is to choose, and what it is called.

use server_scout_ui::views::Choice;
use server_scout_wire::Tag;

use super::super::super::App;
use super::super::super::guard::Visitor;
use super::super::super::problem::Failure;
use crate::access::Right;
use crate::alerting::Reach;
use crate::id::{Group, Id, Server};

/// The groups, tags and servers that somebody sees.
pub(super) struct Places {
    groups: Vec<(Id<Group>, String)>,
    tags: Vec<String>,
    servers: Vec<(Id<Server>, String)>,
    limited: bool,
}

impl Places {
    pub(super) async fn seen(app: &App, visitor: &Visitor) -> Result<Self, Failure> {
        let scope = visitor.person.scope(Right::Read)?;
        let services = app.services();
        let groups = services.groups(scope).await?;
        Ok(Self {
            groups: { groups.into_iter() }
                .map(|group| (group.row.id, group.row.name))
                .collect(),
            tags: services.tags(scope).await?,
            servers: services.server_names(scope).await?,
            limited: scope.is_limited(),
        })
    }

    /// What a reach is called.
    pub(super) fn words(&self, reach: &Reach) -> String {
        match reach {
            Reach::Organisation => ALL.to_owned(),
            Reach::Group(id) => name(&self.groups, id).map_or_else(
                || "A group that is gone".to_owned(),
                |name| format!("Group {name}"),
            ),
            Reach::Tag(tag) => format!("Tag {tag}"),
            Reach::Server(id) => {
                let found = name(&self.servers, id);
                found.map_or_else(|| "A server that is gone".to_owned(), str::to_owned)
            }
        }
    }

    /// What there is to choose; a member who is limited to groups makes nothing for all or for tags.
    pub(super) fn choices(&self, chosen: &str) -> Vec<Choice> {
        let choice = |id: String, name: String| Choice {
            chosen: id == chosen,
            id,
            name,
        };
        let mut choices = Vec::new();
        if !self.limited {
            choices.push(choice(String::new(), ALL.to_owned()));
        }
        let groups = self.groups.iter();
        choices.extend(
            groups.map(|(id, name)| choice(format!("group:{id}"), format!("Group {name}"))),
        );
        if !self.limited {
            let tags = self.tags.iter();
            choices.extend(tags.map(|tag| choice(format!("tag:{tag}"), format!("Tag {tag}"))));
        }
        let servers = self.servers.iter();
        choices.extend(
            servers.map(|(id, name)| choice(format!("server:{id}"), format!("Server {name}"))),
        );
        // A tag that nobody has now stays what was chosen.
        if let Some(tag) = chosen.strip_prefix("tag:")
            && !choices.iter().any(|choice| choice.chosen)
        {
            choices.push(choice(chosen.to_owned(), format!("Tag {tag}")));
        }
        choices
    }

    /// The servers alone, by their ids.
    pub(super) fn servers(&self, chosen: &str) -> Vec<Choice> {
        let choice = |(id, name): &(Id<Server>, String)| Choice {
            id: id.to_string(),
            name: name.clone(),
            chosen: id.to_string() == chosen,
        };
        self.servers.iter().map(choice).collect()
    }
}

/// A reach as a form carries it; what is no id names nothing.
pub(super) fn read(text: &str) -> Result<Reach, Failure> {
    match text.split_once(':') {
        None if text.is_empty() => Ok(Reach::Organisation),
        Some(("group", id)) => {
            let id = id.parse().map_err(|_| Failure::not_found())?;
            Ok(Reach::Group(id))
        }
        Some(("server", id)) => {
            let id = id.parse().map_err(|_| Failure::not_found())?;
            Ok(Reach::Server(id))
        }
        Some(("tag", tag)) => Tag::new(tag)
            .map(Reach::Tag)
            .map_err(|why| Failure::invalid("scope", &why.to_string())),
        _ => Err(Failure::not_found()),
    }
}

/// The same, written.
pub(super) fn write(reach: &Reach) -> String {
    match reach {
        Reach::Organisation => String::new(),
        Reach::Group(id) => format!("group:{id}"),
        Reach::Tag(tag) => format!("tag:{tag}"),
        Reach::Server(id) => format!("server:{id}"),
    }
}

fn name<'a, T: PartialEq>(all: &'a [(T, String)], id: &T) -> Option<&'a str> {
    let found = all.iter().find(|(one, _)| one == id);
    found.map(|(_, name)| name.as_str())
}

const ALL: &str = "All servers";
