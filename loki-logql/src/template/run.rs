//! Templates: parsing them, walking their trees.

use super::data::Data;
use super::eval::{At, Slot, State};
use super::functions::Dialect;
use super::node::{Branch, Node, Operand, OperandKind, Trees};
use super::parse;
use super::print::{MAX_BYTES, print, too_large};
use super::reads::Reads;
use super::time::Zone;
use super::value::{IntType, Value};
use std::borrow::Cow;

/// How deep blocks, parentheses and calls of templates may nest while running: each level takes stack.
const MAX_DEPTH: usize = 200;

/// A parsed template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(super) name: String,
    pub(super) text: Box<[u8]>,
    pub(super) trees: Trees,
    pub(super) local: Zone,
    reads: Reads,
}

impl Template {
    /// Parses `text`. `name` appears in errors: `line` or `label`.
    ///
    /// # Errors
    ///
    /// Go's text: `template: line:1: unclosed action`.
    pub(crate) fn parse(name: &str, text: &[u8]) -> Result<Template, String> {
        Template::parse_in(Dialect::Line, name, text)
    }

    /// As [`parse`](Template::parse), with the functions of a dialect.
    pub(super) fn parse_in(dialect: Dialect, name: &str, text: &[u8]) -> Result<Template, String> {
        let trees = parse::parse(dialect, name, text)?;
        let reads = Reads::of(trees.get(name).map_or(&[], Vec::as_slice), &trees);
        Ok(Template {
            name: name.to_owned(),
            text: text.into(),
            trees,
            local: Zone::local(),
            reads,
        })
    }

    /// The names of the labels that the template may read, where [`reads_all`](Template::reads_all) is false.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.reads.fields.iter().map(String::as_str)
    }

    /// What its constant regular expressions weigh.
    pub(crate) fn regex_weight(&self) -> u64 {
        self.reads.regex_weight
    }

    /// Whether the template may read any label, as `{{.}}` does.
    pub(crate) fn reads_all(&self) -> bool {
        self.reads.all
    }

    /// Whether the template may read the line or the timestamp of an entry, and not its labels alone.
    pub(crate) fn reads_entry(&self) -> bool {
        self.reads.entry
    }

    /// The label's name where the template is `{{.name}}` and nothing else.
    pub(crate) fn single_field(&self) -> Option<&str> {
        match self.root() {
            [Node::Action(pipe)] if pipe.names.is_empty() => match pipe.commands.as_slice() {
                [command] => single_field(&command.operands),
                _ => None,
            },
            _ => None,
        }
    }

    /// Appends the template's output over `data` to `out`.
    ///
    /// # Errors
    ///
    /// Go's text of an execution error; `out` is then as it was.
    pub(crate) fn execute(&self, data: &dyn Data, out: &mut Vec<u8>) -> Result<(), String> {
        self.execute_over(Value::Labels, data, out)
    }

    /// As [`execute`](Template::execute), with `dot` as what the template is about.
    pub(super) fn execute_over<'a>(
        &'a self,
        dot: Value<'a>,
        data: &'a dyn Data,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let start = out.len();
        let result = State::new(self, data, out).list(&Slot::plain(dot), self.root());
        if result.is_err() {
            out.truncate(start);
        }
        result.map(|_| ())
    }

    fn root(&self) -> &[Node] {
        self.trees.get(&self.name).map_or(&[], Vec::as_slice)
    }
}

