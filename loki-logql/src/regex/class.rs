//! Classes of characters: ranges, Perl's and POSIX' names, Unicode's categories and scripts, case folding.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

/// The class of the code points `low..=high`; surrogates, which no text holds, are left out.
pub(super) fn range(low: u32, high: u32) -> ClassUnicode {
    let mut class = ClassUnicode::empty();
    for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
        if let (true, Some(low), Some(high)) = (low <= high, char::from_u32(low), char::from_u32(high)) {
            class.push(ClassUnicodeRange::new(low, high));
        }
    }
    class
}

/// Adds every character that is equal to one of `class` but for case.
pub(super) fn fold(class: &mut ClassUnicode) {
    class
        .try_case_fold_simple()
        .expect("the case tables of regex-syntax are compiled in");
}

/// The characters that equal `c` but for case, itself included, in ascending order.
pub(super) fn folds(c: char) -> ClassUnicode {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    fold(&mut class);
    class
}

/// The least character that equals `c` but for case.
pub(super) fn least_fold(c: char) -> char {
    folds(c).ranges().first().map_or(c, ClassUnicodeRange::start)
}

/// If `class` is one character, or one letter in both cases and nothing else: its least, and whether case is ignored.
pub(super) fn as_literal(class: &ClassUnicode) -> Option<(char, bool)> {
    let first = class.ranges().first()?.start();
    let mut members = class.ranges().iter().flat_map(|r| r.start()..=r.end());
    match (members.next(), members.next(), members.next()) {
        (Some(_), None, _) => Some((first, false)),
        (Some(_), Some(_), None) if folds(first) == *class => Some((first, true)),
        _ => None,
    }
}

pub(super) fn contains(class: &ClassUnicode, c: char) -> bool {
    class.ranges().iter().any(|r| r.start() <= c && c <= r.end())
}

/// All characters.
pub(super) fn any() -> ClassUnicode {
    range(0, 0x10_ffff)
}

/// All characters but the newline.
pub(super) fn any_but_newline() -> ClassUnicode {
    let mut class = range(u32::from('\n'), u32::from('\n'));
    class.negate();
    class
}

/// The class of `\d`, `\s` or `\w`, by its small letter.
pub(super) fn perl(letter: char) -> Option<ClassUnicode> {
    match letter {
        'd' => posix("digit"),
        's' => Some(ascii(&[b'\t'..=b'\n', b'\x0c'..=b'\r', b' '..=b' '])),
        'w' => posix("word"),
        _ => None,
    }
}

/// The class of `[:name:]`.
pub(super) fn posix(name: &str) -> Option<ClassUnicode> {
    Some(match name {
        "alnum" => ascii(&[b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z']),
        "alpha" => ascii(&[b'A'..=b'Z', b'a'..=b'z']),
        "ascii" => ascii(&[0..=0x7f]),
        "blank" => ascii(&[b'\t'..=b'\t', b' '..=b' ']),
        "cntrl" => ascii(&[0..=0x1f, 0x7f..=0x7f]),
        "digit" => ascii(&[b'0'..=b'9']),
        "graph" => ascii(&[b'!'..=b'~']),
        "lower" => ascii(&[b'a'..=b'z']),
        "print" => ascii(&[b' '..=b'~']),
        "punct" => ascii(&[b'!'..=b'/', b':'..=b'@', b'['..=b'`', b'{'..=b'~']),
        "space" => ascii(&[b'\t'..=b'\r', b' '..=b' ']),
        "upper" => ascii(&[b'A'..=b'Z']),
        "word" => ascii(&[b'0'..=b'9', b'A'..=b'Z', b'_'..=b'_', b'a'..=b'z']),
        "xdigit" => ascii(&[b'0'..=b'9', b'A'..=b'F', b'a'..=b'f']),
        _ => return None,
    })
}

fn ascii(ranges: &[std::ops::RangeInclusive<u8>]) -> ClassUnicode {
    ClassUnicode::new(
        ranges
            .iter()
            .map(|r| ClassUnicodeRange::new(char::from(*r.start()), char::from(*r.end()))),
    )
}

/// The class of `\p{name}`: a general category, by its short name or its long one, or a script by its long one.
pub(super) fn unicode(name: &str) -> Option<ClassUnicode> {
    let canonical: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // `is` is a prefix that regex-syntax reads over and Go does not know.
    if canonical.starts_with("is") || !canonical.bytes().all(|b| b.is_ascii_alphanumeric()) || canonical.is_empty() {
        return None;
    }
    match canonical.as_str() {
        // No text holds surrogates.
        "cs" | "surrogate" => return Some(ClassUnicode::empty()),
        "any" => return Some(any()),
        _ => {}
    }
    table(&format!(r"\p{{gc={canonical}}}")).or_else(|| {
        // Four letters are an ISO 15924 code, which Go does not know, or one of these names.
        let is_name =
            canonical.len() != 4 || matches!(canonical.as_str(), "ahom" | "cham" | "kawi" | "lisu" | "modi" | "thai");
        is_name.then(|| table(&format!(r"\p{{sc={canonical}}}"))).flatten()
    })
}

/// The class that regex-syntax reads `pattern` as.
fn table(pattern: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    match hir.into_kind() {
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => Some(class),
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(range(u32::from(c), u32::from(c)))
        }
        _ => None,
    }
}
