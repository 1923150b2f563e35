//! What of an entry a template may read.

use super::node::{Command, Node, Operand, OperandKind, Pipe, Trees};
use std::collections::BTreeSet;

/// What of an entry a template may read.
///
/// Only the main template's dot, and `$` anywhere in it, are the labels; whoever hands them on as a whole, to a variable
/// or another template, counts as reading all.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) fields: BTreeSet<String>,
    pub(super) all: bool,
    /// The line or the timestamp.
    pub(super) entry: bool,
    /// What its constant regular expressions weigh.
    pub(super) regex_weight: u64,
}

impl Reads {
    pub(super) fn of(root: &[Node], trees: &Trees) -> Reads {
        let mut reads = Reads::default();
        reads.list(root, true);
        // Elsewhere the dot is what the caller gave, but the entry is the entry.
        let mut others = Reads::default();
        for nodes in trees.values() {
            others.list(nodes, false);
        }
        reads.entry |= others.entry;
        reads.regex_weight = others.regex_weight;
        reads
    }

    /// `labels`: whether the dot is the labels here.
    fn list(&mut self, nodes: &[Node], labels: bool) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipe) => self.pipe(pipe, labels),
                Node::If(branch) => {
                    self.pipe(&branch.pipe, labels);
                    self.list(&branch.then, labels);
                    self.list(&branch.otherwise, labels);
                }
                Node::With(branch) | Node::Range(branch) => {
                    self.pipe(&branch.pipe, labels);
                    self.list(&branch.then, false);
                    self.list(&branch.otherwise, labels);
                }
                Node::Template(_, _, pipe) => {
                    if let Some(pipe) = pipe {
                        self.pipe(pipe, labels);
                    }
                }
            }
        }
    }

    fn pipe(&mut self, pipe: &Pipe, labels: bool) {
        for command in &pipe.commands {
            self.command(command, labels);
        }
    }

    fn command(&mut self, command: &Command, labels: bool) {
        if let Some(regex) = &command.regex {
            self.regex_weight = self.regex_weight.saturating_add(regex.weight());
        }
        let mut operands = command.operands.as_slice();
        if let [function, map, key, ..] = operands
            && let (OperandKind::Function(function), OperandKind::Str(_, name)) = (&function.kind, &key.kind)
            && function.name == "index"
            && is_labels(map, labels)
        {
            self.fields.insert(String::from_utf8_lossy(name).into_owned());
            operands = &operands[3..];
        }
        for operand in operands {
            self.operand(operand, labels);
        }
    }

    fn operand(&mut self, operand: &Operand, labels: bool) {
        match &operand.kind {
            OperandKind::Field(names) if labels => self.fields.extend(names.first().cloned()),
            OperandKind::Variable(name, names) if name == "$" => match names.first() {
                Some(name) => drop(self.fields.insert(name.clone())),
                None => self.all = true,
            },
            OperandKind::Dot => self.all |= labels,
            OperandKind::Function(function) => {
                self.entry |= matches!(function.name, "__line__" | "__timestamp__");
            }
            OperandKind::Pipe(pipe) => self.pipe(pipe, labels),
            OperandKind::Chain(inner, _) => self.operand(inner, labels),
            _ => {}
        }
    }
}

fn is_labels(operand: &Operand, labels: bool) -> bool {
    match &operand.kind {
        OperandKind::Dot => labels,
        OperandKind::Variable(name, fields) => name == "$" && fields.is_empty(),
        _ => false,
    }
}