/// The name where the operands are one field of the dot.
fn single_field(operands: &[Operand]) -> Option<&str> {
    match operands {
        [
            Operand {
                kind: OperandKind::Field(names),
                ..
            },
        ] => match names.as_slice() {
            [name] => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Where to go on behind a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> State<'a, '_> {
    pub(super) fn list(&mut self, dot: &Slot<'a>, nodes: &'a [Node]) -> Result<Flow, String> {
        self.enter()?;
        let mut flow = Flow::Next;
        for node in nodes {
            flow = self.node(dot, node)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.depth -= 1;
        Ok(flow)
    }

    /// One level deeper; whoever comes back takes it off `depth`.
    pub(super) fn enter(&mut self) -> Result<(), String> {
        self.charge(1)?;
        if self.depth == MAX_DEPTH {
            return self.error(format!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        self.depth += 1;
        Ok(())
    }

    fn node(&mut self, dot: &Slot<'a>, node: &'a Node) -> Result<Flow, String> {
        self.charge(1)?;
        match node {
            Node::Text(text) => {
                self.out.extend_from_slice(text);
                self.check_output()?;
            }
            Node::Action(pipe) => {
                // The commonest action is a label alone.
                if let (Value::Labels, [command]) = (&dot.value, pipe.commands.as_slice())
                    && pipe.names.is_empty()
                    && let Some(name) = single_field(&command.operands)
                {
                    if let Some(value) = self.data.label(name) {
                        self.out.extend_from_slice(value.as_bytes());
                    }
                    self.check_output()?;
                    return Ok(Flow::Next);
                }
                let value = self.pipeline(dot, pipe)?;
                if pipe.names.is_empty() {
                    self.print(value)?;
                }
            }
            Node::If(branch) => return self.branch(dot, branch, false),
            Node::With(branch) => return self.branch(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Template(pos, name, pipe) => {
                self.at = At::Template(*pos, name, pipe.as_ref());
                let Some((name, nodes)) = self.template.trees.get_key_value(name) else {
                    let quoted = crate::quote::quote(name.as_bytes());
                    return self.error(format!("template {quoted} not defined"));
                };
                let dot = match pipe {
                    Some(pipe) => self.pipeline(dot, pipe)?,
                    None => Value::Nil,
                };
                let dot = Slot::plain(dot);
                // The template sees no variable but its own dot.
                let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
                let outer_name = std::mem::replace(&mut self.name, name);
                self.list(&dot, nodes)?;
                self.variables = outer;
                self.name = outer_name;
            }
        }
        Ok(Flow::Next)
    }

    fn branch(&mut self, dot: &Slot<'a>, branch: &'a Branch, with: bool) -> Result<Flow, String> {
        let scope = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = match (value.is_true(self.data), with) {
            (true, true) => self.list(&Slot::plain(value), &branch.then),
            (true, false) => self.list(dot, &branch.then),
            (false, _) => self.list(dot, &branch.otherwise),
        };
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, dot: &Slot<'a>, branch: &'a Branch) -> Result<Flow, String> {
        let scope = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?.whole(self.data);
        let inner = self.variables.len();
        let mut any = false;
        let mut flow = Flow::Next;
        let mut each = |state: &mut Self, key: Value<'a>, item: Slot<'a>| -> Result<bool, String> {
            any = true;
            state.declare(branch, inner, key, &item)?;
            flow = state.list(&item, &branch.then)?;
            state.variables.truncate(inner);
            Ok(flow != Flow::Break)
        };
        match &value {
            Value::Nil => {}
            Value::List(list) => {
                for (i, item) in list.iter().enumerate() {
                    if !each(self, Value::int(i as i64), Slot::dynamic(item.clone()))? {
                        break;
                    }
                }
            }
            Value::Map(map) | Value::LabelMap(map) => {
                let dynamic = matches!(value, Value::Map(_));
                for (key, item) in map.iter() {
                    let item = Slot {
                        value: item.clone(),
                        dynamic,
                    };
                    if !each(self, Value::Str(key.clone()), item)? {
                        break;
                    }
                }
            }
            Value::Int(count, kind) => {
                if branch.pipe.names.len() > 1 {
                    let count = super::printf::to_text(&value);
                    return self.error(format!("can't use {count} to iterate over more than one variable"));
                }
                for i in 0..*count {
                    if !each(self, Value::Nil, Slot::plain(Value::Int(i, *kind)))? {
                        break;
                    }
                }
            }
            value => {
                let shown = super::printf::to_text(value);
                return self.error(format!("range can't iterate over {shown}"));
            }
        }
        let result = if any {
            Ok(Flow::Next)
        } else {
            self.list(dot, &branch.otherwise)
        };
        self.variables.truncate(scope);
        result
    }

    /// Gives the variables of a `range` their values for one round.
    fn declare(&mut self, branch: &'a Branch, inner: usize, key: Value<'a>, item: &Slot<'a>) -> Result<(), String> {
        let names = &branch.pipe.names;
        match (names.as_slice(), branch.pipe.is_assign) {
            ([], _) => {}
            ([name], true) => self.assign(name, item.clone())?,
            ([first, second, ..], true) => {
                self.assign(first, Slot::plain(key))?;
                self.assign(second, item.clone())?;
            }
            ([_], false) => self.variables[inner - 1].1 = item.clone(),
            ([_, _, ..], false) => {
                self.variables[inner - 2].1 = Slot::plain(key);
                self.variables[inner - 1].1 = item.clone();
            }
        }
        Ok(())
    }

    fn print(&mut self, value: Value<'a>) -> Result<(), String> {
        match value {
            Value::Nil => self.out.extend_from_slice(b"<no value>"),
            Value::Str(Cow::Borrowed(text)) => self.out.extend_from_slice(text),
            Value::Int(value, IntType::Int | IntType::Int64) => print(self.out, &Value::int(value)),
            value => print(self.out, &value.whole(self.data)),
        }
        self.check_output()
    }

    fn check_output(&mut self) -> Result<(), String> {
        if self.out.len() - self.start > MAX_BYTES {
            return self.error(format!("output is {}", too_large()));
        }
        Ok(())
    }
}
