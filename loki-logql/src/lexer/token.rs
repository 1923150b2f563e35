//! The tokens of the grammar.

use crate::Text;
use crate::ast::{Conversion, RangeOp, VectorOp};
use crate::print::word;

/// A token with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token<'q> {
    Identifier(&'q str),
    String(Text),
    /// As written: what it is worth depends on where it stands.
    Number(&'q str),
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
    /// `[5m]`, in nanoseconds.
    Range(i64),
    Strict,
    KeepEmpty,

    RangeOp(RangeOp),
    VectorOp(VectorOp),
    Conversion(Conversion),
    Vector,
    LabelReplace,
    Ip,

    By,
    Without,
    Bool,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    And,
    Or,
    Unless,
    Offset,
    Unwrap,
    Json,
    Logfmt,
    Regexp,
    Pattern,
    Unpack,
    LineFormat,
    LabelFormat,
    Decolorize,
    Drop,
    Keep,
    Variants,
    Of,

    Comma,
    Dot,
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    CloseBracket,
    Pipe,
    Equal,
    NotEqual,
    Match,
    NotMatch,
    PipeEqual,
    PipeMatch,
    PipePattern,
    NotPattern,
    EqualEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

impl Token<'_> {
    /// The name that error messages give the token.
    pub(crate) fn name(&self) -> String {
        match self {
            Token::RangeOp(op) => return word::range_op(*op).to_uppercase(),
            Token::VectorOp(op) => return word::vector_op(*op).to_uppercase(),
            Token::Conversion(conversion) => return word::conversion(*conversion).to_uppercase() + "_CONV",
            _ => {}
        }
        self.fixed_name().to_owned()
    }

    /// The name of a token whose name does not depend on its value.
    fn fixed_name(&self) -> &'static str {
        match self {
            Token::Identifier(_) => "IDENTIFIER",
            Token::String(_) => "STRING",
            Token::Number(_) => "NUMBER",
            Token::Duration(_) => "DURATION",
            Token::Bytes(_) => "BYTES",
            Token::Range(_) => "RANGE",
            Token::Strict | Token::KeepEmpty => "FUNCTION_FLAG",
            Token::RangeOp(_) | Token::VectorOp(_) | Token::Conversion(_) => "",
            Token::Vector => "VECTOR",
            Token::LabelReplace => "label_replace",
            Token::Ip => "ip",
            Token::By => "by",
            Token::Without => "without",
            Token::Bool => "bool",
            Token::On => "on",
            Token::Ignoring => "ignoring",
            Token::GroupLeft => "group_left",
            Token::GroupRight => "group_right",
            Token::And => "and",
            Token::Or => "or",
            Token::Unless => "unless",
            Token::Offset => "offset",
            Token::Unwrap => "unwrap",
            Token::Json => "json",
            Token::Logfmt => "logfmt",
            Token::Regexp => "regexp",
            Token::Pattern => "pattern",
            Token::Unpack => "unpack",
            Token::LineFormat => "line_format",
            Token::LabelFormat => "label_format",
            Token::Decolorize => "decolorize",
            Token::Drop => "drop",
            Token::Keep => "keep",
            Token::Variants => "variants",
            Token::Of => "of",
            Token::Comma => ",",
            Token::Dot => ".",
            Token::OpenBrace => "{",
            Token::CloseBrace => "}",
            Token::OpenParen => "(",
            Token::CloseParen => ")",
            Token::CloseBracket => "]",
            Token::Pipe => "|",
            Token::Equal => "=",
            Token::NotEqual => "!=",
            Token::Match => "=~",
            Token::NotMatch => "!~",
            Token::PipeEqual => "|=",
            Token::PipeMatch => "|~",
            Token::PipePattern => "|>",
            Token::NotPattern => "!>",
            Token::EqualEqual => "==",
            Token::Greater => ">",
            Token::GreaterOrEqual => ">=",
            Token::Less => "<",
            Token::LessOrEqual => "<=",
            Token::Add => "+",
            Token::Sub => "-",
            Token::Mul => "*",
            Token::Div => "/",
            Token::Mod => "%",
            Token::Pow => "^",
        }
    }

    /// Whether Loki's lexer completes the token by looking ahead, which costs error messages their line number.
    pub(crate) fn is_looked_ahead(&self) -> bool {
        matches!(
            self,
            Token::Range(_)
                | Token::Duration(_)
                | Token::Bytes(_)
                | Token::Strict
                | Token::KeepEmpty
                | Token::NotEqual
                | Token::Match
                | Token::NotMatch
                | Token::PipeEqual
                | Token::PipeMatch
                | Token::PipePattern
                | Token::NotPattern
                | Token::EqualEqual
                | Token::GreaterOrEqual
                | Token::LessOrEqual
        )
    }
}
