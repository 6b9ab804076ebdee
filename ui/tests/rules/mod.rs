//! The rules for templates: what would let a value become markup, script or an address.
//!
//! The check reads a template as a browser would read its page, with `{{…}}` as opaque parts.

/// What a template does against the rules; empty when nothing.
pub(crate) fn problems(template: &str, behind_login: bool) -> Vec<String> {
    let mut check = Check {
        rest: template,
        behind_login,
        problems: Vec::new(),
    };
    check.raw_output();
    check.markup();
    check.problems
}

struct Check<'a> {
    rest: &'a str,
    behind_login: bool,
    problems: Vec<String>,
}

struct Tag<'a> {
    name: String,
    attributes: Vec<(&'a str, Option<&'a str>)>,
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|(attribute, _)| attribute.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.unwrap_or_default())
    }
}

impl<'a> Check<'a> {
    fn raw_output(&mut self) {
        for (at, _) in self.rest.match_indices("{{") {
            let inside = self.rest[at + 2..].trim_start_matches('~').trim_start();
            if inside.starts_with(['{', '&', '*']) {
                self.complain("raw output or a decorator", &self.rest[at..]);
            }
        }
    }

    fn markup(&mut self) {
        let mut lacks_token = false;
        while let Some(start) = self.next_tag() {
            self.rest = &self.rest[start..];
            let from = self.rest;
            let tag = self.tag();
            match tag.name.as_str() {
                "script" => self.script(&tag, from),
                "style" | "iframe" | "object" | "embed" | "base" | "frame" => {
                    self.complain("an element that is not allowed", from);
                }
                "meta" if tag.attribute("http-equiv").is_some() => {
                    self.complain("http-equiv", from);
                }
                "form" => {
                    let method = tag.attribute("method").unwrap_or_default();
                    lacks_token = method.eq_ignore_ascii_case("post");
                }
                "input" if is_token(&tag) => lacks_token = false,
                "/form" if lacks_token && self.behind_login => {
                    self.complain("a POST form without the csrf_token", from);
                }
                _ => {}
            }
        }
        if lacks_token && self.behind_login {
            self.complain("a POST form without the csrf_token and without an end", "");
        }
    }

    /// The next `<` that begins a tag, outside of `{{…}}`.
    fn next_tag(&self) -> Option<usize> {
        let mut at = 0;
        while at < self.rest.len() {
            let here = &self.rest[at..];
            if here.starts_with("{{") {
                at += end_of_mustache(here);
            } else if here.starts_with('<')
                && here[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
            {
                return Some(at);
            } else {
                at += here.chars().next().map_or(1, char::len_utf8);
            }
        }
        None
    }

    /// Reads a tag and checks its attributes.
    fn tag(&mut self) -> Tag<'a> {
        let whole = self.rest;
        self.rest = &self.rest[1..];
        let slash = if self.rest.starts_with('/') { "/" } else { "" };
        self.rest = &self.rest[slash.len()..];
        let name = self.take(|c| c.is_whitespace() || matches!(c, '>' | '/' | '{'));
        let name = format!("{slash}{}", name.to_ascii_lowercase());
        let mut tag = Tag {
            name,
            attributes: Vec::new(),
        };
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if self.rest.is_empty() {
                self.complain("a tag that does not end", whole);
                return tag;
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return tag;
            }
            if self.rest.starts_with("{{") {
                let (mustache, rest) = self.rest.split_at(end_of_mustache(self.rest));
                if !mustache.starts_with("{{#")
                    && !mustache.starts_with("{{/")
                    && mustache != "{{else}}"
                {
                    self.complain("a value between attributes", mustache);
                }
                self.rest = rest;
                continue;
            }
            let attribute = self.attribute();
            self.attribute_rules(attribute);
            tag.attributes.push(attribute);
        }
    }

    fn attribute(&mut self) -> (&'a str, Option<&'a str>) {
        let name = self.take(|c| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '{'));
        if name.is_empty() {
            // Nothing that an attribute begins with: step over it.
            let next = self.rest.chars().next().map_or(0, char::len_utf8);
            self.rest = &self.rest[next..];
        }
        let Some(rest) = self.rest.trim_start().strip_prefix('=') else {
            return (name, None);
        };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            self.rest = rest;
            let value = self.take(|c| c.is_whitespace() || c == '>');
            if value.contains("{{") {
                self.complain("a value in an attribute without quotes", value);
            }
            return (name, Some(value));
        };
        let mut at = 1;
        while at < rest.len() && !rest[at..].starts_with(quote) {
            let here = &rest[at..];
            at += if here.starts_with("{{") {
                end_of_mustache(here)
            } else {
                here.chars().next().map_or(1, char::len_utf8)
            };
        }
        self.rest = rest.get(at + 1..).unwrap_or_default();
        (name, Some(&rest[1..at]))
    }

    fn attribute_rules(&mut self, (name, value): (&str, Option<&str>)) {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("on") {
            self.complain("an event handler", name);
        }
        if matches!(
            lower.as_str(),
            "style" | "srcdoc" | "srcset" | "ping" | "background"
        ) {
            self.complain("an attribute that is not allowed", name);
        }
        if matches!(
            lower.as_str(),
            "href" | "src" | "action" | "formaction" | "xlink:href" | "poster" | "data"
        ) {
            let value = value.unwrap_or_default();
            if !is_approved_address(value) {
                self.complain("an address that is not approved", value);
            }
        }
    }

    fn script(&mut self, tag: &Tag<'_>, from: &str) {
        let body = self.rest.split("</script").next().unwrap_or_default();
        if !body.trim().is_empty() || tag.attribute("src").is_none() {
            self.complain("a script in the page", from);
        }
        self.rest = &self.rest[body.len()..];
    }

    fn take(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self
            .rest
            .split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn complain(&mut self, what: &str, at: &str) {
        let excerpt: String = at.chars().take(60).collect();
        self.problems.push(format!("{what}: {excerpt}"));
    }
}

/// The hidden field that carries the session's token.
fn is_token(tag: &Tag<'_>) -> bool {
    tag.attribute("name") == Some("csrf_token")
        // Within a list the frame is one level up.
        && matches!(
            tag.attribute("value"),
            Some(
                "{{frame.csrf_token}}" | "{{../frame.csrf_token}}" | "{{@root.frame.csrf_token}}"
            )
        )
}

/// An asset, a place in the page, or a path of ours in which values stand behind a fixed first segment:
/// `/{{x}}` could become `//elsewhere`.
fn is_approved_address(value: &str) -> bool {
    if value.starts_with("{{asset \"") {
        return value.matches("{{").count() == 1 && value.ends_with("\"}}");
    }
    if let Some(place) = value.strip_prefix('#') {
        return !place.contains("{{");
    }
    let Some(path) = value.strip_prefix('/') else {
        return false;
    };
    if path.starts_with('/') || path.starts_with('\\') {
        return false;
    }
    match path.split_once("{{") {
        None => true,
        Some((fixed, _)) => {
            let segment = fixed.split(['/', '?']).next().unwrap_or_default();
            !segment.is_empty() && segment.len() < fixed.len()
        }
    }
}

/// The length of the `{{…}}` at the start of `text`.
fn end_of_mustache(text: &str) -> usize {
    text.find("}}").map_or(text.len(), |end| end + 2)
}
