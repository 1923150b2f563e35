//! Substrings that every match of an expression holds.

use super::class;
use super::syntax::{Kind, Node};
use crate::source::Literal;
use regex_syntax::hir::ClassUnicode;

/// The most alternatives of one OR.
const MAX_ALTERNATIVES: usize = 64;
/// The longest literal that is built, in bytes.
const MAX_LENGTH: usize = 128;
/// The most ORs.
const MAX_GROUPS: usize = 16;
/// From this length on a literal serves an index; shorter ones are only kept where there is nothing better.
const GOOD_LENGTH: usize = 3;
/// The largest class whose members are listed.
const MAX_CLASS: usize = 16;

/// The literals that a text must hold for `root` to match in it: an AND of ORs, empty where nothing is known.
///
/// Sound, not complete: a text without one of them has no match, a text with all of them may have none. A literal
/// that ignores ASCII case stands for letters of which both cases, and no others, match.
pub(super) fn required(root: &Node) -> Vec<Vec<Literal>> {
    let known = know(root);
    let mut groups = known.groups;
    groups.extend(known.exact.and_then(group));
    groups.sort_by_key(|group| std::cmp::Reverse(shortest(group)));
    groups.dedup();
    match groups.iter().position(|group| shortest(group) < GOOD_LENGTH) {
        Some(0) => groups.truncate(1),
        Some(bad) => groups.truncate(bad.min(MAX_GROUPS)),
        None => groups.truncate(MAX_GROUPS),
    }
    groups
}

/// What is known of the texts that a node matches.
struct Known {
    /// All of them, if they are few.
    exact: Option<Vec<Literal>>,
    /// What each of them holds.
    groups: Vec<Vec<Literal>>,
}

impl Known {
    const NOTHING: Known = Known {
        exact: None,
        groups: Vec::new(),
    };

    fn exactly(exact: Vec<Literal>) -> Known {
        Known {
            exact: Some(exact),
            groups: Vec::new(),
        }
    }

    /// The best OR that is known.
    fn best_group(self) -> Option<Vec<Literal>> {
        let exact = self.exact.and_then(group);
        self.groups
            .into_iter()
            .chain(exact)
            .max_by_key(|group| (shortest(group), std::cmp::Reverse(group.len())))
    }
}

fn empty() -> Vec<Literal> {
    vec![Literal {
        bytes: Vec::new(),
        ignore_case: false,
    }]
}

fn shortest(group: &[Literal]) -> usize {
    group.iter().map(|literal| literal.bytes.len()).min().unwrap_or(0)
}

fn know(node: &Node) -> Known {
    match &node.kind {
        Kind::Empty | Kind::Look(_) => Known::exactly(empty()),
        Kind::Literal { chars, fold } => know_literal(chars, *fold),
        Kind::Class(class) => members(class).map_or(Known::NOTHING, Known::exactly),
        Kind::AnyButNewline | Kind::Any => Known::NOTHING,
        Kind::Capture { sub, .. } => know(sub),
        Kind::Repeat { count, sub, .. } => know_repeat(count.bounds(), sub),
        Kind::Concat(subs) => know_sequence(subs.iter().map(know)),
        Kind::Alternate(subs) => know_alternatives(subs),
    }
}

fn know_literal(chars: &[char], fold: bool) -> Known {
    know_sequence(chars.iter().map(|&c| {
        let class = if fold {
            class::folds(c)
        } else {
            class::range(u32::from(c), u32::from(c))
        };
        members(&class).map_or(Known::NOTHING, Known::exactly)
    }))
}

/// The members of a small class; a letter in both cases is one literal.
///
/// A class with U+FFFD has none: it matches bytes that are not UTF-8 as well. Nor has the empty class, which would
/// make an OR of nothing.
fn members(class: &ClassUnicode) -> Option<Vec<Literal>> {
    let count: usize = class.ranges().iter().map(|range| range.len()).sum();
    if count == 0 || count > MAX_CLASS || class::contains(class, char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let other_case = |c: char| c.is_ascii_alphabetic() && class::contains(class, char::from(c as u8 ^ 0x20));
    let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end());
    Some(
        chars
            .filter(|&c| !(c.is_ascii_uppercase() && other_case(c)))
            .map(|c| Literal {
                bytes: c.to_string().into_bytes(),
                ignore_case: other_case(c),
            })
            .collect(),
    )
}

fn know_repeat((min, max): (u32, Option<u32>), sub: &Node) -> Known {
    match (min, max) {
        (_, Some(0)) => Known::exactly(empty()),
        (0, Some(1)) => match know(sub).exact {
            Some(mut exact) if exact.len() < MAX_ALTERNATIVES => {
                exact.extend(empty());
                Known::exactly(exact)
            }
            _ => Known::NOTHING,
        },
        (0, _) => Known::NOTHING,
        (1, Some(1)) => know(sub),
        _ => know_copies(min, max == Some(min), know(sub)),
    }
}

