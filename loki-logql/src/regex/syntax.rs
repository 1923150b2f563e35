//! The tree of a regular expression, and what can be wrong with its text.

use regex_syntax::hir::ClassUnicode;
use std::fmt;

/// The most levels that an expression may nest.
pub(super) const MAX_HEIGHT: u32 = 1000;

/// The most instructions that Go lets an expression have.
pub(super) const MAX_SIZE: u64 = (128 << 20) / 40;

/// A parsed expression with the measures that limits look at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Levels of nesting, at least 1.
    pub(super) height: u32,
    /// Instructions of the compiled form, roughly, counted as Go counts them.
    pub(super) size: u64,
    /// Copies of the innermost part that nested counts ask for.
    pub(super) copies: u32,
}

/// What a [`Node`] matches.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// The empty text.
    Empty,
    /// These characters, never none; with `fold` in any case.
    Literal {
        chars: Vec<char>,
        fold: bool,
    },
    /// One of these characters; nothing where the class is empty.
    Class(ClassUnicode),
    /// `.` without `s`.
    AnyButNewline,
    /// `.` with `s`.
    Any,
    Look(Look),
    Capture {
        name: Option<Box<str>>,
        sub: Box<Node>,
    },
    Repeat {
        count: Count,
        greedy: bool,
        sub: Box<Node>,
    },
    /// At least two.
    Concat(Vec<Node>),
    /// At least two.
    Alternate(Vec<Node>),
}

/// Conditions on a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    BeginLine,
    EndLine,
    BeginText,
    EndText,
    WordBoundary,
    NoWordBoundary,
}

/// How often a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Star,
    Plus,
    Quest,
    /// `{min,max}`; without `max` any number from `min` on.
    Range {
        min: u32,
        max: Option<u32>,
    },
}

impl Count {
    /// Least and most.
    pub(super) fn bounds(self) -> (u32, Option<u32>) {
        match self {
            Count::Star => (0, None),
            Count::Plus => (1, None),
            Count::Quest => (0, Some(1)),
            Count::Range { min, max } => (min, max),
        }
    }
}

impl Node {
    /// A node with its measures taken from its parts.
    pub(super) fn new(kind: Kind) -> Node {
        let (mut height, mut size, mut copies) = (1, 1, 1);
        let mut take = |sub: &Node| {
            height = height.max(sub.height + 1);
            copies = copies.max(sub.copies);
            sub.size
        };
        match &kind {
            Kind::Literal { chars, .. } => size = chars.len() as u64,
            Kind::Capture { sub, .. } => size = 2 + take(sub),
            Kind::Repeat { count, sub, .. } => {
                let sub_size = take(sub);
                size = match *count {
                    Count::Star | Count::Range { min: 0, max: None } => 2 + sub_size,
                    Count::Plus | Count::Quest => 1 + sub_size,
                    Count::Range { min, max: None } => 1 + u64::from(min) * sub_size,
                    Count::Range { min, max: Some(max) } => {
                        u64::from(max) * sub_size + u64::from(max.saturating_sub(min))
                    }
                };
                if let Count::Range { min, max } = *count {
                    copies = match max.unwrap_or(min) {
                        0 if max.is_some() => 1,
                        n => copies.saturating_mul(n.max(1)),
                    };
                }
            }
            Kind::Concat(subs) => size = subs.iter().map(take).sum(),
            Kind::Alternate(subs) => size = subs.iter().map(take).sum::<u64>() + (subs.len() as u64).saturating_sub(1),
            _ => {}
        }
        Node {
            kind,
            height,
            size: size.max(1),
            copies,
        }
    }

    pub(super) fn literal(chars: Vec<char>, fold: bool) -> Node {
        if chars.is_empty() {
            return Node::new(Kind::Empty);
        }
        Node::new(Kind::Literal { chars, fold })
    }

    /// The node without the captures around it.
    pub(super) fn uncaptured(&self) -> &Node {
        let mut node = self;
        while let Kind::Capture { sub, .. } = &node.kind {
            node = sub;
        }
        node
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kind == Kind::Empty
    }

    /// Whether it is one character: a class, a dot or a literal of one.
    pub(super) fn is_single(&self) -> bool {
        match &self.kind {
            Kind::Literal { chars, .. } => chars.len() == 1,
            Kind::Class(_) | Kind::AnyButNewline | Kind::Any => true,
            _ => false,
        }
    }
}

/// Why a text is no regular expression; prints as Go prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) code: Code,
    pub(super) fragment: String,
}

impl SyntaxError {
    pub(super) fn new(code: Code, fragment: &str) -> SyntaxError {
        SyntaxError {
            code,
            fragment: fragment.to_owned(),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.code.text(), self.fragment)
    }
}

/// Go's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidCharRange,
    InvalidEscape,
    InvalidNamedCapture,
    InvalidPerlOp,
    InvalidRepeatOp,
    InvalidRepeatSize,
    InvalidUtf8,
    MissingBracket,
    MissingParen,
    MissingRepeatArgument,
    NestingDepth,
    TooLarge,
    TrailingBackslash,
    UnexpectedParen,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Code::InvalidCharRange => "invalid character class range",
            Code::InvalidEscape => "invalid escape sequence",
            Code::InvalidNamedCapture => "invalid named capture",
            Code::InvalidPerlOp => "invalid or unsupported Perl syntax",
            Code::InvalidRepeatOp => "invalid nested repetition operator",
            Code::InvalidRepeatSize => "invalid repeat count",
            Code::InvalidUtf8 => "invalid UTF-8",
            Code::MissingBracket => "missing closing ]",
            Code::MissingParen => "missing closing )",
            Code::MissingRepeatArgument => "missing argument to repetition operator",
            Code::NestingDepth => "expression nests too deeply",
            Code::TooLarge => "expression too large",
            Code::TrailingBackslash => "trailing backslash at end of expression",
            Code::UnexpectedParen => "unexpected )",
        }
    }
}
