//! `label_replace(v, "target", "replacement", "source", "regex")`.

use super::vector::Vector;
use crate::regex::{Regex, Shape};
use crate::{Error, Labels, ast};
use regex_automata::util::captures::Captures;

/// A compiled `label_replace`.
#[derive(Debug)]
pub(super) struct Relabel {
    target: String,
    source: String,
    regex: Regex,
    replacement: Vec<Part>,
}

/// A piece of the replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// What one of these groups matched: the first that took part.
    Groups(Vec<usize>),
}

impl Relabel {
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) where the regular expression is none.
    pub(super) fn new(node: &ast::LabelReplace) -> Result<Relabel, Error> {
        let regex = Regex::new(&node.regex.to_str(), Shape::Whole).map_err(Error::invalid)?;
        let replacement = parse_replacement(&node.replacement.to_str(), &regex);
        Ok(Relabel {
            target: node.target.to_str().into_owned(),
            source: node.source.to_str().into_owned(),
            regex,
            replacement,
        })
    }

    /// Gives the samples of `input` their new labels. A series keeps its number.
    pub(super) fn step(&self, input: &Vector, out: &mut Vector) {
        let known = out.series.len();
        out.series
            .extend(input.series[known..].iter().map(|labels| self.relabel(labels)));
        out.samples.extend_from_slice(&input.samples);
    }

    fn relabel(&self, labels: &Labels) -> Labels {
        let value = labels.value(&self.source).unwrap_or("");
        let mut captures = self.regex.inner().create_captures();
        self.regex.inner().captures(value, &mut captures);
        if !captures.is_match() {
            return labels.clone();
        }
        let replaced = expand(&self.replacement, value, &captures);
        let others = labels.iter().filter(|&(name, _)| name != self.target);
        let target = (!replaced.is_empty()).then_some((self.target.as_str(), replaced.as_str()));
        Labels::from_pairs(others.chain(target))
    }
}

fn expand(parts: &[Part], value: &str, captures: &Captures) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Groups(groups) => {
                let span = groups.iter().find_map(|&group| captures.get_group(group));
                out.push_str(span.and_then(|span| value.get(span.range())).unwrap_or(""));
            }
        }
    }
    out
}

/// Reads `$1`, `${1}`, `$name`, `${name}` and `$$` as Go's `Regexp.Expand` does: a name is as long as it can be, and
/// a dollar sign that begins none of these stands for itself.
fn parse_replacement(text: &str, regex: &Regex) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        literal.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            literal.push('$');
            rest = behind;
        } else if let Some((name, behind)) = reference(rest) {
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Groups(groups_named(name, regex)));
            rest = behind;
        } else {
            literal.push('$');
        }
    }
    literal.push_str(rest);
    parts.push(Part::Text(literal));
    parts
}

/// The name at the start of `text`, with or without braces, and what is behind it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, behind) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    Some((name, if braced { behind.strip_prefix('}')? } else { behind }))
}

fn groups_named(name: &str, regex: &Regex) -> Vec<usize> {
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return name.parse().into_iter().collect();
    }
    let named = regex.group_names().filter(|&(_, n)| n == name);
    named.map(|(group, _)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Span, Text};

    fn relabel(target: &str, replacement: &str, source: &str, regex: &str) -> String {
        let node = ast::LabelReplace {
            operand: Box::new(ast::Expr::VectorLiteral(ast::Literal {
                value: 1.0,
                text: "1".into(),
                span: Span::default(),
            })),
            target: Text::from(target),
            replacement: Text::from(replacement),
            source: Text::from(source),
            regex: Text::from(regex),
            span: Span::default(),
        };
        let labels = Labels::from_pairs([("lvl", "abc")]);
        Relabel::new(&node)
            .expect("regex is valid")
            .relabel(&labels)
            .to_string()
    }

    #[test]
    fn replacement_expands_as_in_go() {
        let x = |replacement, regex| relabel("x", replacement, "lvl", regex);
        assert_eq!(x("$1-$2", "(.)(.*)"), r#"{lvl="abc", x="a-bc"}"#);
        assert_eq!(x("${1}x", "(.).*"), r#"{lvl="abc", x="ax"}"#);
        assert_eq!(x("$1x", "(.).*"), r#"{lvl="abc"}"#);
        assert_eq!(x("$first$$ $ ${", "(?P<first>.).*"), r#"{lvl="abc", x="a$ $ ${"}"#);
        assert_eq!(x("$0", "a.c"), r#"{lvl="abc", x="abc"}"#);
    }

    #[test]
    fn only_whole_values_match_and_nothing_removes() {
        assert_eq!(relabel("x", "y", "lvl", "b"), r#"{lvl="abc"}"#);
        assert_eq!(relabel("lvl", "", "lvl", ".*"), "{}");
        assert_eq!(relabel("x", "none", "missing", ""), r#"{lvl="abc", x="none"}"#);
    }
}
