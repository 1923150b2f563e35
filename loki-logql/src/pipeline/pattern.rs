//! The parser `| pattern`: what stands between literals becomes labels.

use super::entry_labels::EntryLabels;
use super::extraction::{Extraction, Next};
use super::names::{NameId, Names};
use super::pattern_filter::{Part, adjacent_captures, parts};
use memchr::memmem;

/// A compiled `| pattern`.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What the line must start with.
    start: Box<[u8]>,
    captures: Vec<Capture>,
}

#[derive(Debug)]
struct Capture {
    name: Option<NameId>,
    /// What ends it; `None`: the end of the line.
    end: Option<memmem::Finder<'static>>,
}

impl Pattern {
    /// Compiles the stage.
    pub(super) fn compile(pattern: &[u8], names: &mut Names) -> Result<Pattern, String> {
        let all = parts(pattern);
        if let Some(pair) = adjacent_captures(&all) {
            return Err(format!("found consecutive capture '{pair}': invalid expression"));
        }
        let mut start = Box::default();
        let mut captures: Vec<Capture> = Vec::new();
        for part in all {
            match (part, captures.last_mut()) {
                (Part::Capture(name), _) => captures.push(Capture {
                    name: name.map(|name| names.intern(&name)),
                    end: None,
                }),
                (Part::Literal(literal), None) => start = literal.into(),
                (Part::Literal(literal), Some(last)) => last.end = Some(memmem::Finder::new(&literal).into_owned()),
            }
        }
        if captures.iter().all(|capture| capture.name.is_none()) {
            return Err("at least one capture is required".to_string());
        }
        Ok(Pattern { start, captures })
    }

    /// Extracts the captures; false: the entry is dropped. A capture whose end is not found takes the rest.
    pub(super) fn parse(&self, line: &[u8], labels: &mut EntryLabels, extraction: &Extraction) -> bool {
        if line.is_empty() || extraction.is_done(labels) {
            return true;
        }
        let Some(mut rest) = line.strip_prefix(&*self.start) else {
            return true;
        };
        for capture in &self.captures {
            let found = capture.end.as_ref().and_then(|end| Some((end.find(rest)?, end.needle().len())));
            let (text, behind) = match found {
                Some((at, length)) => (&rest[..at], Some(&rest[at + length..])),
                None => (rest, None),
            };
            if let Some(name) = capture.name.and_then(|name| extraction.target(labels, name)) {
                labels.set_bytes(name, text);
                if extraction.after(labels, name) == Next::Drop {
                    return false;
                }
            }
            match behind {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        true
    }
}
