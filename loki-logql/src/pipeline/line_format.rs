//! The stage `| line_format`.

use super::entry_view::EntryView;
use super::names::{NameId, Names};
use crate::template::Template;

/// The error that templates record.
pub(super) const TEMPLATE_ERROR: &str = "TemplateFormatErr";

/// A compiled `| line_format`.
#[derive(Debug)]
pub(super) enum LineFormat {
    /// `{{.name}}` alone: the value of the label; errors are no labels to it.
    Label(NameId),
    /// Anything else.
    Template(Template),
}

impl LineFormat {
    pub(super) fn compile(template: &[u8], names: &mut Names) -> Result<LineFormat, String> {
        let template = Template::parse("line", template).map_err(|error| format!("invalid line template: {error}"))?;
        Ok(match template.single_field() {
            Some(name) => LineFormat::Label(names.intern(name)),
            None => LineFormat::Template(template),
        })
    }

    /// The template, if there is one to be run.
    pub(super) fn template(&self) -> Option<&Template> {
        match self {
            LineFormat::Label(_) => None,
            LineFormat::Template(template) => Some(template),
        }
    }

    /// Writes the new line. An error is what stands in `__error_details__`.
    pub(super) fn format(&self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            LineFormat::Label(name) => {
                out.extend_from_slice(entry.labels.value(*name).unwrap_or_default().as_bytes());
                Ok(())
            }
            LineFormat::Template(template) => template.execute(entry, out),
        }
    }
}
