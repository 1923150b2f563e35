//! Generated expressions against a naive matcher.

use crate::regex::{Regex, Shape, matcher_regex};
use crate::source::Literal;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// An expression as the naive matcher reads it.
#[derive(Debug, Clone)]
enum Re {
    Char(char),
    Dot,
    Class(bool, Vec<char>),
    Word,
    Begin,
    End,
    Boundary(bool),
    Concat(Vec<Re>),
    Alternate(Vec<Re>),
    Repeat(Box<Re>, usize, Option<usize>, bool),
    Group(Box<Re>),
    IgnoreCase(Box<Re>),
    DotAll(Box<Re>),
}

impl Re {
    fn print(&self) -> String {
        match self {
            Re::Char('\n') => r"\n".to_owned(),
            Re::Char(c) => c.to_string(),
            Re::Dot => ".".to_owned(),
            Re::Class(negated, chars) => {
                let sign = if *negated { "^" } else { "" };
                format!("[{sign}{}]", chars.iter().collect::<String>())
            }
            Re::Word => r"\w".to_owned(),
            Re::Begin => "^".to_owned(),
            Re::End => "$".to_owned(),
            Re::Boundary(true) => r"\b".to_owned(),
            Re::Boundary(false) => r"\B".to_owned(),
            Re::Concat(subs) => subs.iter().map(Re::print).collect(),
            Re::Alternate(subs) => {
                let subs: Vec<String> = subs.iter().map(Re::print).collect();
                format!("(?:{})", subs.join("|"))
            }
            Re::Repeat(sub, min, max, greedy) => {
                let lazy = if *greedy { "" } else { "?" };
                let count = match (min, max) {
                    (0, None) => "*".to_owned(),
                    (1, None) => "+".to_owned(),
                    (0, Some(1)) => "?".to_owned(),
                    (min, None) => format!("{{{min},}}"),
                    (min, Some(max)) => format!("{{{min},{max}}}"),
                };
                format!("(?:{}){count}{lazy}", sub.print())
            }
            Re::Group(sub) => format!("({})", sub.print()),
            Re::IgnoreCase(sub) => format!("(?i:{})", sub.print()),
            Re::DotAll(sub) => format!("(?s:{})", sub.print()),
        }
    }

    /// Where matches that start at one of `starts` end.
    fn ends(&self, text: &[char], starts: &BTreeSet<usize>, flags: Flags) -> BTreeSet<usize> {
        let step = |accepts: &dyn Fn(char) -> bool| -> BTreeSet<usize> {
            let accepted = starts.iter().filter(|&&i| text.get(i).is_some_and(|&c| accepts(c)));
            accepted.map(|i| i + 1).collect()
        };
        let only = |holds: &dyn Fn(usize) -> bool| starts.iter().copied().filter(|&i| holds(i)).collect();
        let same = |a: char, b: char| a == b || flags.ignore_case && fold(a) == fold(b);
        let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        match self {
            Re::Char(expected) => step(&|c| same(*expected, c)),
            Re::Dot => step(&|c| flags.dot_all || c != '\n'),
            Re::Class(negated, chars) => step(&|c| chars.iter().any(|&member| same(member, c)) != *negated),
            Re::Word => step(&|c| word(c) || flags.ignore_case && word(fold(c))),
            Re::Begin => only(&|i| i == 0),
            Re::End => only(&|i| i == text.len()),
            Re::Boundary(expected) => only(&|i| {
                let before = i > 0 && word(text[i - 1]);
                let behind = text.get(i).is_some_and(|&c| word(c));
                (before != behind) == *expected
            }),
            Re::Concat(subs) => subs
                .iter()
                .fold(starts.clone(), |starts, sub| sub.ends(text, &starts, flags)),
            Re::Alternate(subs) => subs.iter().flat_map(|sub| sub.ends(text, starts, flags)).collect(),
            Re::Repeat(sub, min, max, _) => {
                let mut now = starts.clone();
                for _ in 0..*min {
                    now = sub.ends(text, &now, flags);
                }
                let mut all = now.clone();
                // As many more rounds as can add a position.
                for _ in *min..max.unwrap_or(min + text.len() + 1) {
                    now = sub.ends(text, &now, flags);
                    all.extend(&now);
                }
                all
            }
            Re::Group(sub) => sub.ends(text, starts, flags),
            Re::IgnoreCase(sub) => sub.ends(
                text,
                starts,
                Flags {
                    ignore_case: true,
                    ..flags
                },
            ),
            Re::DotAll(sub) => sub.ends(text, starts, Flags { dot_all: true, ..flags }),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    dot_all: bool,
}

/// The least of the characters that equal `c` but for case, of those that are generated.
fn fold(c: char) -> char {
    match c {
        '\u{212a}' => 'k',
        'ſ' => 's',
        'É' => 'é',
        c => c.to_ascii_lowercase(),
    }
}

fn found(re: &Re, text: &[char]) -> bool {
    let starts = (0..=text.len()).collect();
    !re.ends(text, &starts, Flags::default()).is_empty()
}

fn whole(re: &Re, text: &[char], dot_all: bool) -> bool {
    let flags = Flags {
        dot_all,
        ..Flags::default()
    };
    re.ends(text, &BTreeSet::from([0]), flags).contains(&text.len())
}

/// A text as bytes, as Go reads it: a character a bad byte.
fn characters(text: &[u8]) -> Vec<char> {
    let mut out = Vec::new();
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars());
        out.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    out
}

fn a_char() -> impl Strategy<Value = char> {
    prop::sample::select(vec![
        'a', 'b', 'c', 'A', 'B', 'k', 'K', 's', '\n', 'é', 'É', '\u{212a}', 'ſ', '\u{fffd}',
    ])
}

fn a_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => a_char().prop_map(|c| c.to_string().into_bytes()),
        1 => prop::sample::select(vec![vec![0xff], vec![0xc3], vec![0xa9], vec![0xe2, 0x84]]),
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

fn an_expression() -> impl Strategy<Value = Re> {
    let leaf = prop_oneof![
        12 => a_char().prop_map(Re::Char),
        2 => Just(Re::Dot),
        2 => (any::<bool>(), prop::collection::vec(a_char(), 1..4)).prop_map(|(negated, chars)| Re::Class(negated, chars)),
        1 => Just(Re::Word),
        1 => prop_oneof![Just(Re::Begin), Just(Re::End), Just(Re::Boundary(true)), Just(Re::Boundary(false))],
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let count = prop_oneof![
            Just((0, None)),
            Just((1, None)),
            Just((0, Some(1))),
            (0usize..3, 0usize..2).prop_map(|(min, more)| (min, Some(min + more))),
            (2usize..4).prop_map(|min| (min, None)),
        ];
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 0..5).prop_map(Re::Concat),
            3 => prop::collection::vec(inner.clone(), 1..5).prop_map(Re::Alternate),
            2 => (inner.clone(), count, any::<bool>()).prop_map(|(sub, (min, max), greedy)| Re::Repeat(Box::new(sub), min, max, greedy)),
            1 => inner.clone().prop_map(|sub| Re::Group(Box::new(sub))),
            1 => inner.clone().prop_map(|sub| Re::IgnoreCase(Box::new(sub))),
            1 => inner.prop_map(|sub| Re::DotAll(Box::new(sub))),
        ]
    })
}

