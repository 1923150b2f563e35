//! Pipelines, commands and operands to values.

use super::data::Data;
use super::functions::{Call, Function};
use super::method;
use super::node::{Command, ConstantRegex, Number, Operand, OperandKind, Pipe, Pos};
use super::print::{MAX_BYTES, too_large};
use super::run::Template;
use super::value::{IntType, Type, Value};
use crate::quote::quote;
use crate::regex::Regex;
use std::borrow::Cow;

/// The most steps of one execution; a step is a node, a call, or [`BYTES_PER_STEP`] of a call's arguments.
const MAX_STEPS: usize = 1_000_000;
const BYTES_PER_STEP: usize = 256;

/// A value and whether Go would hold it in an `interface {}` until the next pipeline takes it out: errors show it.
#[derive(Debug, Clone)]
pub(super) struct Slot<'a> {
    pub(super) value: Value<'a>,
    pub(super) dynamic: bool,
}

impl<'a> Slot<'a> {
    pub(super) fn plain(value: Value<'a>) -> Slot<'a> {
        Slot { value, dynamic: false }
    }

    pub(super) fn dynamic(value: Value<'a>) -> Slot<'a> {
        Slot { value, dynamic: true }
    }

    fn type_name(&self) -> &'static str {
        if self.dynamic {
            "interface {}"
        } else {
            self.value.type_name()
        }
    }
}

/// What is being evaluated, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    Start,
    Pipe(&'a Pipe),
    Command(&'a Command),
    Operand(&'a Operand),
    Template(Pos, &'a str, Option<&'a Pipe>),
}

/// One execution.
pub(super) struct State<'a, 'o> {
    pub(super) template: &'a Template,
    pub(super) data: &'a dyn Data,
    pub(super) out: &'o mut Vec<u8>,
    /// Where the output starts in `out`.
    pub(super) start: usize,
    /// The template that is being executed: the main one or one that it calls.
    pub(super) name: &'a str,
    pub(super) at: At<'a>,
    pub(super) variables: Vec<(&'a str, Slot<'a>)>,
    pub(super) depth: usize,
    steps: usize,
}

/// What is called, and how errors name it.
struct Callee<'a> {
    function: &'static Function,
    name: &'a str,
    /// The value whose method it is.
    receiver: Option<Value<'a>>,
    /// The node that errors of the call show.
    at: At<'a>,
    regex: Option<&'a Result<Regex, String>>,
}

impl<'a, 'o> State<'a, 'o> {
    pub(super) fn new(template: &'a Template, data: &'a dyn Data, out: &'o mut Vec<u8>) -> State<'a, 'o> {
        State {
            template,
            data,
            start: out.len(),
            out,
            name: &template.name,
            at: At::Start,
            variables: Vec::new(),
            depth: 0,
            steps: 0,
        }
    }

    pub(super) fn charge(&mut self, steps: usize) -> Result<(), String> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return self.error(format!("took more than the limit of {MAX_STEPS} steps"));
        }
        Ok(())
    }

