//! The stages `| keep` and `| drop`.

use super::entry_labels::{ERROR, ERROR_DETAILS, EntryLabels, PRESERVE_ERROR};
use super::names::{NameId, Names};
use crate::ast::{LabelSelection, MatchOp};
use crate::regex::{Regex, Shape};

/// One item of a list of labels.
#[derive(Debug)]
pub(super) struct Item {
    name: NameId,
    subject: Subject,
    /// `None`: any value.
    value: Option<ValueMatcher>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Label,
    Error,
    ErrorDetails,
}

#[derive(Debug)]
struct ValueMatcher {
    operand: Operand,
    negated: bool,
}

#[derive(Debug)]
enum Operand {
    Text(Box<[u8]>),
    Regex(Regex),
}

impl Item {
    /// Compiles a list.
    pub(super) fn compile(items: &[LabelSelection], names: &mut Names) -> Result<Vec<Item>, String> {
        items.iter().map(|item| Item::compile_one(item, names)).collect()
    }

    fn compile_one(item: &LabelSelection, names: &mut Names) -> Result<Item, String> {
        let (name, value) = match item {
            LabelSelection::Name(name) => (name, None),
            LabelSelection::Matcher(matcher) => {
                let operand = match matcher.op {
                    MatchOp::Equal | MatchOp::NotEqual => Operand::Text(matcher.value.as_bytes().into()),
                    MatchOp::Regex | MatchOp::NotRegex => {
                        Operand::Regex(Regex::new(&matcher.value.to_str(), Shape::WholeDotAll)?)
                    }
                };
                let negated = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
                (&matcher.name, Some(ValueMatcher { operand, negated }))
            }
        };
        Ok(Item {
            name: names.intern(name),
            subject: match name.as_str() {
                ERROR => Subject::Error,
                ERROR_DETAILS => Subject::ErrorDetails,
                _ => Subject::Label,
            },
            value,
        })
    }

    fn matches(&self, value: &str) -> bool {
        self.value.as_ref().is_none_or(|matcher| {
            let holds = match &matcher.operand {
                Operand::Text(text) => value.as_bytes() == &**text,
                Operand::Regex(regex) => regex.is_match(value.as_bytes()),
            };
            holds != matcher.negated
        })
    }
}

/// `| drop`: deletes the labels that an item matches.
pub(super) fn drop(items: &[Item], labels: &mut EntryLabels) {
    for item in items {
        match item.subject {
            Subject::Error if item.matches(labels.error()) => labels.clear_error(),
            Subject::ErrorDetails if item.matches(labels.error_details()) => labels.clear_error_details(),
            Subject::Label => {
                let value = labels.value(item.name);
                if value.is_some() && item.matches(value.unwrap_or_default()) {
                    labels.delete(item.name);
                }
            }
            Subject::Error | Subject::ErrorDetails => {}
        }
    }
}

/// `| keep`: deletes the labels that no item matches. `scratch` is a buffer to reuse.
pub(super) fn keep(items: &[Item], labels: &mut EntryLabels, scratch: &mut Vec<NameId>) {
    scratch.clear();
    scratch.extend(labels.present().filter(|&name| {
        let is_special = || matches!(labels.name(name), ERROR | ERROR_DETAILS | PRESERVE_ERROR);
        let is_listed = items
            .iter()
            .any(|item| item.name == name && item.matches(labels.value(name).unwrap_or_default()));
        !is_listed && !is_special()
    }));
    for &name in scratch.iter() {
        labels.delete(name);
    }
}
