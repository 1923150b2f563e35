//! Label names as small numbers, so that a stage compares and indexes numbers instead of text.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// What stands behind a name that is taken, to make one that is free.
pub(super) const EXTRACTED: &str = "_extracted";

/// A label name of one [`Names`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NameId(u32);

impl NameId {
    /// Place in tables that are indexed by name.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The number itself, to write into a signature.
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// Distinct names in the order of their first appearance.
///
/// The names of the query come first and have the same number in every table of its pipeline.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    all: Vec<Name>,
    by_text: HashTable<u32>,
    hasher: FixedState,
}

#[derive(Debug, Clone)]
struct Name {
    text: Box<str>,
    /// `text` with `_extracted` behind it, once that was asked for.
    extracted: Option<NameId>,
}

impl Names {
    /// Number of names.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The text of `name`.
    pub(super) fn text(&self, name: NameId) -> &str {
        &self.all[name.index()].text
    }

    /// The name with this text, if it is in the table.
    pub(super) fn find(&self, text: &str) -> Option<NameId> {
        let hash = self.hasher.hash_one(text);
        self.by_text
            .find(hash, |&id| *self.all[id as usize].text == *text)
            .map(|&id| NameId(id))
    }

    /// The name with this text, entered if it is new.
    pub(super) fn intern(&mut self, text: &str) -> NameId {
        if let Some(name) = self.find(text) {
            return name;
        }
        let id = u32::try_from(self.all.len()).expect("the table is emptied long before it holds 2^32 names");
        self.all.push(Name {
            text: text.into(),
            extracted: None,
        });
        let Names { all, by_text, hasher } = self;
        let hash = hasher.hash_one(text);
        by_text.insert_unique(hash, id, |&id| hasher.hash_one(&*all[id as usize].text));
        NameId(id)
    }

    /// The name that an extraction takes where `name` itself is taken.
    pub(super) fn extracted(&mut self, name: NameId) -> NameId {
        if let Some(extracted) = self.all[name.index()].extracted {
            return extracted;
        }
        let text = format!("{}{EXTRACTED}", self.text(name));
        let extracted = self.intern(&text);
        self.all[name.index()].extracted = Some(extracted);
        extracted
    }

    /// Forgets all names but the first `keep`.
    pub(super) fn truncate(&mut self, keep: usize) {
        self.all.truncate(keep);
        for name in &mut self.all {
            name.extracted = name.extracted.filter(|extracted| extracted.index() < keep);
        }
        self.by_text.retain(|&mut id| (id as usize) < keep);
    }
}

/// Appends `key` to the label name in `name`, which may be empty or the name of the object around it.
///
/// White space around the key is left out, every character that a label name cannot hold becomes `_`, and a name that
/// would start with a digit gets a `_` before it. A key of nothing but white space adds nothing.
pub(super) fn push_sanitized(name: &mut String, key: &[u8]) {
    let text = String::from_utf8_lossy(key);
    let key = text.trim();
    let Some(first) = key.chars().next() else { return };
    if !name.is_empty() || first.is_ascii_digit() {
        name.push('_');
    }
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitized(parts: &[&str]) -> String {
        let mut name = String::new();
        for part in parts {
            push_sanitized(&mut name, part.as_bytes());
        }
        name
    }

    #[test]
    fn names_are_made_valid() {
        assert_eq!(sanitized(&["t-u"]), "t_u");
        assert_eq!(sanitized(&["1r"]), "_1r");
        assert_eq!(sanitized(&["日本"]), "__");
        assert_eq!(sanitized(&[" sp "]), "sp");
        assert_eq!(sanitized(&[" "]), "");
        assert_eq!(sanitized(&["", "a"]), "a");
        assert_eq!(sanitized(&["a", "1"]), "a_1");
        assert_eq!(sanitized(&["a", " "]), "a");
    }

    #[test]
    fn query_names_keep_their_numbers_when_the_rest_is_forgotten() {
        let mut names = Names::default();
        let a = names.intern("a");
        let b = names.extracted(a);
        assert_eq!(names.text(b), "a_extracted");
        names.truncate(1);
        assert_eq!(names.len(), 1);
        assert_eq!(names.find("a"), Some(a));
        assert_eq!(names.find("a_extracted"), None);
        assert_eq!(names.extracted(a), b);
    }
}
