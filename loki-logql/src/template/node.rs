//! The tree of a parsed template, and how error messages write it.

use super::functions::Function;
use crate::regex::{Regex, Shape};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// A template and those it defines, by name.
pub(super) type Trees = BTreeMap<String, Vec<Node>>;

/// Byte offset in the template's text.
pub(super) type Pos = u32;

/// What a template does, one step.
#[derive(Debug)]
pub(super) enum Node {
    Text(Box<[u8]>),
    /// `{{pipe}}`.
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    Template(Pos, String, Option<Pipe>),
}

/// `{{if pipe}} then {{else}} otherwise {{end}}`, and so for `with` and `range`.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `$a, $b := command | command`.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) pos: Pos,
    pub(super) names: Vec<String>,
    /// `=` instead of `:=`.
    pub(super) is_assign: bool,
    pub(super) commands: Vec<Command>,
}

/// Operands side by side: a function and its arguments, or a value.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) pos: Pos,
    pub(super) operands: Vec<Operand>,
    /// The first argument of a regex function, where it is a constant.
    pub(super) regex: Option<ConstantRegex>,
}

/// A regular expression that is compiled when it is first used, once for all lines.
#[derive(Debug)]
pub(super) struct ConstantRegex {
    pattern: String,
    compiled: OnceLock<Result<Regex, String>>,
}

impl ConstantRegex {
    pub(super) fn new(pattern: &[u8]) -> ConstantRegex {
        ConstantRegex {
            pattern: String::from_utf8_lossy(pattern).into_owned(),
            compiled: OnceLock::new(),
        }
    }

    pub(super) fn compiled(&self) -> &Result<Regex, String> {
        self.compiled.get_or_init(|| Regex::new(&self.pattern, Shape::Search))
    }

    /// What it will cost; see [`regex::weight`](crate::regex::weight).
    pub(super) fn weight(&self) -> u64 {
        crate::regex::weight(&self.pattern)
    }
}

/// One operand and where it stands.
#[derive(Debug)]
pub(super) struct Operand {
    pub(super) pos: Pos,
    pub(super) kind: OperandKind,
}

#[derive(Debug)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// The text as written, and what it stands for.
    Str(String, Box<[u8]>),
    /// `.a.b`.
    Field(Vec<String>),
    /// `$x.a.b`: the name with its `$`, and the fields.
    Variable(String, Vec<String>),
    Function(&'static Function),
    Pipe(Pipe),
    /// `(pipe).a.b` or `function.a.b`.
    Chain(Box<Operand>, Vec<String>),
}

/// A numeric constant, which fits whatever its place wants.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) text: String,
    pub(super) int: Option<i64>,
    pub(super) float: Option<f64>,
    pub(super) is_char: bool,
}

impl Number {
    /// Whether the constant is a float where nothing else says what it is.
    pub(super) fn looks_like_float(&self) -> bool {
        let is_hex_int = self.text.len() > 2
            && self.text.starts_with('0')
            && self.text[1..].starts_with(['x', 'X'])
            && !self.text.contains(['p', 'P']);
        !is_hex_int && !self.is_char && self.float.is_some() && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.names.is_empty() {
            let sign = if self.is_assign { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.names.join(", "))?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, operand) in self.operands.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match &operand.kind {
                OperandKind::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{operand}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            OperandKind::Dot => f.write_str("."),
            OperandKind::Nil => f.write_str("nil"),
            OperandKind::Bool(value) => write!(f, "{value}"),
            OperandKind::Number(number) => f.write_str(&number.text),
            OperandKind::Str(written, _) => f.write_str(written),
            OperandKind::Field(names) => write_fields(f, names),
            OperandKind::Variable(name, fields) => {
                f.write_str(name)?;
                write_fields(f, fields)
            }
            OperandKind::Function(function) => f.write_str(function.name),
            OperandKind::Pipe(pipe) => write!(f, "{pipe}"),
            OperandKind::Chain(inner, fields) => {
                match &inner.kind {
                    OperandKind::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{inner}")?,
                }
                write_fields(f, fields)
            }
        }
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}
