//! Tree to the form that regex-automata compiles, and to text for an index that compiles its own.

use super::class;
use super::syntax::{Kind, Look, Node};
use regex_syntax::hir::{self, Class, Dot, Hir, HirKind};

/// `node` as regex-syntax' tree. Groups are numbered from 1 and have no names: Go's may repeat, which regex-automata
/// refuses.
pub(super) fn lower(node: &Node) -> Hir {
    Lowering { captures: Some(0) }.node(node)
}

/// The same without groups, to be printed.
pub(super) fn lower_uncaptured(node: &Node) -> Hir {
    Lowering { captures: None }.node(node)
}

struct Lowering {
    /// Number of groups so far, where groups are wanted.
    captures: Option<u32>,
}

impl Lowering {
    fn node(&mut self, node: &Node) -> Hir {
        match &node.kind {
            Kind::Empty => Hir::empty(),
            Kind::Literal { chars, fold } => literal(chars, *fold),
            Kind::Class(class) => Hir::class(Class::Unicode(class.clone())),
            Kind::AnyButNewline => Hir::dot(Dot::AnyCharExceptLF),
            Kind::Any => Hir::dot(Dot::AnyChar),
            Kind::Look(look) => Hir::look(lower_look(*look)),
            Kind::Capture { sub, .. } => self.capture(sub),
            Kind::Repeat { count, greedy, sub } => {
                let (min, max) = count.bounds();
                Hir::repetition(hir::Repetition {
                    min,
                    max,
                    greedy: *greedy,
                    sub: Box::new(self.repeated(sub)),
                })
            }
            Kind::Concat(subs) => Hir::concat(subs.iter().map(|sub| self.node(sub)).collect()),
            Kind::Alternate(subs) => Hir::alternation(subs.iter().map(|sub| self.node(sub)).collect()),
        }
    }

    /// What is repeated. A repetition of a repetition keeps a group between the two where the tree will be printed:
    /// the printer of regex-syntax writes `(?:a{2})?` as `a{2}?`, which is something else.
    fn repeated(&mut self, sub: &Node) -> Hir {
        let hir = self.node(sub);
        match hir.kind() {
            HirKind::Repetition(_) if self.captures.is_none() => Hir::capture(hir::Capture {
                index: 1,
                name: None,
                sub: Box::new(hir),
            }),
            _ => hir,
        }
    }

    fn capture(&mut self, sub: &Node) -> Hir {
        let Some(count) = &mut self.captures else {
            return self.node(sub);
        };
        *count += 1;
        let index = *count;
        Hir::capture(hir::Capture {
            index,
            name: None,
            sub: Box::new(self.node(sub)),
        })
    }
}

fn literal(chars: &[char], fold: bool) -> Hir {
    if !fold {
        return Hir::literal(chars.iter().collect::<String>().into_bytes());
    }
    let any_case = |&c: &char| Hir::class(Class::Unicode(class::folds(c)));
    Hir::concat(chars.iter().map(any_case).collect())
}

fn lower_look(look: Look) -> hir::Look {
    match look {
        Look::BeginLine => hir::Look::StartLF,
        Look::EndLine => hir::Look::EndLF,
        Look::BeginText => hir::Look::Start,
        Look::EndText => hir::Look::End,
        Look::WordBoundary => hir::Look::WordAscii,
        Look::NoWordBoundary => hir::Look::WordAsciiNegate,
    }
}

/// Names of the groups of `node` in order; `None` for one without a name.
pub(super) fn group_names(node: &Node) -> Vec<Option<Box<str>>> {
    let mut names = Vec::new();
    collect(node, &mut |node| {
        if let Kind::Capture { name, .. } = &node.kind {
            names.push(name.clone());
        }
    });
    names
}

/// Whether `node` can match U+FFFD, which is what a byte that is not UTF-8 reads as.
pub(super) fn reads_replacement(node: &Node) -> bool {
    const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;
    let mut found = false;
    collect(node, &mut |node| {
        found |= match &node.kind {
            Kind::Any | Kind::AnyButNewline => true,
            Kind::Literal { chars, .. } => chars.contains(&REPLACEMENT),
            Kind::Class(class) => class::contains(class, REPLACEMENT),
            _ => false,
        };
    });
    found
}

/// Visits `node` and all below it in the order of the text.
fn collect(node: &Node, visit: &mut dyn FnMut(&Node)) {
    visit(node);
    match &node.kind {
        Kind::Capture { sub, .. } | Kind::Repeat { sub, .. } => collect(sub, visit),
        Kind::Concat(subs) | Kind::Alternate(subs) => subs.iter().for_each(|sub| collect(sub, visit)),
        _ => {}
    }
}
