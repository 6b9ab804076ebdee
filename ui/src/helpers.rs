//! What templates can call, and how every value is escaped.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext,
    RenderErrorReason, Renderable,
};

use crate::assets;

/// Sets the escaping and registers the helpers.
pub(crate) fn register(templates: &mut Handlebars<'_>) {
    templates.register_escape_fn(escape);
    templates.register_helper("asset", Box::new(asset));
    templates.register_helper("if", Box::new(StrictIf { positive: true }));
    templates.register_helper("unless", Box::new(StrictIf { positive: false }));
}

/// Makes a value safe between tags and inside quoted attributes.
///
/// Beyond the characters of HTML, it replaces what would reorder or hide the text around it: control
/// characters other than tab and line feed, and the bidirectional and invisible formatting characters.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '`' => escaped.push_str("&#x60;"),
            '=' => escaped.push_str("&#x3D;"),
            '\t' | '\n' => escaped.push(character),
            _ if character.is_control() || reorders_or_hides(character) => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

fn reorders_or_hides(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// `{{asset "app.css"}}`: the address of an embedded file, with the hash of its content.
fn asset(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let url = helper
        .param(0)
        .and_then(|name| name.value().as_str())
        .and_then(assets::url)
        .ok_or_else(|| RenderErrorReason::Other("no asset has that name".to_owned()))?;
    out.write(&escape(url))?;
    Ok(())
}

/// `{{#if x}}` and `{{#unless x}}` for which a missing `x` is an error.
///
/// The built-in ones take it for false even in strict mode, and a misspelt name would hide content.
struct StrictIf {
    positive: bool,
}

impl HelperDef for StrictIf {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = helper
            .param(0)
            .ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        if value.is_value_missing() {
            let name = value.relative_path().cloned();
            return Err(RenderErrorReason::MissingVariable(name).into());
        }
        let truthy = value.value().is_truthy(false);
        #[cfg(test)]
        conditions::note(value.relative_path(), truthy);
        let chosen = if truthy == self.positive {
            helper.template()
        } else {
            helper.inverse()
        };
        match chosen {
            Some(template) => template.render(registry, context, render, out),
            None => Ok(()),
        }
    }
}

/// Which conditions were met and which were not, so that a test can tell whether it tried both.
#[cfg(test)]
pub(crate) mod conditions {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static SEEN: RefCell<BTreeSet<(String, bool)>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(name: Option<&String>, truthy: bool) {
        SEEN.with_borrow_mut(|seen| seen.extend(name.map(|name| (name.clone(), truthy))));
    }

    pub(crate) fn forget() {
        SEEN.with_borrow_mut(BTreeSet::clear);
    }

    pub(crate) fn seen() -> BTreeSet<(String, bool)> {
        SEEN.with_borrow(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str, data: &serde_json::Value) -> Result<String, handlebars::RenderError> {
        let mut templates = Handlebars::new();
        templates.set_strict_mode(true);
        register(&mut templates);
        templates.render_template(template, data)
    }

    #[test]
    fn every_character_that_html_reads_is_escaped() {
        assert_eq!(
            escape("<a b=\"c\">'`&"),
            "&lt;a b&#x3D;&quot;c&quot;&gt;&#x27;&#x60;&amp;"
        );
    }

    #[test]
    fn characters_that_reorder_or_hide_text_are_replaced() {
        for hostile in [
            '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\0', '\u{1b}', '\r', '\u{85}',
        ] {
            assert_eq!(escape(&format!("a{hostile}b")), "a\u{fffd}b", "{hostile:?}");
        }
        assert_eq!(escape("a\tb\nc"), "a\tb\nc");
        assert_eq!(escape("ünïcödé 服务器"), "ünïcödé 服务器");
    }

    #[test]
    fn a_missing_name_in_a_condition_is_an_error() {
        for template in [
            "{{#if x}}a{{/if}}",
            "{{#unless x}}a{{/unless}}",
            "{{#if y.x}}a{{/if}}",
        ] {
            assert!(render(template, &json!({ "y": {} })).is_err(), "{template}");
        }
    }

    #[test]
    fn conditions_choose_as_the_built_in_ones_do() -> Result<(), handlebars::RenderError> {
        let template = "{{#if x}}a{{else}}b{{/if}}{{#unless x}}c{{else}}d{{/unless}}";
        for falsy in [json!(null), json!(false), json!(""), json!([]), json!(0)] {
            assert_eq!(render(template, &json!({ "x": falsy }))?, "bc");
        }
        for truthy in [json!(true), json!("0"), json!([0]), json!(1)] {
            assert_eq!(render(template, &json!({ "x": truthy }))?, "ad");
        }
        Ok(())
    }

    #[test]
    fn an_unknown_asset_is_an_error() {
        assert!(render("{{asset \"absent.css\"}}", &json!({})).is_err());
        assert!(render("{{asset name}}", &json!({ "name": "../Cargo.toml" })).is_err());
    }
}