/// What is known of `min` copies, and more of them unless `only`.
fn know_copies(min: u32, only: bool, sub: Known) -> Known {
    let Known {
        exact: Some(exact),
        groups,
    } = sub
    else {
        return Known {
            exact: None,
            groups: sub.groups,
        };
    };
    let mut product = exact.clone();
    for _ in 1..min {
        match cross(&product, &exact) {
            Some(longer) => product = longer,
            None => {
                return Known {
                    exact: None,
                    groups: groups.into_iter().chain(group(product)).collect(),
                };
            }
        }
    }
    match only {
        true => Known {
            exact: Some(product),
            groups,
        },
        false => Known {
            exact: None,
            groups: groups.into_iter().chain(group(product)).collect(),
        },
    }
}

/// What is known of parts one behind the other.
fn know_sequence(parts: impl Iterator<Item = Known>) -> Known {
    let mut groups = Vec::new();
    // The texts of the parts since the last one that is not known exactly.
    let mut run = empty();
    let mut is_exact = true;
    for part in parts {
        groups.extend(part.groups);
        match part.exact {
            Some(exact) => match cross(&run, &exact) {
                Some(longer) => run = longer,
                None => {
                    groups.extend(group(std::mem::replace(&mut run, exact)));
                    is_exact = false;
                }
            },
            None => {
                groups.extend(group(std::mem::replace(&mut run, empty())));
                is_exact = false;
            }
        }
        trim(&mut groups);
    }
    if is_exact {
        return Known {
            exact: Some(run),
            groups,
        };
    }
    groups.extend(group(run));
    Known { exact: None, groups }
}

/// Keeps the best of many ORs, so that a long expression does not carry them all along.
fn trim(groups: &mut Vec<Vec<Literal>>) {
    if groups.len() > 4 * MAX_GROUPS {
        groups.sort_by_key(|group| std::cmp::Reverse(shortest(group)));
        groups.truncate(2 * MAX_GROUPS);
    }
}

/// Every text of `left` followed by every text of `right`; `None` where that is too much.
fn cross(left: &[Literal], right: &[Literal]) -> Option<Vec<Literal>> {
    let longest = |set: &[Literal]| set.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
    if left.len() * right.len() > MAX_ALTERNATIVES || longest(left) + longest(right) > MAX_LENGTH {
        return None;
    }
    Some(
        left.iter()
            .flat_map(|a| right.iter().map(move |b| join(a, b)))
            .collect(),
    )
}

/// One literal behind the other. Where only one ignores case the whole does, which allows more and stays sound.
fn join(a: &Literal, b: &Literal) -> Literal {
    let ignore_case = a.ignore_case || b.ignore_case;
    let mut bytes = [a.bytes.as_slice(), b.bytes.as_slice()].concat();
    if ignore_case {
        bytes.make_ascii_lowercase();
    }
    Literal { bytes, ignore_case }
}

fn know_alternatives(subs: &[Node]) -> Known {
    let mut exact: Option<Vec<Literal>> = Some(Vec::new());
    let mut any: Option<Vec<Literal>> = Some(Vec::new());
    for sub in subs {
        let known = know(sub);
        exact = match (exact, &known.exact) {
            (Some(mut all), Some(these)) if known.groups.is_empty() && all.len() + these.len() <= MAX_ALTERNATIVES => {
                all.extend(these.iter().cloned());
                Some(all)
            }
            _ => None,
        };
        any = match (any, known.best_group()) {
            (Some(mut all), Some(these)) if all.len() + these.len() <= MAX_ALTERNATIVES => {
                all.extend(these);
                Some(all)
            }
            _ => None,
        };
        if exact.is_none() && any.is_none() {
            return Known::NOTHING;
        }
    }
    match exact {
        Some(exact) => Known::exactly(exact),
        None => Known {
            exact: None,
            groups: any.and_then(group).into_iter().collect(),
        },
    }
}

/// `literals` as an OR: `None` where one is empty; those that hold another one left out.
fn group(mut literals: Vec<Literal>) -> Option<Vec<Literal>> {
    if literals.is_empty() || literals.iter().any(|literal| literal.bytes.is_empty()) {
        return None;
    }
    literals.sort_by(|a, b| a.bytes.len().cmp(&b.bytes.len()).then_with(|| a.bytes.cmp(&b.bytes)));
    let mut kept: Vec<Literal> = Vec::new();
    for literal in literals {
        if !kept.iter().any(|shorter| implies(&literal, shorter)) {
            kept.push(literal);
        }
    }
    Some(kept)
}

/// Whether every text that holds `longer` holds `shorter`.
fn implies(longer: &Literal, shorter: &Literal) -> bool {
    match (longer.ignore_case, shorter.ignore_case) {
        (true, false) => false,
        (false, true) => memchr::memmem::find(&longer.bytes.to_ascii_lowercase(), &shorter.bytes).is_some(),
        _ => memchr::memmem::find(&longer.bytes, &shorter.bytes).is_some(),
    }
}
