//! Tags: a small alphabet, few, and each once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use server_scout_wire::tag::{InvalidTag, InvalidTags};
use server_scout_wire::{Tag, Tags};

#[test]
fn the_alphabet_is_small_and_the_length_bounded() {
    for good in ["a", "9", "web", "eu-west_1.b:2", &"x".repeat(32)] {
        assert_eq!(Tag::new(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        " ",
        "-a",
        ".a",
        "Web",
        "a b",
        "a,b",
        "a\n",
        "ü",
        "\u{202e}a",
        "wеb",
        "<b>",
        "a/b",
        "{{a}}",
        &"x".repeat(33),
    ] {
        assert_eq!(Tag::new(bad), Err(InvalidTag), "{bad:?}");
    }
}

#[test]
fn tags_come_in_order_each_once_and_not_too_many() {
    let tags = Tags::parse(["web", "db", "eu"]).unwrap();
    let texts: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    assert_eq!(texts, ["db", "eu", "web"]);
    assert_eq!(Tags::parse(["a", "b", "a"]), Err(InvalidTags::Twice));
    let many: Vec<String> = (0..17).map(|number| number.to_string()).collect();
    let texts = || many.iter().map(String::as_str);
    assert_eq!(Tags::parse(texts()), Err(InvalidTags::TooMany));
    assert_eq!(Tags::parse(texts().skip(1)).unwrap().iter().count(), 16);
    assert_eq!(Tags::parse(["a", "B"]), Err(InvalidTag.into()));
}
