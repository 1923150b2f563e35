//! The stage `| decolorize`: takes ANSI escape sequences out of a line.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// Operating system commands up to BEL, and control sequences up to their final byte.
const SEQUENCE: &str = "[\\x1B\\x{9B}][\\[\\]()#;?]*\
    (?:(?:(?:[a-zA-Z0-9]*(?:;[a-zA-Z0-9]*)*)?\\x07)\
    |(?:(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-PRZcf-ntqry=><~]))";

/// A compiled `| decolorize`.
#[derive(Debug)]
pub(super) struct Decolorize {
    sequence: Regex,
}

impl Decolorize {
    pub(super) fn new() -> Decolorize {
        let sequence = Regex::builder()
            .syntax(syntax::Config::new().utf8(false))
            .build(SEQUENCE)
            .expect("the expression is a valid constant");
        Decolorize { sequence }
    }

    /// Writes `line` without its sequences; false where it has none, and nothing is written.
    pub(super) fn strip(&self, line: &[u8], out: &mut Vec<u8>) -> bool {
        // In UTF-8, U+009B is C2 9B.
        if memchr::memchr2(0x1b, 0x9b, line).is_none() {
            return false;
        }
        out.clear();
        let mut end = 0;
        for found in self.sequence.find_iter(line) {
            out.extend_from_slice(&line[end..found.start()]);
            end = found.end();
        }
        out.extend_from_slice(&line[end..]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_taken_out() {
        let strip = |line: &str| {
            let mut out = Vec::new();
            match Decolorize::new().strip(line.as_bytes(), &mut out) {
                true => String::from_utf8(out).expect("text stays text"),
                false => line.to_string(),
            }
        };
        assert_eq!(strip("\x1b[31mred \x1b[0m"), "red ");
        assert_eq!(strip("\x1b]0;title\x07rest"), "rest");
        assert_eq!(strip("a\x1b[mb\x1b[Kc"), "abc");
        assert_eq!(strip("\u{9b}31mx"), "x");
        assert_eq!(strip("plain"), "plain");
    }
}
