//! The parser `| regexp`: named groups become labels.

use super::entry_labels::EntryLabels;
use super::extraction::{Extraction, Next};
use super::names::{NameId, Names, push_sanitized};
use crate::regex::{Regex, Shape};
use regex_automata::util::captures::Captures;

/// A compiled `| regexp`.
#[derive(Debug)]
pub(super) struct Regexp {
    regex: Regex,
    /// The groups with a name, in their order.
    groups: Vec<(usize, NameId)>,
}

impl Regexp {
    /// Compiles the stage.
    pub(super) fn compile(pattern: &str, names: &mut Names) -> Result<Regexp, String> {
        let regex = Regex::new(pattern, Shape::Search)?;
        let groups = regex
            .group_names()
            .filter_map(|(group, name)| {
                let mut sanitized = String::new();
                push_sanitized(&mut sanitized, name.as_bytes());
                (!sanitized.is_empty()).then(|| (group, names.intern(&sanitized)))
            })
            .collect();
        Ok(Regexp { regex, groups })
    }

    /// Buffers for [`parse`](Self::parse).
    pub(super) fn captures(&self) -> Captures {
        self.regex.inner().create_captures()
    }

    /// Extracts the groups of the first match; a group without a part in it is empty. False: the entry is dropped.
    pub(super) fn parse(
        &self,
        line: &[u8],
        labels: &mut EntryLabels,
        extraction: &Extraction,
        captures: &mut Captures,
    ) -> bool {
        if labels.is_complete() {
            return true;
        }
        let line = self.regex.subject(line);
        self.regex.inner().captures(&*line, captures);
        if !captures.is_match() {
            return true;
        }
        for &(group, name) in &self.groups {
            let Some(name) = extraction.target(labels, name) else { continue };
            let text = captures.get_group(group).map_or(&b""[..], |span| &line[span]);
            labels.set_bytes(name, text);
            if extraction.after(labels, name) == Next::Drop {
                return false;
            }
        }
        true
    }
}
