//! What a function is, and how it is found by its name.

use super::{encoding, logic, number, regex, rule, sample, text, time};
use crate::regex::Regex;
use crate::template::data::Data;
use crate::template::node::Operand;
use crate::template::time::{Time, Zone};
use crate::template::value::{Type, Value};
use std::borrow::Cow;
use std::fmt;

/// A function of the template language.
pub(in crate::template) struct Function {
    pub(in crate::template) name: &'static str,
    pub(in crate::template) params: &'static [Type],
    /// The type of any number of further arguments.
    pub(in crate::template) rest: Option<Type>,
    /// For `and` and `or`: the truth of an argument that ends evaluation.
    pub(in crate::template) short_circuit: Option<bool>,
    /// Whether the first argument is a regex, worth compiling once.
    pub(in crate::template) takes_regex: bool,
    /// Whether the function can do with labels that were not read yet.
    pub(in crate::template) takes_labels: bool,
    pub(in crate::template) run: Run,
}

/// The body of a function. An error is the text behind `error calling <name>: `.
pub(in crate::template) type Run = for<'a> fn(&mut Call<'_, 'a>) -> Result<Value<'a>, String>;

/// One call: arguments of the types that the function wants.
pub(in crate::template) struct Call<'c, 'a> {
    pub(in crate::template) data: &'a dyn Data,
    pub(in crate::template) local: &'a Zone,
    pub(in crate::template) args: &'c mut [Value<'a>],
    pub(in crate::template) regex: Option<&'a Result<Regex, String>>,
    /// The first argument as written.
    pub(in crate::template) first: Option<&'a Operand>,
}

impl Function {
    pub(super) const fn new(name: &'static str, params: &'static [Type], run: Run) -> Function {
        Function {
            name,
            params,
            rest: None,
            short_circuit: None,
            takes_regex: false,
            takes_labels: false,
            run,
        }
    }

    /// The function with any number of further arguments.
    pub(super) const fn rest(mut self, rest: Type) -> Function {
        self.rest = Some(rest);
        self
    }

    pub(super) const fn regex(mut self) -> Function {
        self.takes_regex = true;
        self
    }

    pub(super) const fn labels(mut self) -> Function {
        self.takes_labels = true;
        self
    }

    pub(super) const fn short_circuit(mut self, on: bool) -> Function {
        self.short_circuit = Some(on);
        self
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Which functions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Dialect {
    /// Those of `line_format` and `label_format`.
    Line,
    /// Those of rules: Prometheus' own, and those of the language.
    Rule,
}

/// The functions of Go's template language itself, which every dialect has.
const LANGUAGE: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
];

/// The function called `name`.
pub(in crate::template) fn find(name: &str, dialect: Dialect) -> Option<&'static Function> {
    let line = [
        text::FUNCTIONS,
        number::FUNCTIONS,
        time::FUNCTIONS,
        encoding::FUNCTIONS,
        regex::FUNCTIONS,
        logic::FUNCTIONS,
    ];
    let is_named = |function: &&Function| function.name == name;
    match dialect {
        Dialect::Rule if !LANGUAGE.contains(&name) => {
            let mut functions = rule::FUNCTIONS.iter().chain(sample::FUNCTIONS);
            functions.find(is_named)
        }
        Dialect::Line | Dialect::Rule => line.into_iter().flatten().find(is_named),
    }
}

impl<'a> Call<'_, 'a> {
    /// Takes argument `i`.
    pub(in crate::template) fn take(&mut self, i: usize) -> Value<'a> {
        std::mem::replace(&mut self.args[i], Value::Nil)
    }

    /// Takes argument `i`, a string.
    pub(in crate::template) fn take_bytes(&mut self, i: usize) -> Cow<'a, [u8]> {
        match self.take(i) {
            Value::Str(text) => text,
            _ => Cow::Borrowed(b""),
        }
    }

    /// Argument `i`, a string.
    pub(in crate::template) fn bytes(&self, i: usize) -> &[u8] {
        match &self.args[i] {
            Value::Str(text) => text,
            _ => b"",
        }
    }

    /// Argument `i`, a string, as text.
    pub(in crate::template) fn text(&self, i: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(i))
    }

    /// Argument `i`, an int of any type.
    pub(in crate::template) fn int(&self, i: usize) -> i64 {
        match self.args[i] {
            Value::Int(value, _) => value,
            _ => 0,
        }
    }

    /// Argument `i`, a time.
    pub(in crate::template) fn time(&self, i: usize) -> Time {
        match &self.args[i] {
            Value::Time(time) => time.clone(),
            _ => Time::zero(),
        }
    }
}
