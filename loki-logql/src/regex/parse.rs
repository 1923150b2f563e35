//! Text to tree: the syntax of Go's package `regexp/syntax` with its flags for Perl's dialect, and its errors.
//!
//! The parser keeps a stack of what is finished and of what is open, so that it needs no recursion. What lies above
//! the last open parenthesis is either alternatives with a bar on top of them, or those and the parts of the
//! alternative that is being read.

use super::class;
use super::factor;
use super::syntax::{Code, Count, Kind, Look, MAX_HEIGHT, MAX_SIZE, Node, SyntaxError};
use regex_syntax::hir::ClassUnicode;

/// The most a count may ask for, and the product of nested ones.
const MAX_REPEAT: u32 = 1000;

/// The most ranges of all classes together: 16 MiB of them.
const MAX_RANGES: usize = 2 << 20;

/// Reads `pattern`. With `dot_newline` the dot matches a newline too, as with `(?s)`.
pub(super) fn parse(pattern: &str, dot_newline: bool) -> Result<Node, SyntaxError> {
    let flags = Flags {
        dot_newline,
        ..Flags::default()
    };
    let mut parser = Parser {
        pattern,
        rest: pattern,
        flags,
        stack: Vec::new(),
        ranges: 0,
    };
    let mut last_repeat = None;
    while let Some(c) = parser.rest.chars().next() {
        last_repeat = parser.step(c, last_repeat)?;
    }
    parser.close()?;
    match parser.stack.pop() {
        Some(Item::Node(root)) if parser.stack.is_empty() => Ok(root),
        _ => Err(SyntaxError::new(Code::MissingParen, pattern)),
    }
}

/// The flags in force at a place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) fold: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// What the stack holds.
enum Item {
    Node(Node),
    /// `(` with the flags to restore behind its `)`; `capture` holds the name of a capturing group.
    Open {
        flags: Flags,
        capture: Option<Option<Box<str>>>,
    },
    Bar,
}

/// What is read and what is left; `escape` holds the methods that read one character or class.
pub(super) struct Parser<'p> {
    pattern: &'p str,
    pub(super) rest: &'p str,
    pub(super) flags: Flags,
    stack: Vec<Item>,
    /// Number of ranges of all classes so far.
    pub(super) ranges: usize,
}

