//! Expressions that say no more than that a text holds one of some substrings.

use super::class;
use super::syntax::{Kind, Node};
use crate::source::Needle;
use regex_syntax::hir::ClassUnicode;

/// The most alternatives.
const MAX_ALTERNATIVES: usize = 8;
/// The longest needle, in bytes.
const MAX_LENGTH: usize = 128;

/// The needles of which a text that has a match of `root` somewhere holds one, and no other text does.
///
/// `None` where there are no such, or too many, or one of them is empty.
pub(super) fn needles(root: &Node) -> Option<Vec<Needle>> {
    let needles = expand(root, Edges { start: true, end: true })?;
    let is_usable = !needles.is_empty() && needles.iter().all(|needle| !needle.0.is_empty());
    is_usable.then_some(needles)
}

/// Whether nothing stands before or behind a part, so that of what it repeats the fewest copies say as much.
#[derive(Clone, Copy)]
struct Edges {
    start: bool,
    end: bool,
}

/// The texts that a node matches, of which there are few.
fn expand(node: &Node, edges: Edges) -> Option<Vec<Needle>> {
    match &node.kind {
        Kind::Empty => Some(vec![Needle(Vec::new())]),
        Kind::Literal { chars, fold } => {
            let mut places = Vec::new();
            for &c in chars {
                match fold {
                    true => places.push(ascii_members(&class::folds(c))?),
                    // It matches bytes that are not UTF-8, too.
                    false if c == char::REPLACEMENT_CHARACTER => return None,
                    false => places.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| vec![byte])),
                }
            }
            Some(vec![Needle(places)])
        }
        Kind::Class(class) => Some(vec![Needle(vec![ascii_members(class)?])]),
        Kind::AnyButNewline | Kind::Any | Kind::Look(_) => None,
        Kind::Capture { sub, .. } => expand(sub, edges),
        Kind::Repeat { count, sub, .. } => {
            let (min, max) = count.bounds();
            let is_open = edges.start || edges.end;
            let max = if is_open { min } else { max? };
            // A copy within a repetition has others beside it.
            let inner = Edges {
                start: edges.start && min == 1,
                end: edges.end && min == 1,
            };
            let copy = match max {
                0 => Vec::new(),
                _ => expand(sub, inner)?,
            };
            repeat(&copy, min, max)
        }
        Kind::Concat(subs) => {
            let mut whole = vec![Needle(Vec::new())];
            for (place, sub) in subs.iter().enumerate() {
                let edges = Edges {
                    start: edges.start && place == 0,
                    end: edges.end && place + 1 == subs.len(),
                };
                whole = cross(&whole, &expand(sub, edges)?)?;
            }
            Some(whole)
        }
        Kind::Alternate(subs) => {
            let mut all = Vec::new();
            for sub in subs {
                all.extend(expand(sub, edges)?);
                if all.len() > MAX_ALTERNATIVES {
                    return None;
                }
            }
            Some(all)
        }
    }
}

/// From `min` to `max` copies.
fn repeat(copy: &[Needle], min: u32, max: u32) -> Option<Vec<Needle>> {
    let mut copies = vec![Needle(Vec::new())];
    let mut all = Vec::new();
    for count in 0..=max {
        if count >= min {
            all.extend(copies.iter().cloned());
        }
        if count < max {
            copies = cross(&copies, copy)?;
        }
        if all.len() > MAX_ALTERNATIVES {
            return None;
        }
    }
    Some(all)
}

/// Every needle of `left` followed by every one of `right`; `None` where that is too much.
fn cross(left: &[Needle], right: &[Needle]) -> Option<Vec<Needle>> {
    let longest = |needles: &[Needle]| needles.iter().map(|needle| needle.0.len()).max().unwrap_or(0);
    if left.len() * right.len() > MAX_ALTERNATIVES || longest(left) + longest(right) > MAX_LENGTH {
        return None;
    }
    let joined = |a: &Needle, b: &Needle| Needle([a.0.as_slice(), b.0.as_slice()].concat());
    Some(
        left.iter()
            .flat_map(|a| right.iter().map(move |b| joined(a, b)))
            .collect(),
    )
}

/// The members of a class of ASCII characters: each is a byte, and no other byte is part of it.
fn ascii_members(class: &ClassUnicode) -> Option<Vec<u8>> {
    let ranges = class.ranges();
    if ranges.is_empty() || ranges.iter().any(|range| !range.end().is_ascii()) {
        return None;
    }
    Some(
        ranges
            .iter()
            .flat_map(|range| range.start() as u8..=range.end() as u8)
            .collect(),
    )
}