fn holds(text: &[u8], literal: &Literal) -> bool {
    let text = if literal.ignore_case {
        text.to_ascii_lowercase()
    } else {
        text.to_vec()
    };
    memchr::memmem::find(&text, &literal.bytes).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn matches_are_those_of_the_naive_matcher(re in an_expression(), texts in prop::collection::vec(a_text(), 1..8)) {
        let pattern = re.print();
        let search = Regex::new(&pattern, Shape::Search).unwrap();
        let exact = Regex::new(&pattern, Shape::Whole).unwrap();
        let dot_all = Regex::new(&pattern, Shape::WholeDotAll).unwrap();
        for text in texts {
            let characters = characters(&text);
            prop_assert_eq!(search.is_match(&text), found(&re, &characters), "{} {:?}", pattern, text);
            prop_assert_eq!(exact.is_match(&text), whole(&re, &characters, false), "{} {:?}", pattern, text);
            prop_assert_eq!(dot_all.is_match(&text), whole(&re, &characters, true), "{} {:?}", pattern, text);
        }
    }

    #[test]
    fn a_text_with_a_match_holds_the_required_literals(re in an_expression(), texts in prop::collection::vec(a_text(), 1..16)) {
        let pattern = re.print();
        let regex = Regex::new(&pattern, Shape::Search).unwrap();
        let required = regex.required_literals();
        for text in texts.iter().filter(|text| regex.is_match(text)) {
            for group in &required {
                prop_assert!(group.iter().any(|literal| holds(text, literal)), "{} {:?} {:?}", pattern, text, group);
            }
        }
    }

    #[test]
    fn needles_are_all_there_is_to_a_match(re in an_expression(), texts in prop::collection::vec(a_text(), 1..16)) {
        let pattern = re.print();
        let regex = Regex::new(&pattern, Shape::Search).unwrap();
        let needles = regex.needles();
        for text in texts {
            if let Some(needles) = &needles {
                let is_in = needles.iter().any(|needle| needle.is_in(&text));
                prop_assert_eq!(regex.is_match(&text), is_in, "{} {:?} {:?}", pattern, text, needles);
            }
        }
    }

    #[test]
    fn translations_match_what_the_expression_matches(re in an_expression(), texts in prop::collection::vec(a_text(), 1..8)) {
        let pattern = re.print();
        let translated = matcher_regex(&pattern).unwrap();
        let regex = regex_automata::meta::Regex::builder()
            .syntax(regex_automata::util::syntax::Config::new().utf8(false))
            .build(&format!("^(?:{translated})$"))
            .unwrap();
        for text in texts {
            let text = String::from_utf8_lossy(&text).into_owned();
            let characters: Vec<char> = text.chars().collect();
            prop_assert_eq!(regex.is_match(&text), whole(&re, &characters, true), "{} {} {:?}", pattern, translated, text);
        }
    }
}