impl<'p> Parser<'p> {
    /// Reads what starts with `c`. Returns the text from a repetition operator on, if it was one.
    fn step(&mut self, c: char, last_repeat: Option<&'p str>) -> Result<Option<&'p str>, SyntaxError> {
        let before = self.rest;
        match c {
            '(' if before.starts_with("(?") => self.perl_group()?,
            '(' => {
                self.advance(1);
                self.open(Some(None));
            }
            '|' => {
                self.advance(1);
                self.bar()?;
            }
            ')' => {
                self.advance(1);
                self.right_paren()?;
            }
            '^' if self.flags.multi_line => self.look(1, Look::BeginLine)?,
            '^' => self.look(1, Look::BeginText)?,
            '$' if self.flags.multi_line => self.look(1, Look::EndLine)?,
            '$' => self.look(1, Look::EndText)?,
            '.' => {
                self.advance(1);
                let dot = if self.flags.dot_newline {
                    Kind::Any
                } else {
                    Kind::AnyButNewline
                };
                self.push(Node::new(dot))?;
            }
            '[' => {
                let class = self.class()?;
                self.push_class(class)?;
            }
            '*' | '+' | '?' => {
                self.advance(1);
                let count = match c {
                    '*' => Count::Star,
                    '+' => Count::Plus,
                    _ => Count::Quest,
                };
                self.repeat(count, before, last_repeat)?;
                return Ok(Some(before));
            }
            '{' => {
                if let Some(count) = self.braces()? {
                    self.repeat(count, before, last_repeat)?;
                    return Ok(Some(before));
                }
                self.advance(1);
                self.literal('{')?;
            }
            '\\' => self.backslash()?,
            c => {
                self.advance(c.len_utf8());
                self.literal(c)?;
            }
        }
        Ok(None)
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// An error about the text from `start` to where the parser stands.
    pub(super) fn error_since(&self, code: Code, start: &str) -> SyntaxError {
        SyntaxError::new(code, &start[..start.len() - self.rest.len()])
    }

    fn look(&mut self, bytes: usize, look: Look) -> Result<(), SyntaxError> {
        self.advance(bytes);
        self.push(Node::new(Kind::Look(look)))
    }

    /// What a backslash starts, outside a class.
    fn backslash(&mut self) -> Result<(), SyntaxError> {
        match self.rest[1..].chars().next() {
            Some('A') => self.look(2, Look::BeginText),
            Some('z') => self.look(2, Look::EndText),
            Some('b') => self.look(2, Look::WordBoundary),
            Some('B') => self.look(2, Look::NoWordBoundary),
            Some('Q') => {
                let quoted = &self.rest[2..];
                let (text, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                self.rest = rest;
                text.chars().try_for_each(|c| self.literal(c))
            }
            _ => match self.class_escape()? {
                Some(class) => self.push_class(class),
                None => {
                    let code_point = self.escape()?;
                    match char::from_u32(code_point) {
                        Some(c) => self.literal(c),
                        // A surrogate: allowed, and in no text.
                        None => self.push(Node::new(Kind::Class(ClassUnicode::empty()))),
                    }
                }
            },
        }
    }

    fn literal(&mut self, c: char) -> Result<(), SyntaxError> {
        let c = if self.flags.fold { class::least_fold(c) } else { c };
        self.push(Node::literal(vec![c], self.flags.fold))
    }

    fn push_class(&mut self, class: ClassUnicode) -> Result<(), SyntaxError> {
        self.ranges += class.ranges().len();
        self.push(Node::new(Kind::Class(class)))
    }

    /// Pushes a finished node. A class that is one letter becomes a literal.
    fn push(&mut self, node: Node) -> Result<(), SyntaxError> {
        let node = match &node.kind {
            Kind::Class(class) => match class::as_literal(class) {
                Some((c, fold)) => Node::literal(vec![c], fold),
                None => node,
            },
            _ => node,
        };
        self.join_literals();
        self.check_limits(&node)?;
        self.stack.push(Item::Node(node));
        Ok(())
    }

    fn open(&mut self, capture: Option<Option<Box<str>>>) {
        self.join_literals();
        let flags = self.flags;
        self.stack.push(Item::Open { flags, capture });
    }

    fn check_limits(&self, node: &Node) -> Result<(), SyntaxError> {
        if self.ranges > MAX_RANGES || node.size > MAX_SIZE {
            return Err(SyntaxError::new(Code::TooLarge, self.pattern));
        }
        if node.height > MAX_HEIGHT {
            return Err(SyntaxError::new(Code::NestingDepth, self.pattern));
        }
        Ok(())
    }

    /// Joins the two topmost nodes where they are literals. Called before a push: then no operator can follow the
    /// upper one any more.
    fn join_literals(&mut self) {
        let [.., Item::Node(lower), Item::Node(upper)] = &mut self.stack[..] else {
            return;
        };
        let (
            Kind::Literal { chars, fold },
            Kind::Literal {
                chars: more,
                fold: more_fold,
            },
        ) = (&mut lower.kind, &mut upper.kind)
        else {
            return;
        };
        if fold == more_fold {
            chars.append(more);
            lower.size = chars.len() as u64;
            self.stack.pop();
        }
    }

    /// The nodes on top of the stack, down to a bar or a parenthesis.
    fn pop_nodes(&mut self) -> Vec<Node> {
        let start = self
            .stack
            .iter()
            .rposition(|item| !matches!(item, Item::Node(_)))
            .map_or(0, |i| i + 1);
        self.stack
            .drain(start..)
            .filter_map(|item| match item {
                Item::Node(node) => Some(node),
                _ => None,
            })
            .collect()
    }

    /// Replaces the topmost nodes by their concatenation.
    fn concat(&mut self) -> Result<(), SyntaxError> {
        self.join_literals();
        let parts = self.pop_nodes();
        if parts.is_empty() {
            return self.push(Node::new(Kind::Empty));
        }
        self.push(factor::concat(parts))
    }

    /// Ends an alternative: what was read becomes one node below the bar.
    fn bar(&mut self) -> Result<(), SyntaxError> {
        self.concat()?;
        if !self.swap_bar() {
            self.stack.push(Item::Bar);
        }
        Ok(())
    }

    /// Moves the topmost node below the bar that is under it.
    fn swap_bar(&mut self) -> bool {
        let n = self.stack.len();
        let is_above_bar = matches!(self.stack[..], [.., Item::Bar, Item::Node(_)]);
        if is_above_bar {
            self.stack.swap(n - 1, n - 2);
        }
        is_above_bar
    }

    /// Ends a group, or the expression: what lies above the parenthesis becomes one node.
    fn close(&mut self) -> Result<(), SyntaxError> {
        self.concat()?;
        if self.swap_bar() {
            self.stack.pop();
        }
        // Before prefixes are factored: `a|b|bc` is `[ab]|bc`.
        let alternatives = factor::merge_singles(self.pop_nodes());
        let node = factor::alternate(alternatives).map_err(|code| SyntaxError::new(code, self.pattern))?;
        self.push(node)
    }

    fn right_paren(&mut self) -> Result<(), SyntaxError> {
        self.close()?;
        let (Some(Item::Node(sub)), Some(Item::Open { flags, capture })) = (self.stack.pop(), self.stack.pop()) else {
            return Err(SyntaxError::new(Code::UnexpectedParen, self.pattern));
        };
        self.flags = flags;
        self.push(match capture {
            None => sub,
            Some(name) => Node::new(Kind::Capture {
                name,
                sub: Box::new(sub),
            }),
        })
    }

    /// Applies a repetition operator, which started at `before`, to the topmost node.
    fn repeat(&mut self, count: Count, before: &str, last_repeat: Option<&str>) -> Result<(), SyntaxError> {
        let mut greedy = !self.flags.swap_greed;
        if self.rest.starts_with('?') {
            self.advance(1);
            greedy = !greedy;
        }
        if let Some(last) = last_repeat {
            return Err(self.error_since(Code::InvalidRepeatOp, last));
        }
        let Some(Item::Node(_)) = self.stack.last() else {
            return Err(self.error_since(Code::MissingRepeatArgument, before));
        };
        let Some(Item::Node(sub)) = self.stack.pop() else {
            unreachable!("the topmost item was just seen to be a node");
        };
        let node = Node::new(Kind::Repeat {
            count,
            greedy,
            sub: Box::new(sub),
        });
        self.check_limits(&node)?;
        if let Count::Range { min, max } = count
            && (min >= 2 || max.is_some_and(|max| max >= 2))
            && node.copies > MAX_REPEAT
        {
            return Err(self.error_since(Code::InvalidRepeatSize, before));
        }
        self.stack.push(Item::Node(node));
        Ok(())
    }

    /// `{min}`, `{min,}` or `{min,max}`; `None`, and nothing read, where the brace starts none of these.
    fn braces(&mut self) -> Result<Option<Count>, SyntaxError> {
        let before = self.rest;
        let Some((min, rest)) = integer(&before[1..]) else {
            return Ok(None);
        };
        let (max, rest) = match rest.strip_prefix(',') {
            None => (Some(min), rest),
            Some(rest) if rest.starts_with('}') => (None, rest),
            Some(rest) => match integer(rest) {
                Some((max, rest)) => (Some(max), rest),
                None => return Ok(None),
            },
        };
        let Some(rest) = rest.strip_prefix('}') else {
            return Ok(None);
        };
        self.rest = rest;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || min > max) {
            return Err(self.error_since(Code::InvalidRepeatSize, before));
        }
        Ok(Some(Count::Range { min, max }))
    }

    /// What `(?` starts: a named group, a group with flags, or flags alone.
    fn perl_group(&mut self) -> Result<(), SyntaxError> {
        let start = self.rest;
        let named = match start {
            _ if start.len() > 4 && start.starts_with("(?P<") => Some(4),
            _ if start.len() > 3 && start.starts_with("(?<") => Some(3),
            _ => None,
        };
        if let Some(name_start) = named {
            let end = start
                .find('>')
                .ok_or_else(|| SyntaxError::new(Code::InvalidNamedCapture, start))?;
            self.advance(end + 1);
            // `>` cannot stand before the end of `(?<`, which has none.
            let name = &start[name_start..end];
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(self.error_since(Code::InvalidNamedCapture, start));
            }
            self.open(Some(Some(name.into())));
            return Ok(());
        }
        self.advance(2);
        let mut flags = self.flags;
        let (mut on, mut saw_flag) = (true, true);
        while let Some(c) = self.rest.chars().next() {
            self.advance(c.len_utf8());
            match c {
                'i' => flags.fold = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                'U' => flags.swap_greed = on,
                '-' if on => on = false,
                ':' | ')' if saw_flag => {
                    if c == ':' {
                        self.open(None);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw_flag = c != '-';
        }
        Err(self.error_since(Code::InvalidPerlOp, start))
    }
}

/// A decimal integer without leading zeros, capped where it is absurd, and what follows it.
fn integer(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
