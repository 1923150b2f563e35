//! The stage `| label_format`.

use super::entry_labels::{ERROR, EntryLabels};
use super::entry_view::EntryView;
use super::line_format::TEMPLATE_ERROR;
use super::names::{NameId, Names};
use crate::ast::{self, LabelFormatValue};
use crate::template::Template;
use std::collections::HashSet;
use std::ops::Range;

/// One operation of a compiled `| label_format`.
#[derive(Debug)]
pub(super) struct Operation {
    target: NameId,
    pub(super) value: Value,
}

/// The right side of an [`Operation`].
#[derive(Debug)]
pub(super) enum Value {
    /// The value of this label, which is deleted.
    Rename(NameId),
    /// The output of this template.
    Template(Template),
}

/// Outputs of templates, reused from entry to entry.
#[derive(Debug, Default)]
pub(super) struct FormatScratch {
    text: Vec<u8>,
    outputs: Vec<Result<Range<usize>, String>>,
}

/// Compiles the operations of one stage.
pub(super) fn compile(operations: &[ast::LabelFormat], names: &mut Names) -> Result<Vec<Operation>, String> {
    let mut targets = HashSet::with_capacity(operations.len());
    for operation in operations {
        let target = operation.target.as_str();
        if target == ERROR {
            return Err(format!("{target} cannot be formatted"));
        }
        if !targets.insert(target) {
            return Err(format!(
                "multiple label name '{target}' not allowed in a single format operation"
            ));
        }
    }
    operations
        .iter()
        .map(|operation| {
            let value = match &operation.value {
                LabelFormatValue::Rename(source) => Value::Rename(names.intern(source)),
                LabelFormatValue::Template(text) => {
                    let template = Template::parse("label", text.as_bytes())
                        .map_err(|error| format!("invalid template for label '{}': {error}", operation.target))?;
                    Value::Template(template)
                }
            };
            Ok(Operation {
                target: names.intern(&operation.target),
                value,
            })
        })
        .collect()
}

/// Carries out the operations in their order.
///
/// All templates see the labels as they are before the first of them: so they are run at once, and what they have
/// written is then given to the labels one by one.
pub(super) fn format(
    operations: &[Operation],
    labels: &mut EntryLabels,
    line: &[u8],
    times: (i64, i64),
    scratch: &mut FormatScratch,
) {
    let FormatScratch { text, outputs } = scratch;
    outputs.clear();
    text.clear();
    let first_template = operations
        .iter()
        .position(|operation| matches!(operation.value, Value::Template(_)))
        .unwrap_or(operations.len());
    let (renames, others) = operations.split_at(first_template);
    renames.iter().for_each(|operation| rename(operation, labels));
    for operation in others {
        if let Value::Template(template) = &operation.value {
            let (timestamp, now) = times;
            let start = text.len();
            let entry = EntryView {
                labels,
                line,
                timestamp,
                now,
            };
            let done = template.execute(&entry, text);
            if !labels.has_room(text.len()) {
                text.truncate(start);
            }
            outputs.push(done.map(|()| start..text.len()));
        }
    }
    let mut outputs = outputs.drain(..);
    for operation in others {
        if matches!(operation.value, Value::Rename(_)) {
            rename(operation, labels);
            continue;
        }
        match outputs.next() {
            Some(Ok(output)) => labels.set_bytes(operation.target, &text[output]),
            Some(Err(details)) => labels.set_error(TEMPLATE_ERROR, Some(&details)),
            None => {}
        }
    }
}

fn rename(operation: &Operation, labels: &mut EntryLabels) {
    if let Value::Rename(source) = operation.value {
        labels.rename(source, operation.target);
    }
}
