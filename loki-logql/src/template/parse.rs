//! Tokens to tree, with the messages of Go's parser: texts and blocks.

use super::functions::Dialect;
use super::lex::{Kind, Lexer, Token};
use super::literal;
use super::node::{Branch, Node, Pos, Trees};
use crate::quote::quote;

/// The deepest nesting of blocks and parentheses; the parser and the evaluator recurse.
const MAX_NESTING: usize = 100;

/// Parses `text` as the template `name`.
///
/// # Errors
///
/// Go's text: `template: line:1: unclosed action`.
pub(super) fn parse(dialect: Dialect, name: &str, text: &[u8]) -> Result<Trees, String> {
    let empty = Token {
        kind: Kind::Eof,
        pos: 0,
        line: 1,
        text: Vec::new(),
    };
    let mut parser = Parser {
        dialect,
        name,
        lexer: Lexer::new(text),
        tokens: [empty.clone(), empty.clone(), empty],
        peeked: 0,
        action_line: 0,
        range_depth: 0,
        nesting: 0,
        variables: vec!["$".to_owned()],
        trees: Trees::new(),
    };
    let root = parser.root()?;
    parser.define(name.to_owned(), root)?;
    Ok(parser.trees)
}

pub(super) struct Parser<'t> {
    pub(super) dialect: Dialect,
    name: &'t str,
    lexer: Lexer<'t>,
    /// Tokens read ahead; the last of `peeked` comes next. The first one's line is the line of messages.
    pub(super) tokens: [Token; 3],
    pub(super) peeked: usize,
    /// Line of the open `{{`, 0 outside.
    action_line: usize,
    range_depth: usize,
    nesting: usize,
    pub(super) variables: Vec<String>,
    trees: Trees,
}

/// What ended a list of nodes.
enum Stop {
    End,
    Else,
}

/// One step of a list.
enum Item {
    Node(Node),
    Stop(Stop),
}

impl Stop {
    fn text(&self) -> &'static str {
        match self {
            Stop::End => "{{end}}",
            Stop::Else => "{{else}}",
        }
    }
}

/// What controls a list of nodes.
#[derive(Clone, Copy, PartialEq)]
enum Control {
    If,
    With,
    Range,
}

