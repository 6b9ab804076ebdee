//! Input never becomes code: no template can put a value where it would be read as markup, script or a foreign address.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the templates must fail"
)]

mod rules;

use std::fs;
use std::path::Path;

use rules::problems;

/// The pages without a session; their forms have no token to carry.
const OPEN: [&str; 8] = [
    "confirm_channel.hbs",
    "confirm_email.hbs",
    "first_owner.hbs",
    "forgot_password.hbs",
    "invitation.hbs",
    "login.hbs",
    "reset_password.hbs",
    "second_step.hbs",
];

#[test]
fn every_template_keeps_the_rules() {
    let mut checked = 0;
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let found = problems(
            &fs::read_to_string(&path).unwrap(),
            !OPEN.contains(&name.as_str()),
        );
        assert!(found.is_empty(), "{name}: {found:#?}");
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} templates were found");
}

#[test]
fn every_template_is_registered() {
    let pages = fs::read_to_string(directory().join("../src/pages.rs")).unwrap();
    for entry in fs::read_dir(directory()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".hbs").unwrap();
        assert!(
            pages.contains(&format!("\n    \"{stem}\"\n")),
            "{name} is not in the list of templates"
        );
    }
}

#[test]
fn raw_output_is_caught() {
    for bad in [
        "{{{x}}}",
        "{{&x}}",
        "{{& x}}",
        "{{~{x}}}",
        "{{~&x}}",
        "{{ {x} }}",
        "<p title=\"{{{x}}}\">",
        "{{* inline}}",
    ] {
        assert_bad(bad);
    }
}

#[test]
fn script_and_style_in_the_page_are_caught() {
    for bad in [
        "<script>alert(1)</script>",
        "<script type=\"module\">let x = 1;</script>",
        "<SCRIPT>{{x}}</SCRIPT>",
        "<script src=\"/assets/a.js\">alert(1)</script>",
        "<script></script>",
        "<style>p { color: red }</style>",
        "<p style=\"color: red\">",
        "<p STYLE='{{x}}'>",
        "<p onclick=\"f()\">",
        "<p OnMouseOver='{{x}}'>",
        "<svg><rect onload=f()></svg>",
        "<svg/onload=f()>",
        "<iframe src=\"/a\"></iframe>",
        "<iframe srcdoc=\"{{x}}\">",
        "<base href=\"/\">",
        "<object data=\"/a\">",
        "<meta http-equiv=\"refresh\" content=\"0\">",
    ] {
        assert_bad(bad);
    }
}

#[test]
fn values_outside_of_quotes_are_caught() {
    for bad in [
        "<p title={{x}}>",
        "<p title = {{x}}>",
        "<p {{x}}>",
        "<p data-a=b{{x}}>",
        "<p class=\"a\" {{x}}=\"b\">",
    ] {
        assert_bad(bad);
    }
}

#[test]
fn addresses_from_values_are_caught() {
    for bad in [
        "<a href=\"{{x}}\">",
        "<a href='{{ x }}'>",
        "<img src=\"{{x}}\">",
        "<form action=\"{{x}}\">",
        "<button formaction=\"{{x}}\">",
        "<svg><use xlink:href=\"{{x}}\"/></svg>",
        "<a href=\"/{{x}}\">",
        "<a href=\"//{{x}}\">",
        "<a href=\"/\\{{x}}\">",
        "<a href=\"#{{x}}\">",
        "<a href=\"javascript:alert(1)\">",
        "<a href=\"https://example.org/\">",
        "<a href=\"//example.org/\">",
        "<a href=\"{{asset x}}\">",
        "<a href=\"{{asset \"a.css\"}}{{x}}\">",
        "<a href>",
    ] {
        assert_bad(bad);
    }
}

#[test]
fn a_form_without_the_token_is_caught() {
    let token = "<input type=\"hidden\" name=\"csrf_token\" value=\"{{frame.csrf_token}}\">";
    assert_bad("<form method=\"post\" action=\"/a\"></form>");
    assert_bad("<form METHOD='POST'></form>");
    assert_bad("<form method=\"post\"><input name=\"csrf_token\" value=\"\"></form>");
    assert_bad(&format!(
        "<form method=\"post\">{token}</form><form method=\"post\"></form>"
    ));
    assert_bad(&format!("{token}<form method=\"post\"></form>"));
    assert_good(&format!(
        "<form method=\"post\" action=\"/a\">{token}</form>"
    ));
    assert!(problems("<form method=\"post\"></form>", false).is_empty());
}

#[test]
fn what_is_allowed_passes() {
    for good in [
        "<p title=\"{{x}}\">{{y}}</p>",
        "<p{{#if x}} hidden{{else}} lang=\"en\"{{/if}}>a < b</p>",
        "<a href=\"/servers/{{id}}\">{{name}}</a>",
        "<a href=\"/servers?after={{cursor}}\">",
        "<a href=\"/\"><a href=\"#content\">",
        "<link href=\"{{asset \"app.css\"}}\">",
        "<script type=\"module\" src=\"{{asset \"a.js\"}}\"></script>",
        "{{> meter cpu}}{{#> layout}}{{> @partial-block}}{{/layout}}",
    ] {
        assert_good(good);
    }
}

/// Also the other way round: breaking a rule in any real template is noticed there.
#[test]
fn a_rule_broken_in_a_real_template_is_caught() {
    let template = fs::read_to_string(directory().join("servers.hbs")).unwrap();
    let value = template.find("{{name}}").unwrap();
    let raw = format!(
        "{}{{{{{{name}}}}}}{}",
        &template[..value],
        &template[value + "{{name}}".len()..]
    );
    assert_bad(&raw);
    assert_bad(&template.replace("href=\"/servers/{{id}}\"", "href=\"{{id}}\""));
    assert_bad(&template.replace("data-server=\"{{id}}\"", "data-server={{id}}"));
}

fn assert_bad(template: &str) {
    assert!(
        !problems(template, true).is_empty(),
        "nothing was noticed in {template}"
    );
}

fn assert_good(template: &str) {
    let found = problems(template, true);
    assert!(found.is_empty(), "{template}: {found:?}");
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"))
}
