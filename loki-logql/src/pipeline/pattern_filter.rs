//! Patterns: literals with captures between them, as the line filter `|>` and the stage `| pattern` read them.

use memchr::memmem;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that must be there.
    Literal(Vec<u8>),
    /// `<name>`; `None` is `<_>`.
    Capture(Option<String>),
}

/// Splits a pattern into its parts; adjacent literals are one.
pub(super) fn parts(pattern: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = Vec::new();
    let mut rest = pattern;
    while let Some(&first) = rest.first() {
        if let Some(name) = capture(rest) {
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            rest = &rest[name.len() + 2..];
            parts.push(Part::Capture((name != "_").then(|| name.to_string())));
        } else {
            literal.push(first);
            rest = &rest[1..];
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

/// The name in `<name>`, if that is what the text starts with.
fn capture(text: &[u8]) -> Option<&str> {
    let name = text.strip_prefix(b"<")?;
    let name = &name[..memchr::memchr(b'>', name)?];
    let (first, others) = name.split_first()?;
    let is_name = (first.is_ascii_alphabetic() || *first == b'_')
        && others.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    std::str::from_utf8(name).ok().filter(|_| is_name)
}

/// The first two adjacent captures, as they are written.
pub(super) fn adjacent_captures(parts: &[Part]) -> Option<String> {
    let name = |part: &Part| match part {
        Part::Capture(name) => Some(format!("<{}>", name.as_deref().unwrap_or("_"))),
        Part::Literal(_) => None,
    };
    parts.windows(2).find_map(|pair| Some(name(&pair[0])? + &name(&pair[1])?))
}

/// A compiled `|>`.
#[derive(Debug, Clone)]
pub(super) struct PatternFilter {
    literals: Vec<memmem::Finder<'static>>,
    starts_with_capture: bool,
    ends_with_capture: bool,
}

impl PatternFilter {
    /// Compiles a pattern, in which all captures must be `<_>`.
    pub(super) fn new(pattern: &[u8]) -> Result<PatternFilter, String> {
        let parts = parts(pattern);
        if let Some(pair) = adjacent_captures(&parts) {
            return Err(format!("found consecutive capture '{pair}': invalid expression"));
        }
        let named = parts.iter().find_map(|part| match part {
            Part::Capture(Some(name)) => Some(name),
            _ => None,
        });
        if let Some(name) = named {
            return Err(format!("named captures are not allowed: found '<{name}>'"));
        }
        Ok(PatternFilter {
            starts_with_capture: matches!(parts.first(), Some(Part::Capture(_))),
            ends_with_capture: matches!(parts.last(), Some(Part::Capture(_))),
            literals: parts
                .iter()
                .filter_map(|part| match part {
                    Part::Literal(literal) => Some(memmem::Finder::new(literal).into_owned()),
                    Part::Capture(_) => None,
                })
                .collect(),
        })
    }

    /// The texts that every matching line holds.
    pub(super) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.literals.iter().map(memmem::Finder::needle)
    }

    /// Whether the line matches. A literal at the start may be found anywhere, one at the end must end the line, and
    /// every capture takes at least one byte.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        let is_empty = self.literals.is_empty() && !self.ends_with_capture;
        if is_empty || line.is_empty() {
            return is_empty && line.is_empty();
        }
        let mut rest = line;
        for (i, literal) in self.literals.iter().enumerate() {
            let Some(at) = literal.find(rest) else { return false };
            let is_first_part = i == 0 && !self.starts_with_capture;
            if at == 0 && !is_first_part {
                return false;
            }
            rest = &rest[at + literal.needle().len()..];
        }
        rest.is_empty() != self.ends_with_capture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, line: &str) -> bool {
        PatternFilter::new(pattern.as_bytes())
            .expect("a valid pattern")
            .is_match(line.as_bytes())
    }

    #[test]
    fn lines_match_as_in_loki() {
        for (pattern, yes, no) in [
            ("<_> <_>", vec!["a b", "a  b"], vec!["abc", " b", "a "]),
            ("a<_>", vec!["ab", "a b", "foo=1 bar=2"], vec!["a", "ba"]),
            ("<_>b", vec!["a b"], vec!["abb", "b"]),
            ("a b", vec!["a b", "xa b"], vec!["a bc"]),
            ("<_>=<_> bar", vec!["k=1 bar"], vec!["foo=1 bar=2", "k=1 bar bar"]),
            ("", vec![""], vec!["a"]),
            ("<_>", vec!["a"], vec![""]),
        ] {
            for line in yes {
                assert!(matches(pattern, line), "{pattern} {line}");
            }
            for line in no {
                assert!(!matches(pattern, line), "{pattern} {line}");
            }
        }
    }

    #[test]
    fn captures_must_be_unnamed_and_apart() {
        let error = |pattern: &str| PatternFilter::new(pattern.as_bytes()).unwrap_err();
        assert_eq!(error("<x>"), "named captures are not allowed: found '<x>'");
        assert_eq!(error("<_><_>"), "found consecutive capture '<_><_>': invalid expression");
    }

    #[test]
    fn what_is_no_capture_is_text() {
        for text in ["<1x>", "< x>", "<x-y>", "<", "<>", "<x", "<é>"] {
            assert_eq!(parts(text.as_bytes()), [Part::Literal(text.as_bytes().to_vec())]);
        }
        assert_eq!(
            parts(b"<<a>>"),
            [
                Part::Literal(b"<".to_vec()),
                Part::Capture(Some("a".to_string())),
                Part::Literal(b">".to_vec())
            ]
        );
    }
}
