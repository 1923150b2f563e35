//! The parser `| logfmt`, with and without expressions.

use super::entry_labels::EntryLabels;
use super::extraction::{Extraction, Next};
use super::logfmt_scan::{LogfmtError, Pairs, is_clean, unescape};
use super::names::{NameId, Names};
use crate::ast;

const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// A compiled `| logfmt` without expressions.
#[derive(Debug)]
pub(super) struct Logfmt {
    pub(super) strict: bool,
    pub(super) keep_empty: bool,
}

impl Logfmt {
    /// Extracts the pairs of `line`; false: the entry is dropped.
    pub(super) fn parse(
        &self,
        line: &[u8],
        labels: &mut EntryLabels,
        extraction: &Extraction,
        buffer: &mut Vec<u8>,
    ) -> bool {
        if extraction.is_done(labels) || self.is_idle(labels) {
            return true;
        }
        let mut pairs = Pairs::new(line);
        while let Some(text) = pairs.rest() {
            let guess = labels.guess_key(None, text, b"=");
            let pair = match guess {
                Some((length, _)) => pairs.pair_of(length),
                None => pairs.pair(),
            };
            let pair = match pair {
                Ok(pair) => pair,
                Err(error) if self.strict => {
                    fail(labels, extraction, error);
                    break;
                }
                Err(_) => continue,
            };
            if pair.value.is_empty() && !self.keep_empty {
                continue;
            }
            let name = match guess {
                Some((_, name)) => name,
                None => labels.key(None, pair.key),
            };
            let Some(name) = name.and_then(|name| extraction.target(labels, name)) else {
                continue;
            };
            if pair.escaped {
                buffer.clear();
                unescape(pair.value, buffer);
                labels.set_clean(name, buffer);
            } else {
                labels.set_clean(name, pair.value);
            }
            match extraction.after(labels, name) {
                Next::More if self.is_idle(labels) => break,
                Next::More => {}
                Next::Enough => break,
                Next::Drop => return false,
            }
        }
        true
    }

    /// Whether reading on changes nothing: no label is left that a stage reads, and nobody is told what is wrong with the line. The
    /// text of a failure may name fewer labels then.
    fn is_idle(&self, labels: &EntryLabels) -> bool {
        !self.strict && labels.is_exhausted()
    }
}

fn fail(labels: &mut EntryLabels, extraction: &Extraction, error: LogfmtError) {
    extraction.fail(labels, LOGFMT_ERROR, Some(&error.to_string()));
}

/// A compiled `| logfmt a="b"`.
#[derive(Debug)]
pub(super) struct LogfmtKeys {
    strict: bool,
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    name: NameId,
    /// `None`: an expression of several parts, which no key equals.
    key: Option<NameId>,
}

impl LogfmtKeys {
    /// Compiles the expressions.
    pub(super) fn compile(
        strict: bool,
        extractions: &[ast::Extraction],
        names: &mut Names,
    ) -> Result<LogfmtKeys, String> {
        let mut targets = Vec::with_capacity(extractions.len());
        for extraction in extractions {
            let path = extraction.path.to_str();
            let key = parse_key(&path).map_err(|message| format!("cannot parse expression [{path}]: {message}"))?;
            targets.push(Target {
                name: names.intern(&extraction.name),
                key: key.map(|key| names.intern(key)),
            });
        }
        Ok(LogfmtKeys { strict, targets })
    }

    /// Extracts the pairs that the expressions name.
    pub(super) fn parse(&self, line: &[u8], labels: &mut EntryLabels, extraction: &Extraction, buffer: &mut Vec<u8>) {
        for target in &self.targets {
            if !labels.is_taken(target.name) {
                labels.set_parsed(target.name, "");
            }
        }
        for pair in Pairs::new(line) {
            let pair = match pair {
                Ok(pair) => pair,
                Err(error) if self.strict => return fail(labels, extraction, error),
                Err(_) => continue,
            };
            let Some(key) = labels.key(None, pair.key) else {
                continue;
            };
            let Some(name) = self.target(key, labels) else { continue };
            let name = labels.free_name(name);
            buffer.clear();
            if pair.escaped {
                unescape(pair.value, buffer);
            } else {
                buffer.extend_from_slice(pair.value);
            }
            labels.set_bytes(name, if is_clean(buffer) { buffer } else { b"" });
        }
    }

    /// The label that the value of `key` goes to. A listed identifier names itself where no expression names it; a key
    /// that was extracted before and is not listed goes nowhere.
    fn target(&self, key: NameId, labels: &EntryLabels) -> Option<NameId> {
        let is_listed = self.targets.iter().any(|target| target.name == key);
        if !is_listed && labels.is_extracted(key) {
            return None;
        }
        let by_key = self.targets.iter().rev().find(|target| target.key == Some(key));
        by_key.map(|target| target.name).or(is_listed.then_some(key))
    }
}

/// The key that an expression names: a bare word or a string. `None` where it has several parts.
fn parse_key(path: &str) -> Result<Option<&str>, String> {
    let mut rest = path.trim_start_matches([' ', '\t', '\n']);
    let mut first = None;
    let mut parts = 0;
    while let Some(c) = rest.chars().next().filter(|c| !c.is_ascii_digit()) {
        let part;
        if c == '"' {
            let Some(end) = rest[1..].find('"') else { break };
            (part, rest) = (&rest[1..=end], &rest[end + 2..]);
        } else if c.is_ascii_alphabetic() || c == '_' {
            if parts > 0 {
                return Err("syntax error: unexpected KEY".to_string());
            }
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (part, rest) = rest.split_at(end);
        } else {
            return Err(format!("unexpected char {c}"));
        }
        first.get_or_insert(part);
        parts += 1;
        rest = rest.trim_start_matches([' ', '\t', '\n']);
    }
    match first {
        None => Err("syntax error: unexpected $end, expecting STRING or KEY".to_string()),
        Some(key) => Ok((parts == 1).then_some(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_keys() {
        assert_eq!(parse_key("a"), Ok(Some("a")));
        assert_eq!(parse_key("\"a.b\""), Ok(Some("a.b")));
        assert_eq!(parse_key("a \"b\""), Ok(None));
        assert_eq!(parse_key("a.b"), Err("unexpected char .".to_string()));
        assert_eq!(parse_key("a b"), Err("syntax error: unexpected KEY".to_string()));
        for nothing in ["", "1a"] {
            let error = "syntax error: unexpected $end, expecting STRING or KEY";
            assert_eq!(parse_key(nothing), Err(error.to_string()));
        }
    }
}
