//! Cases as data: `tests/logql/<kind>/*.test`.
//!
//! A file is a list of cases:
//!
//! ```text
//! === name of the case
//! the query, over as many lines as it takes
//! ---
//! what is expected
//! ```

use std::fs;
use std::path::Path;

/// One case of a file.
pub(crate) struct Case {
    /// File and name, for messages.
    pub(crate) name: String,
    /// The query.
    pub(crate) query: String,
    /// What is expected, section by section.
    pub(crate) expected: Vec<String>,
}

/// All cases of a kind, in the order of files and lines.
pub(crate) fn cases(kind: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logql").join(kind);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of cases exists")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    paths.sort();
    let cases: Vec<Case> = paths.iter().flat_map(|path| file_cases(path)).collect();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    cases
}

fn file_cases(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).expect("a file of cases is UTF-8");
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    text.split("=== ")
        .skip(1)
        .map(|case| {
            let (name, body) = case.split_once('\n').expect("a case has a name");
            let mut sections = body.trim_end().split("\n---\n").map(str::to_owned);
            Case {
                name: format!("{file}: {name}"),
                query: sections.next().unwrap_or_default(),
                expected: sections.collect(),
            }
        })
        .collect()
}