impl Parser<'_> {
    pub(super) fn next(&mut self) -> Token {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.lexer.next_token();
        }
        self.tokens[self.peeked].clone()
    }

    pub(super) fn backup(&mut self) {
        self.peeked += 1;
    }

    pub(super) fn peek(&mut self) -> Kind {
        if self.peeked == 0 {
            self.peeked = 1;
            self.tokens[0] = self.lexer.next_token();
        }
        self.tokens[self.peeked - 1].kind
    }

    pub(super) fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.backup();
        token
    }

    pub(super) fn error<T>(&self, message: impl AsRef<str>) -> Result<T, String> {
        let line = self.tokens[0].line;
        Err(format!("template: {}:{line}: {}", self.name, message.as_ref()))
    }

    pub(super) fn unexpected<T>(&self, token: &Token, context: &str) -> Result<T, String> {
        if token.kind == Kind::Error {
            let message = String::from_utf8_lossy(&token.text);
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != token.line {
                let what = if message.ends_with(" action") { "" } else { " in action" };
                extra = format!("{what} started at {}:{}", self.name, self.action_line);
            }
            return self.error(format!("{message}{extra}"));
        }
        self.error(format!("unexpected {} in {context}", describe(token)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token, String> {
        let token = self.next_non_space();
        if token.kind != kind {
            return self.unexpected(&token, context);
        }
        Ok(token)
    }

    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.nesting == MAX_NESTING {
            return self.error(format!("nested deeper than the limit of {MAX_NESTING}"));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    fn root(&mut self) -> Result<Vec<Node>, String> {
        let mut list = Vec::new();
        while self.peek() != Kind::Eof {
            if self.peek() == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.tokens[1] = delim;
                self.peeked = 2;
            }
            match self.text_or_action()? {
                Item::Node(node) => list.push(node),
                Item::Stop(stop) => return self.error(format!("unexpected {}", stop.text())),
            }
        }
        Ok(list)
    }

    fn definition(&mut self) -> Result<(), String> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let body = self.body(CONTEXT)?;
        self.define(name, body)
    }

    /// The list up to `{{end}}` of a template of its own, which sees no variable from outside.
    fn body(&mut self, context: &str) -> Result<Vec<Node>, String> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let (list, stop) = self.list()?;
        if let Stop::Else = stop {
            return self.error(format!("unexpected {} in {context}", stop.text()));
        }
        self.variables = variables;
        self.range_depth = range_depth;
        Ok(list)
    }

    /// Names a tree. One that only holds blanks gives way to any other.
    fn define(&mut self, name: String, list: Vec<Node>) -> Result<(), String> {
        match self.trees.get(&name) {
            Some(old) if !is_empty(old) => {
                if is_empty(&list) {
                    return Ok(());
                }
                self.error(format!(
                    "template: multiple definition of template {}",
                    quote(name.as_bytes())
                ))
            }
            _ => {
                self.trees.insert(name, list);
                Ok(())
            }
        }
    }

    fn list(&mut self) -> Result<(Vec<Node>, Stop), String> {
        let mut list = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => list.push(node),
                Item::Stop(stop) => return Ok((list, stop)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Item, String> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.into()))),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let item = self.deeper(Self::action);
                self.action_line = 0;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Result<Item, String> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.leave("{{break}}", Node::Break)?,
            Kind::Continue => self.leave("{{continue}}", Node::Continue)?,
            Kind::Else => {
                // The parser of `{{else if` takes it from there.
                if !matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Item::Stop(Stop::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::Stop(Stop::End));
            }
            Kind::If => Node::If(self.control(Control::If)?),
            Kind::With => Node::With(self.control(Control::With)?),
            Kind::Range => Node::Range(self.control(Control::Range)?),
            Kind::Template => self.template()?,
            _ => {
                self.backup();
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn leave(&mut self, word: &str, node: Node) -> Result<Node, String> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, word);
        }
        if self.range_depth == 0 {
            return self.error(format!("{word} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn control(&mut self, control: Control) -> Result<Branch, String> {
        let context = match control {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        };
        let scope = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_range = usize::from(control == Control::Range);
        self.range_depth += in_range;
        let (then, stop) = self.list()?;
        self.range_depth -= in_range;
        let otherwise = match stop {
            Stop::End => Vec::new(),
            Stop::Else => self.otherwise(control)?,
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, then, otherwise })
    }

    /// What follows `{{else`: `{{else if x}}` is an `if` in the else-branch that shares the `{{end}}`.
    fn otherwise(&mut self, control: Control) -> Result<Vec<Node>, String> {
        match (control, self.peek()) {
            (Control::If, Kind::If) => {
                self.next();
                let branch = self.deeper(|parser| parser.control(Control::If))?;
                Ok(vec![Node::If(branch)])
            }
            (Control::With, Kind::With) => {
                self.next();
                let branch = self.deeper(|parser| parser.control(Control::With))?;
                Ok(vec![Node::With(branch)])
            }
            _ => {
                let (list, stop) = self.list()?;
                match stop {
                    Stop::End => Ok(list),
                    Stop::Else => self.error(format!("expected end; found {}", stop.text())),
                }
            }
        }
    }

    fn block(&mut self) -> Result<Node, String> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let body = self.body(CONTEXT)?;
        self.define(name.clone(), body)?;
        Ok(Node::Template(token.pos as Pos, name, Some(pipe)))
    }

    fn template(&mut self) -> Result<Node, String> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(Node::Template(token.pos as Pos, name, pipe))
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Result<String, String> {
        match token.kind {
            Kind::Str | Kind::RawString => match literal::unquote(&token.text) {
                Some(name) => Ok(String::from_utf8_lossy(&name).into_owned()),
                None => self.error("invalid syntax"),
            },
            _ => self.unexpected(token, context),
        }
    }
}

/// A token in messages: the word, or the first characters of its text in quotes.
fn describe(token: &Token) -> String {
    let text = &token.text;
    match token.kind {
        Kind::Eof => "EOF".to_owned(),
        kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
        _ if text.len() > 10 => {
            let head: String = String::from_utf8_lossy(text).chars().take(10).collect();
            format!("{}...", quote(head.as_bytes()))
        }
        _ => quote(text),
    }
}

fn is_empty(list: &[Node]) -> bool {
    list.iter().all(|node| match node {
        Node::Text(text) => text.trim_ascii().is_empty(),
        _ => false,
    })
}
