//! What templates see of an entry.

use super::entry_labels::{ERROR, ERROR_DETAILS, EntryLabels};
use crate::template::Data;
use std::borrow::Cow;

/// The entry as a template reads it.
pub(super) struct EntryView<'a> {
    pub(super) labels: &'a EntryLabels,
    pub(super) line: &'a [u8],
    pub(super) timestamp: i64,
    pub(super) now: i64,
}

impl Data for EntryView<'_> {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = match name {
            ERROR if self.labels.has_error() => Some(self.labels.error()),
            ERROR_DETAILS if self.labels.has_error_details() => Some(self.labels.error_details()),
            _ => self.labels.find(name).and_then(|name| self.labels.value(name)),
        };
        value.map(Cow::Borrowed)
    }

    fn labels(&self) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        self.labels.output(&mut labels);
        labels
            .into_iter()
            .map(|(name, value, _)| (name.to_string(), value.to_string()))
            .collect()
    }

    fn line(&self) -> &[u8] {
        self.line
    }

    fn timestamp(&self) -> i64 {
        self.timestamp
    }

    fn now(&self) -> i64 {
        self.now
    }
}
