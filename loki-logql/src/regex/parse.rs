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
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// What the stack holds.
enum Item {
    Node(Node),
    /// `(` with the flags to restore behind its `)`; `capture` holds the name of a capturing group.
    Open { flags: Flags, capture: Option<Option<Box<str>>> },
    Bar,
}

struct Parser<'p> {
    pattern: &'p str,
    rest: &'p str,
    flags: Flags,
    stack: Vec<Item>,
    ranges: usize,
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
                let dot = if self.flags.dot_newline { Kind::Any } else { Kind::AnyButNewline };
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

    fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// An error about the text from `start` to where the parser stands.
    fn error_since(&self, code: Code, start: &str) -> SyntaxError {
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
        let (Kind::Literal { chars, fold }, Kind::Literal { chars: more, fold: more_fold }) =
            (&mut lower.kind, &mut upper.kind)
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

    /// Moves the topmost node below the bar that is under it; neighbours that are single characters become one class.
    fn swap_bar(&mut self) -> bool {
        if !matches!(self.stack[..], [.., Item::Bar, Item::Node(_)]) {
            return false;
        }
        let Some(Item::Node(node)) = self.stack.pop() else {
            return false;
        };
        self.stack.pop();
        match self.stack.pop() {
            Some(Item::Node(below)) if below.is_single() && node.is_single() => {
                self.stack.push(Item::Node(factor::merge(below, node)));
            }
            Some(Item::Node(below)) => {
                self.stack.push(Item::Node(factor::clean(below)));
                self.stack.push(Item::Node(node));
            }
            below => {
                self.stack.extend(below);
                self.stack.push(Item::Node(node));
            }
        }
        self.stack.push(Item::Bar);
        true
    }

    /// Ends a group, or the expression: what lies above the parenthesis becomes one node.
    fn close(&mut self) -> Result<(), SyntaxError> {
        self.concat()?;
        if self.swap_bar() {
            self.stack.pop();
        }
        let mut alternatives = self.pop_nodes();
        if let Some(last) = alternatives.pop() {
            alternatives.push(factor::clean(last));
        }
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
        let Some((min, rest)) = integer(&before[1..]) else { return Ok(None) };
        let (max, rest) = match rest.strip_prefix(',') {
            None => (Some(min), rest),
            Some(rest) if rest.starts_with('}') => (None, rest),
            Some(rest) => match integer(rest) {
                Some((max, rest)) => (Some(max), rest),
                None => return Ok(None),
            },
        };
        let Some(rest) = rest.strip_prefix('}') else { return Ok(None) };
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

    /// `\pL`, `\d` and their kin, where one stands here.
    fn class_escape(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let Some(letter) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) else {
            return Ok(None);
        };
        if letter == 'p' || letter == 'P' {
            return self.unicode_class(letter == 'P').map(Some);
        }
        let Some(mut class) = class::perl(letter.to_ascii_lowercase()) else {
            return Ok(None);
        };
        self.advance(2);
        self.finish_class(&mut class, letter.is_ascii_uppercase());
        Ok(Some(class))
    }

    fn finish_class(&self, class: &mut ClassUnicode, negated: bool) {
        if self.flags.fold {
            class::fold(class);
        }
        if negated {
            class.negate();
        }
    }

    fn unicode_class(&mut self, negated: bool) -> Result<ClassUnicode, SyntaxError> {
        let start = self.rest;
        self.advance(2);
        let name = match self.rest.chars().next() {
            Some('{') => {
                let end = start
                    .find('}')
                    .ok_or_else(|| SyntaxError::new(Code::InvalidCharRange, start))?;
                self.rest = &start[end + 1..];
                &start[3..end]
            }
            first => {
                let bytes = first.map_or(0, char::len_utf8);
                self.advance(bytes);
                &start[2..2 + bytes]
            }
        };
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (!negated, name),
            None => (negated, name),
        };
        let mut class = class::unicode(name).ok_or_else(|| self.error_since(Code::InvalidCharRange, start))?;
        self.ranges += class.ranges().len();
        self.finish_class(&mut class, negated);
        Ok(class)
    }

    /// `[…]`.
    fn class(&mut self) -> Result<ClassUnicode, SyntaxError> {
        let start = self.rest;
        self.advance(1);
        let negated = self.rest.starts_with('^');
        self.advance(usize::from(negated));
        let mut ranges: Vec<ClassUnicode> = Vec::new();
        // A bracket that stands first is one of the members.
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(class) = self.posix_class()? {
                ranges.push(class);
                continue;
            }
            if let Some(class) = self.class_escape()? {
                ranges.push(class);
                continue;
            }
            let range_start = self.rest;
            let low = self.class_member(start)?;
            let mut high = low;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.advance(1);
                high = self.class_member(start)?;
                if high < low {
                    return Err(self.error_since(Code::InvalidCharRange, range_start));
                }
            }
            let mut class = class::range(low, high);
            self.finish_class(&mut class, false);
            ranges.push(class);
        }
        self.advance(1);
        let mut class = ClassUnicode::new(ranges.iter().flat_map(|class| class.ranges().iter().copied()));
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// `[:alpha:]` inside a class, where one stands here.
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let start = self.rest;
        let Some(name_start) = start.strip_prefix("[:") else { return Ok(None) };
        let Some(end) = name_start.find(":]") else { return Ok(None) };
        self.rest = &name_start[end + 2..];
        let name = &name_start[..end];
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let mut class = class::posix(name).ok_or_else(|| self.error_since(Code::InvalidCharRange, start))?;
        self.finish_class(&mut class, negated);
        Ok(Some(class))
    }

    /// One code point inside the class that starts at `class_start`.
    fn class_member(&mut self, class_start: &str) -> Result<u32, SyntaxError> {
        match self.rest.chars().next() {
            None => Err(SyntaxError::new(Code::MissingBracket, class_start)),
            Some('\\') => self.escape(),
            Some(c) => {
                self.advance(c.len_utf8());
                Ok(u32::from(c))
            }
        }
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.advance(c.len_utf8());
        Some(c)
    }

    /// The code point that a backslash and what follows it stand for.
    fn escape(&mut self) -> Result<u32, SyntaxError> {
        let start = self.rest;
        self.advance(1);
        let Some(c) = self.next_char() else {
            return Err(SyntaxError::new(Code::TrailingBackslash, ""));
        };
        let value = match c {
            // A digit alone would refer back to a group.
            '1'..='7' if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => None,
            '0'..='7' => Some(self.octal(c)),
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        value.ok_or_else(|| self.error_since(Code::InvalidEscape, start))
    }

    /// At most three octal digits, of which `first` is read.
    fn octal(&mut self, first: char) -> u32 {
        let mut value = first.to_digit(8).unwrap_or(0);
        for _ in 1..3 {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else {
                break;
            };
            self.advance(1);
            value = value * 8 + digit;
        }
        value
    }

    /// Two digits behind `\x`, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let c = self.next_char()?;
        if c != '{' {
            let second = self.next_char();
            return Some(c.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let mut value = None;
        loop {
            let c = self.next_char()?;
            if c == '}' {
                return value;
            }
            let next = value.unwrap_or(0) * 16 + c.to_digit(16)?;
            if next > u32::from(char::MAX) {
                return None;
            }
            value = Some(next);
        }
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
