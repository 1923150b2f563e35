//! Which labels a metric query reads: parsers need to extract no others.

use super::extraction::Needs;
use super::label_filter::LabelFilter;
use super::label_format::Value;
use super::line_format::LineFormat;
use super::names::{EXTRACTED, NameId, Names};
use super::stage::Op;
use crate::template::Template;

/// The needs of a query whose samples have the labels `grouping`, pass `filters` behind the stages and are the value
/// of `unwrap`.
pub(super) fn needs(
    grouping: &[NameId],
    ops: &[Op],
    unwrap: Option<NameId>,
    filters: &[LabelFilter],
    names: &mut Names,
) -> Needs {
    let mut needed = grouping.to_vec();
    for op in ops {
        let is_known = match op {
            Op::LabelFilter(filter) => {
                filter.names(&mut needed);
                true
            }
            Op::LineFormat(LineFormat::Label(name)) => {
                needed.push(*name);
                true
            }
            Op::LineFormat(LineFormat::Template(template)) => fields(template, &mut needed, names),
            Op::LabelFormat(operations) => operations.iter().all(|operation| match &operation.value {
                Value::Rename(source) => {
                    needed.push(*source);
                    true
                }
                Value::Template(template) => fields(template, &mut needed, names),
            }),
            _ => true,
        };
        if !is_known {
            return Needs::Everything;
        }
    }
    needed.extend(unwrap);
    filters.iter().for_each(|filter| filter.names(&mut needed));
    for i in 0..needed.len() {
        // `x_extracted` is what a line calls `x`.
        let stem = names.text(needed[i]).strip_suffix(EXTRACTED).map(str::to_string);
        if let Some(stem) = stem.filter(|stem| !stem.is_empty()) {
            needed.push(names.intern(&stem));
        }
    }
    needed.sort_unstable();
    needed.dedup();
    if needed.is_empty() {
        return Needs::Nothing;
    }
    Needs::Names(needed)
}

/// Adds what a template reads; false where that cannot be known.
fn fields(template: &Template, needed: &mut Vec<NameId>, names: &mut Names) -> bool {
    needed.extend(template.fields().map(|name| names.intern(name)));
    !template.reads_all()
}
