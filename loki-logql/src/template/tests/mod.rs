//! Templates over one entry: what they print, and what they say when they cannot.

mod errors;
mod format;
mod functions;
mod language;
mod laws;
mod times;

use super::{Data, Template};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One entry to execute templates over.
#[derive(Debug)]
struct Entry {
    labels: BTreeMap<String, String>,
    line: Vec<u8>,
}

impl Entry {
    /// The entry of most tests.
    fn sample() -> Entry {
        Entry::with(&[
            ("s", "Hello World"),
            ("n", "42"),
            ("f", "3.75"),
            ("j", r#"{"k":[1,2.5,"x",null,true],"o":{"p":"q"}}"#),
            ("e", "1709294400"),
            ("a-b", "dashed"),
            ("empty", ""),
        ])
    }

    fn with(labels: &[(&str, &str)]) -> Entry {
        Entry {
            labels: labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            line: b"the line 007".to_vec(),
        }
    }

    fn execute(&self, template: &str) -> Result<String, String> {
        let mut out = Vec::new();
        Template::parse("line", template.as_bytes())?.execute(self, &mut out)?;
        Ok(String::from_utf8(out).expect("the tests use text"))
    }
}

impl Data for Entry {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.labels.get(name).map(|value| Cow::Borrowed(value.as_str()))
    }

    fn labels(&self) -> Vec<(String, String)> {
        self.labels.clone().into_iter().collect()
    }

    fn line(&self) -> &[u8] {
        &self.line
    }

    fn timestamp(&self) -> i64 {
        1_709_294_400_123_456_789
    }

    fn now(&self) -> i64 {
        1_709_294_460_000_000_000
    }
}

/// Executes each template over the sample and compares.
#[track_caller]
fn assert_outputs(cases: &[(&str, &str)]) {
    let entry = Entry::sample();
    for (template, expected) in cases {
        assert_eq!(entry.execute(template).as_deref(), Ok(*expected), "{template}");
    }
}

/// The same for errors of parsing or execution.
#[track_caller]
fn assert_errors(cases: &[(&str, &str)]) {
    let entry = Entry::sample();
    for (template, expected) in cases {
        assert_eq!(
            entry.execute(template).as_ref().map_err(String::as_str),
            Err(*expected),
            "{template}"
        );
    }
}
