//! Operands of stages that are refused while a query is read.

use std::collections::HashSet;

/// Whether `pattern` is a regular expression in Go's dialect.
pub(crate) fn regex(pattern: &str) -> Result<(), String> {
    crate::regex::check(pattern)
}

/// Whether `pattern` can be the operand of `regexp`: it needs named groups, each name once.
pub(crate) fn regexp_stage(pattern: &str) -> Result<(), String> {
    let names = crate::regex::group_names(pattern)?;
    let mut seen = HashSet::new();
    for name in &names {
        if !seen.insert(name) {
            return Err(format!("duplicate extracted label name '{name}'"));
        }
    }
    match seen.is_empty() {
        true => Err("at least one named capture must be supplied".to_owned()),
        false => Ok(()),
    }
}

/// Whether `pattern` can be the operand of `pattern`: it needs a named capture, text between captures, and each name
/// once.
pub(crate) fn pattern_stage(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err(
            "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL".into(),
        );
    }
    let captures = captures(pattern);
    if captures.iter().all(|capture| capture.name == "_") {
        return Err("at least one capture is required".to_owned());
    }
    for pair in captures.windows(2) {
        if pair[0].end == pair[1].start {
            let (first, second) = (pair[0].name, pair[1].name);
            return Err(format!(
                "found consecutive capture '<{first}><{second}>': invalid expression"
            ));
        }
    }
    let mut seen = HashSet::new();
    for capture in captures.iter().filter(|capture| capture.name != "_") {
        if !seen.insert(capture.name) {
            return Err(format!("duplicate capture name ({}): invalid expression", capture.name));
        }
    }
    Ok(())
}

/// `<name>` in a pattern, and the bytes it covers.
struct Capture<'p> {
    name: &'p str,
    start: usize,
    end: usize,
}

fn captures(pattern: &str) -> Vec<Capture<'_>> {
    let mut captures = Vec::new();
    let mut at = 0;
    while let Some(open) = pattern[at..].find('<') {
        let start = at + open;
        let behind = &pattern[start + 1..];
        let length = behind
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || b == b'_'))
            .unwrap_or(behind.len());
        let name = &behind[..length];
        let is_capture =
            behind[length..].starts_with('>') && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        at = start + 1;
        if is_capture {
            at = start + length + 2;
            captures.push(Capture { name, start, end: at });
        }
    }
    captures
}
