//! What expressions match, where Go differs from the `regex` crate.

use crate::regex::{Regex, Shape, matcher_regex};

fn search(pattern: &str, text: impl AsRef<[u8]>) -> bool {
    Regex::new(pattern, Shape::Search).unwrap().is_match(text.as_ref())
}

#[test]
fn perls_classes_are_ascii() {
    for (pattern, yes, no) in [
        (r"^\d$", "7", "٣"),
        (r"^\w$", "_", "é"),
        (r"^\s$", "\x0c", "\u{a0}"),
        (r"^\s$", "\n", "\x0b"),
        (r"^[[:space:]]$", "\x0b", "\u{85}"),
        (r"^\D$", "٣", "3"),
        (r"^\W$", "é", "w"),
        (r"^[^\w]$", "é", "w"),
        (r"a\b", "aé", "ab"),
        (r"\Bé", "é", "aé"),
    ] {
        assert!(search(pattern, yes), "{pattern} {yes:?}");
        assert!(!search(pattern, no), "{pattern} {no:?}");
    }
}

#[test]
fn case_folds_as_unicode_says() {
    for (pattern, text) in [
        ("(?i)^k$", "\u{212a}"),
        ("(?i)^\u{212a}$", "k"),
        ("(?i)^s$", "ſ"),
        ("(?i)^straße$", "STRAẞE"),
        ("(?i)^σ$", "ς"),
        (r"(?i)^\w$", "ſ"),
        ("(?i)^[a-k]$", "\u{212a}"),
        (r"(?i)^\p{Lu}$", "a"),
        ("(?i:a)b", "Ab"),
    ] {
        assert!(search(pattern, text), "{pattern} {text:?}");
    }
    assert!(!search("(?i:a)b", "AB"));
    assert!(!search("(?i)^[^k]$", "\u{212a}"));
    assert!(!search("(?i)^straße$", "strasse"));
}

#[test]
fn what_is_special_elsewhere_is_literal() {
    for (pattern, text) in [
        ("^a{,2}$", "a{,2}"),
        ("^{foo}$", "{foo}"),
        ("^a{$", "a{"),
        ("^[[]$", "["),
        ("^[a&&b]+$", "&a"),
        ("^[+--]+$", ",-"),
        (r"^\<a\>$", "<a>"),
        (r"^\Qa.*\E$", "a.*"),
        (r"^\Q\d", r"\d"),
        (r"^\101\0$", "A\0"),
        (r"^a\b{start}$", "a{start}"),
        ("^[]a]$", "]"),
        ("^[a-]$", "-"),
        (r"^\x41\x{1F600}$", "A😀"),
        ("^#a b$", "#a b"),
    ] {
        assert!(search(pattern, text), "{pattern} {text:?}");
    }
}

#[test]
fn anchors_mean_the_text_unless_m_is_set() {
    assert!(!search("^b", "a\nb"));
    assert!(!search("a$", "a\n"));
    assert!(search("(?m)^b", "a\nb"));
    assert!(search("(?m)a$", "a\nb"));
    assert!(!search(r"(?m)a\z", "a\nb"));
    assert!(!search("(?m)a$", "a\r\nb"));
}

#[test]
fn flags_hold_to_the_end_of_their_group() {
    assert!(search("^(?:(?i)a)b$", "Ab"));
    assert!(!search("^(?:(?i)a)b$", "AB"));
    assert!(search("^a(?i)b|c$", "C"));
    assert!(search("^(?s-i:.)a$", "\na"));
}

#[test]
fn the_shape_says_what_must_match() {
    let matches = |shape, text: &str| Regex::new("a|b.", shape).unwrap().is_match(text.as_bytes());
    assert!(matches(Shape::Search, "xax"));
    assert!(!matches(Shape::Whole, "xax"));
    assert!(!matches(Shape::Whole, "ab"));
    assert!(!matches(Shape::Whole, "b\n"));
    assert!(matches(Shape::WholeDotAll, "b\n"));
}

#[test]
fn a_byte_that_is_not_utf8_is_one_character() {
    assert!(search("^.$", b"\xff"));
    assert!(search("^..$", b"\xff\xc3"));
    assert!(search("^[^a]$", b"\x80"));
    assert!(search("^\u{fffd}$", b"\xff"));
    assert!(search("^a.b$", b"a\xe2b"));
    // A truncated sequence is as many characters as it has bytes.
    assert!(search("^..$", b"\xe2\x82"));
    assert!(!search("^.$", b"\xe2\x82"));
    // Valid text is read by its characters.
    assert!(search("^.$", "é"));
    assert!(!search("^..$", "é"));
    assert!(!search(r"^\w$", b"\xff"));
    assert!(!search("^[a-z]$", b"\xff"));
}

#[test]
fn names_of_groups_may_start_with_a_digit_and_repeat() {
    let regex = Regex::new("(?P<1x>a)(b)(?<n>c)((?P<n>d))", Shape::Search).unwrap();
    let names: Vec<(usize, &str)> = regex.group_names().collect();
    assert_eq!(names, [(1, "1x"), (3, "n"), (5, "n")]);
    let mut captures = regex.inner().create_captures();
    regex.inner().captures("abcd", &mut captures);
    assert_eq!(captures.get_group(5).map(|span| span.range()), Some(3..4));
}

#[test]
fn translations_match_as_the_original() {
    for (pattern, yes, no) in [
        ("a|b", "a", "c"),
        (r"\d+{x}", "1{x}", "٣{x}"),
        ("a.b", "a\nb", "ab"),
        ("(?i)Foo", "fOO", "bar"),
        (r"(a|b)\.(?P<1>c)", "a.c", "abc"),
        (r"\bx\b", "x", "xx"),
        (r"\p{Greek}", "α", "a"),
    ] {
        let translated = matcher_regex(pattern).unwrap();
        let regex = regex_automata::meta::Regex::new(&format!("^(?:{translated})$")).unwrap();
        assert!(regex.is_match(yes), "{pattern} {translated}");
        assert!(!regex.is_match(no), "{pattern} {translated}");
    }
}