    /// An execution error at the current node.
    pub(super) fn error<T>(&self, message: impl AsRef<str>) -> Result<T, String> {
        let name = quote(self.name.as_bytes());
        let message = message.as_ref();
        let (pos, context) = match self.at {
            At::Start => return Err(format!("template: {}: {message}", self.name)),
            At::Pipe(pipe) => (pipe.pos, pipe.to_string()),
            At::Command(command) => (command.pos, command.to_string()),
            At::Operand(operand) => (operand.pos, operand.to_string()),
            At::Template(pos, called, pipe) => {
                let pipe = pipe.map_or_else(String::new, |pipe| format!(" {pipe}"));
                (pos, format!("{{{{template {}{pipe}}}}}", quote(called.as_bytes())))
            }
        };
        let before = &self.template.text[..(pos as usize).min(self.template.text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let file = &self.template.name;
        Err(format!(
            "template: {file}:{line}:{column}: executing {name} at <{context}>: {message}"
        ))
    }

    /// Gives a variable that was declared before a new value. The parser takes an assignment for a declaration, so it
    /// is here that a missing one shows.
    pub(super) fn assign(&mut self, name: &str, slot: Slot<'a>) -> Result<(), String> {
        match self.variables.iter_mut().rev().find(|(n, _)| *n == name) {
            Some(variable) => variable.1 = slot,
            // Every template has it; the dot of the main one is not kept as a variable before something is.
            None if name == "$" => self.variables.push(("$", slot)),
            None => return self.error(format!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Result<Slot<'a>, String> {
        match self.variables.iter().rev().find(|(n, _)| *n == name) {
            Some((_, slot)) => Ok(slot.clone()),
            // The main template's dot; other templates declare theirs.
            None if name == "$" => Ok(Slot::plain(Value::Labels)),
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    pub(super) fn pipeline(&mut self, dot: &Slot<'a>, pipe: &'a Pipe) -> Result<Value<'a>, String> {
        self.enter()?;
        self.at = At::Pipe(pipe);
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?.value);
        }
        let value = last.unwrap_or(Value::Nil);
        for name in &pipe.names {
            let slot = Slot::plain(value.clone());
            if pipe.is_assign {
                self.assign(name, slot)?;
            } else {
                self.variables.push((name, slot));
            }
        }
        self.depth -= 1;
        Ok(value)
    }

    fn command(&mut self, dot: &Slot<'a>, command: &'a Command, last: Option<Value<'a>>) -> Result<Slot<'a>, String> {
        let (first, args) = command
            .operands
            .split_first()
            .expect("the parser refuses empty commands");
        match &first.kind {
            OperandKind::Field(_) | OperandKind::Chain(..) | OperandKind::Variable(..) => {
                return self.fields(dot, first, args, last);
            }
            OperandKind::Function(function) => {
                self.at = At::Operand(first);
                let callee = Callee {
                    function,
                    name: function.name,
                    receiver: None,
                    at: At::Command(command),
                    regex: command.regex.as_ref().map(ConstantRegex::compiled),
                };
                return self.call(dot, callee, args, last).map(Slot::plain);
            }
            OperandKind::Pipe(pipe) => {
                self.refuse_args(first, args, &last)?;
                return self.pipeline(dot, pipe).map(Slot::plain);
            }
            _ => {}
        }
        self.at = At::Operand(first);
        self.refuse_args(first, args, &last)?;
        Ok(match &first.kind {
            OperandKind::Bool(value) => Slot::plain(Value::Bool(*value)),
            OperandKind::Dot => dot.clone(),
            OperandKind::Number(number) => Slot::plain(self.ideal(first, number)?),
            OperandKind::Str(_, text) => Slot::plain(Value::Str(Cow::Borrowed(text))),
            _ => return self.error("nil is not a command"),
        })
    }

    fn refuse_args(&self, first: &Operand, args: &[Operand], last: &Option<Value<'a>>) -> Result<(), String> {
        if !args.is_empty() || last.is_some() {
            // A pipe stands in parentheses only among operands.
            return self.error(format!("can't give argument to non-function {first}"));
        }
        Ok(())
    }

    /// A constant where nothing says what type it should have.
    fn ideal(&mut self, operand: &'a Operand, number: &Number) -> Result<Value<'a>, String> {
        self.at = At::Operand(operand);
        match (number.int, number.float) {
            (_, Some(float)) if number.looks_like_float() => Ok(Value::Float(float)),
            (Some(int), _) => Ok(Value::int(int)),
            _ => self.error(format!("{} overflows int", number.text)),
        }
    }

    /// Fields of the dot, of a variable or of a value; the last one may be a method that takes the arguments.
    fn fields(
        &mut self,
        dot: &Slot<'a>,
        operand: &'a Operand,
        args: &'a [Operand],
        last: Option<Value<'a>>,
    ) -> Result<Slot<'a>, String> {
        self.at = At::Operand(operand);
        let (mut receiver, names) = match &operand.kind {
            OperandKind::Field(names) => (dot.clone(), names),
            OperandKind::Variable(name, names) => {
                let value = self.variable(name)?;
                if names.is_empty() {
                    self.refuse_args(operand, args, &last)?;
                    return Ok(value);
                }
                (value, names)
            }
            OperandKind::Chain(inner, names) => {
                let value = match &inner.kind {
                    OperandKind::Pipe(pipe) => {
                        self.at = At::Operand(inner);
                        self.pipeline(dot, pipe)?
                    }
                    _ => self.lone_function(dot, inner)?,
                };
                (Slot::plain(value), names)
            }
            _ => return Ok(Slot::plain(Value::Nil)),
        };
        let (final_name, inner_names) = names.split_last().expect("the parser makes no empty chains");
        for name in inner_names {
            receiver = self.field(dot, operand, receiver, name, &[], None)?;
        }
        self.field(dot, operand, receiver, final_name, args, last)
    }

    fn field(
        &mut self,
        dot: &Slot<'a>,
        operand: &'a Operand,
        receiver: Slot<'a>,
        name: &'a str,
        args: &'a [Operand],
        last: Option<Value<'a>>,
    ) -> Result<Slot<'a>, String> {
        if let Value::Nil = receiver.value {
            if receiver.dynamic {
                return self.error(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            return Ok(Slot::plain(Value::Nil));
        }
        if let Some(function) = method::find(&receiver.value, name) {
            let callee = Callee {
                function,
                name,
                receiver: Some(receiver.value),
                at: At::Operand(operand),
                regex: None,
            };
            return self.call(dot, callee, args, last).map(Slot::plain);
        }
        let is_map = matches!(receiver.value, Value::Labels | Value::LabelMap(_) | Value::Map(_));
        if is_map && (!args.is_empty() || last.is_some()) {
            return self.error(format!("{name} is not a method but has arguments"));
        }
        match &receiver.value {
            Value::Labels => {
                let value = match self.data.label(name).unwrap_or_default() {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                };
                Ok(Slot::plain(Value::Str(value)))
            }
            Value::LabelMap(map) => {
                let value = map.get(name.as_bytes()).cloned();
                Ok(Slot::plain(value.unwrap_or(Value::Str(Cow::Borrowed(b"")))))
            }
            Value::Map(map) => Ok(Slot::dynamic(map.get(name.as_bytes()).cloned().unwrap_or(Value::Nil))),
            _ => self.error(format!("can't evaluate field {name} in type {}", receiver.type_name())),
        }
    }

    /// A function without arguments among operands.
    fn lone_function(&mut self, dot: &Slot<'a>, operand: &'a Operand) -> Result<Value<'a>, String> {
        self.at = At::Operand(operand);
        match &operand.kind {
            OperandKind::Function(function) => {
                let callee = Callee {
                    function,
                    name: function.name,
                    receiver: None,
                    at: At::Operand(operand),
                    regex: None,
                };
                self.call(dot, callee, &[], None)
            }
            _ => Ok(Value::Nil),
        }
    }

    fn call(
        &mut self,
        dot: &Slot<'a>,
        callee: Callee<'a>,
        args: &'a [Operand],
        last: Option<Value<'a>>,
    ) -> Result<Value<'a>, String> {
        let Function { params, rest, .. } = callee.function;
        let given = args.len() + usize::from(last.is_some());
        let name = callee.name;
        if rest.is_some() && given < params.len() {
            let (want, got) = (params.len(), args.len());
            return self.error(format!(
                "wrong number of args for {name}: want at least {want} got {got}"
            ));
        }
        if rest.is_none() && given != params.len() {
            let want = params.len();
            return self.error(format!("wrong number of args for {name}: want {want} got {given}"));
        }
        if let Some(end) = callee.function.short_circuit {
            return self.short_circuit(dot, args, last, end);
        }
        let receivers = usize::from(callee.receiver.is_some());
        let count = receivers + given;
        // Few have more than four arguments; they need no allocation.
        let mut few = [const { Value::Nil }; 4];
        let mut many = Vec::new();
        let values = if count <= few.len() {
            &mut few[..count]
        } else {
            many.resize(count, Value::Nil);
            &mut many[..]
        };
        let Callee {
            function,
            receiver,
            at,
            regex,
            ..
        } = callee;
        if let Some(receiver) = receiver {
            values[0] = receiver;
        }
        let type_of = |i: usize| params.get(i).copied().or(*rest).unwrap_or(Type::Any);
        for (i, arg) in args.iter().enumerate() {
            values[receivers + i] = self.arg(dot, type_of(i), arg)?;
        }
        if let Some(last) = last {
            let last = self.validate(Slot::plain(last), type_of(args.len()))?;
            values[count - 1] = last;
        }
        let mut weight = 0;
        for value in values.iter_mut() {
            if !function.takes_labels && matches!(value, Value::Labels) {
                *value = Value::Labels.whole(self.data);
            }
            weight += value.weight();
        }
        self.charge(1 + weight / BYTES_PER_STEP)?;
        let mut call = Call {
            data: self.data,
            local: &self.template.local,
            args: values,
            regex,
            first: args.first(),
        };
        let result = (function.run)(&mut call).and_then(|value| match value.weight() > MAX_BYTES {
            true => Err(too_large()),
            false => Ok(value),
        });
        result.or_else(|message| {
            self.at = at;
            self.error(format!("error calling {name}: {message}"))
        })
    }

    /// `and` and `or`: the first argument whose truth is `end`, else the last one.
    fn short_circuit(
        &mut self,
        dot: &Slot<'a>,
        args: &'a [Operand],
        last: Option<Value<'a>>,
        end: bool,
    ) -> Result<Value<'a>, String> {
        let mut value = Value::Nil;
        for arg in args {
            value = self.arg(dot, Type::Any, arg)?;
            if value.is_true(self.data) == end {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn arg(&mut self, dot: &Slot<'a>, wanted: Type, operand: &'a Operand) -> Result<Value<'a>, String> {
        self.at = At::Operand(operand);
        let slot = match &operand.kind {
            OperandKind::Dot => dot.clone(),
            OperandKind::Nil => match wanted {
                Type::Any | Type::Location => return Ok(Value::Nil),
                _ => return self.error(format!("cannot assign nil to {}", wanted.name())),
            },
            OperandKind::Field(_) | OperandKind::Variable(..) | OperandKind::Chain(..) => {
                self.fields(dot, operand, &[], None)?
            }
            OperandKind::Pipe(pipe) => Slot::plain(self.pipeline(dot, pipe)?),
            OperandKind::Function(_) => Slot::plain(self.lone_function(dot, operand)?),
            OperandKind::Bool(_) | OperandKind::Number(_) | OperandKind::Str(..) => {
                return self.constant(wanted, operand);
            }
        };
        self.validate(slot, wanted)
    }

    /// A constant as the type that its place wants.
    fn constant(&mut self, wanted: Type, operand: &'a Operand) -> Result<Value<'a>, String> {
        let expected = match (wanted, &operand.kind) {
            (Type::Str | Type::Any, OperandKind::Str(_, text)) => return Ok(Value::Str(Cow::Borrowed(text))),
            (Type::Any, OperandKind::Bool(value)) => return Ok(Value::Bool(*value)),
            (Type::Any, OperandKind::Number(number)) => return self.ideal(operand, number),
            (Type::Int, OperandKind::Number(Number { int: Some(int), .. })) => return Ok(Value::int(*int)),
            (Type::Duration, OperandKind::Number(Number { int: Some(int), .. })) => {
                return Ok(Value::Int(*int, IntType::Duration));
            }
            (Type::Float, OperandKind::Number(Number { float: Some(float), .. })) => return Ok(Value::Float(*float)),
            (Type::Str, _) => "string",
            (Type::Int | Type::Duration, _) => "integer",
            (Type::Float, _) => "float",
            (Type::Any | Type::Time | Type::Location, _) => {
                return self.error(format!("can't handle {operand} for arg of type {}", wanted.name()));
            }
        };
        self.error(format!("expected {expected}; found {operand}"))
    }

    fn validate(&self, slot: Slot<'a>, wanted: Type) -> Result<Value<'a>, String> {
        match slot.value {
            value if wanted.takes(&value) => Ok(value),
            Value::Nil if !slot.dynamic && wanted == Type::Location => Ok(Value::Nil),
            Value::Nil if !slot.dynamic => self.error(format!("invalid value; expected {}", wanted.name())),
            Value::Nil => self.error(format!(
                "wrong type for value; expected {}; got interface {{}}",
                wanted.name()
            )),
            value => self.error(format!(
                "wrong type for value; expected {}; got {}",
                wanted.name(),
                value.type_name()
            )),
        }
    }
}
