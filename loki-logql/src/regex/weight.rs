//! What an expression costs before it is compiled.

use super::parse::parse;
use super::syntax::{Kind, Node};

/// Roughly how many states the automaton of `go_pattern` has; 1 where it is no expression.
///
/// The bytes of UTF-8 make one state of a character, and four of a range in a class. A state takes some twenty bytes.
pub(crate) fn weight(go_pattern: &str) -> u64 {
    parse(go_pattern, false).map_or(1, |root| weigh(&root))
}

fn weigh(node: &Node) -> u64 {
    match &node.kind {
        Kind::Empty | Kind::Look(_) => 1,
        Kind::Literal { chars, fold } => {
            let bytes: u64 = chars.iter().map(|c| c.len_utf8() as u64).sum();
            // In any case: a class of two or three characters each.
            if *fold { bytes.saturating_mul(4) } else { bytes }
        }
        Kind::Class(class) => (class.ranges().len() as u64).saturating_mul(4).max(1),
        Kind::AnyButNewline | Kind::Any => 12,
        Kind::Capture { sub, .. } => weigh(sub).saturating_add(2),
        Kind::Repeat { count, sub, .. } => {
            let (min, max) = count.bounds();
            let copies = u64::from(max.unwrap_or(min)).max(1);
            weigh(sub).saturating_add(1).saturating_mul(copies)
        }
        Kind::Concat(subs) | Kind::Alternate(subs) => subs.iter().fold(1, |sum, sub| sum.saturating_add(weigh(sub))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_classes_weigh() {
        assert_eq!(weight("abc"), 3);
        assert_eq!(weight("é(?i)k"), weight("é") + weight("(?i)k") + 1);
        assert!(weight(r"\pL") > 1000);
        assert!(weight(r"(?:\pL{10}){10}") > 100 * weight(r"\pL"));
        assert!(weight(r"\w{3,1000}x") > 1000);
        assert_eq!(weight("("), 1);
    }
}
