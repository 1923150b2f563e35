//! Rule groups to YAML, laid out as Loki lays them out.

use loki_core::{Period, Rule, RuleGroup, TenantId};
use std::collections::BTreeMap;

/// Columns of one level.
const INDENT: usize = 4;

/// Groups by namespace.
pub(crate) fn write_namespaces(namespaces: &BTreeMap<String, Vec<RuleGroup>>) -> String {
    if namespaces.is_empty() {
        return "{}\n".to_owned();
    }
    let mut out = String::new();
    write_namespaces_at(&mut out, namespaces, 0);
    out
}

/// Groups by tenant and namespace.
pub(crate) fn write_tenants(tenants: &BTreeMap<TenantId, BTreeMap<String, Vec<RuleGroup>>>) -> String {
    if tenants.is_empty() {
        return "{}\n".to_owned();
    }
    let mut out = String::new();
    for (tenant, namespaces) in tenants {
        out.push_str(&scalar(tenant.as_str(), 0));
        out.push_str(":\n");
        write_namespaces_at(&mut out, namespaces, INDENT);
    }
    out
}

fn write_namespaces_at(out: &mut String, namespaces: &BTreeMap<String, Vec<RuleGroup>>, column: usize) {
    let dash = column + INDENT;
    for (namespace, groups) in namespaces {
        out.push_str(&format!("{:column$}{}:\n", "", scalar(namespace, column)));
        for group in groups {
            let start = out.len();
            write_keys(out, group, dash + 2);
            out.replace_range(start + dash..start + dash + 2, "- ");
        }
    }
}

/// One group.
pub(crate) fn write_group(group: &RuleGroup) -> String {
    let mut out = String::new();
    write_keys(&mut out, group, 0);
    out
}

fn write_keys(out: &mut String, group: &RuleGroup, column: usize) {
    line(out, column, "name", &scalar(&group.name, column));
    if group.interval != Period::ZERO {
        line(out, column, "interval", &group.interval.to_string());
    }
    if group.limit > 0 {
        line(out, column, "limit", &group.limit.to_string());
    }
    if group.rules.is_empty() {
        return line(out, column, "rules", "[]");
    }
    out.push_str(&format!("{:column$}rules:\n", ""));
    let dash = deeper(column);
    for rule in &group.rules {
        let start = out.len();
        write_rule(out, rule, dash + 2);
        out.replace_range(start + dash..start + dash + 2, "- ");
    }
}

fn write_rule(out: &mut String, rule: &Rule, column: usize) {
    let kind = if rule.is_alert() { "alert" } else { "record" };
    line(out, column, kind, &scalar(rule.name(), column));
    line(out, column, "expr", &scalar(&rule.expr, column));
    for (key, period) in [("for", rule.pending_for), ("keep_firing_for", rule.keep_firing_for)] {
        if period != Period::ZERO {
            line(out, column, key, &period.to_string());
        }
    }
    for (key, texts) in [("labels", &rule.labels), ("annotations", &rule.annotations)] {
        if !texts.is_empty() {
            out.push_str(&format!("{:column$}{key}:\n", ""));
            let inner = deeper(column);
            for (name, text) in texts {
                line(out, inner, &scalar(name, inner), &scalar(text, inner));
            }
        }
    }
}

fn line(out: &mut String, column: usize, key: &str, value: &str) {
    out.push_str(&format!("{:column$}{key}: {value}\n", ""));
}

/// The column of what stands inside something at `column`: the next level.
fn deeper(column: usize) -> usize {
    (column / INDENT + 1) * INDENT
}

/// A text as YAML: plain where that can be read back, else quoted, or as a block where it has several lines.
fn scalar(text: &str, column: usize) -> String {
    if text.is_empty() || !text.chars().all(|c| c == '\n' || is_printable(c)) || is_ambiguous(text) {
        return double_quoted(text);
    }
    if text.contains('\n') {
        // Blocks can hold all texts; these they hold in ways that not every reader knows.
        let is_odd = text.starts_with([' ', '\n']) || text.ends_with("\n\n");
        return if is_odd {
            double_quoted(text)
        } else {
            block(text, deeper(column))
        };
    }
    if needs_quotes(text) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    text.to_owned()
}

/// Whether a character stands for itself in YAML, in all its versions: control characters, some of which end lines, the
/// byte order mark and what is no character do not.
fn is_printable(c: char) -> bool {
    let is_line_end = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !is_line_end && !matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Several lines, each at `column`.
fn block(text: &str, column: usize) -> String {
    let mut out = if text.ends_with('\n') { "|" } else { "|-" }.to_owned();
    let lines = text.strip_suffix('\n').unwrap_or(text);
    for line in lines.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&" ".repeat(column));
            out.push_str(line);
        }
    }
    out
}

/// Whether a plain text would be taken for something else than a text.
fn is_ambiguous(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let is_word = matches!(
        word.as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "~" | ".nan" | ".inf" | "-.inf" | "+.inf"
    );
    let starts_as_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let digits = word.replace('_', "");
    let is_number = starts_as_number
        && (digits.parse::<f64>().is_ok()
            || digits.starts_with("0x")
            || digits.starts_with("0o")
            || digits.starts_with("0b"));
    let is_date = text.len() >= 10
        && text.bytes().take(10).enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    is_word || is_number || is_date || text == "<<" || text == "="
}

/// Whether a text of one line means something else without quotes.
fn needs_quotes(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_blank = |at: usize| bytes.get(at).is_none_or(|&b| b == b' ' || b == b'\t');
    let starts_badly = match bytes[0] {
        b'-' | b'?' | b':' => is_blank(1),
        first => b"#,[]{}&*!|>'\"%@` \t".contains(&first),
    };
    let ends_badly = text.ends_with([' ', '\t', ':']);
    let has_mark = (1..bytes.len())
        .any(|i| (bytes[i] == b':' && is_blank(i + 1)) || (bytes[i] == b'#' && matches!(bytes[i - 1], b' ' | b'\t')));
    starts_badly || ends_badly || has_mark || text.starts_with("---") || text.starts_with("...")
}

/// JSON's escapes are YAML's, which wants more of them.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in serde_json::Value::from(text).to_string().chars() {
        if is_printable(c) {
            out.push(c);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::read_group;
    use super::*;
    use proptest::prelude::*;

    const GROUP: &str = "\
name: g1
interval: 30s
limit: 10
rules:
    - record: shop:errors:rate1m
      expr: sum(rate({app=\"shop\"} |= \"error\" [1m]))
      labels:
        team: a
    - alert: TooManyErrors
      expr: sum(count_over_time({app=\"shop\"}[5m])) > 10
      for: 5m
      labels:
        severity: page
      annotations:
        summary: '{{ $value }} errors'
";

    #[test]
    fn a_group_is_laid_out_as_loki_lays_it_out() {
        let group = read_group(GROUP.as_bytes()).expect("a group");
        assert_eq!(write_group(&group), GROUP);
        let all = write_namespaces(&[("ns1".to_owned(), vec![group])].into());
        let start = "ns1:\n    - name: g1\n      interval: 30s\n      limit: 10\n      rules:\n        - record: shop";
        assert!(all.starts_with(start), "{all}");
        let group = read_group(GROUP.as_bytes()).expect("a group");
        let tenants = [(TenantId::single(), [("ns1".to_owned(), vec![group])].into())].into();
        let indented: String = all.lines().map(|line| format!("    {line}\n")).collect();
        assert_eq!(write_tenants(&tenants), format!("fake:\n{indented}"));
        assert!(
            all.contains("\n          labels:\n            team: a\n        - alert: Too"),
            "{all}"
        );
        assert_eq!(write_namespaces(&BTreeMap::new()), "{}\n");
    }

    #[test]
    fn what_is_no_group_is_refused_and_unknown_keys_are_not_looked_at() {
        assert!(read_group(b"- a\n- b").is_err());
        assert!(read_group(b"name: [").is_err());
        let group = read_group(b"name: g\nquery_offset: 5m\nrules: []").expect("a group");
        assert_eq!(write_group(&group), "name: g\nrules: []\n");
    }

    #[test]
    fn characters_that_yaml_does_not_know_are_escaped() {
        let texts = ["\u{9b}x", "\u{85}", "a\u{2028}b", "\u{fffe}", "\u{7f}", "é\t"];
        let written: Vec<String> = texts.iter().map(|text| scalar(text, 0)).collect();
        let escaped = [
            r#""\u009bx""#,
            r#""\u0085""#,
            r#""a\u2028b""#,
            r#""\ufffe""#,
            r#""\u007f""#,
            r#""é\t""#,
        ];
        assert_eq!(written, escaped);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            texts in proptest::collection::vec("[a-z0-9 :#'\"{}\\[\\]\n\t\\-?,.|>%@&*!~=<yn\u{1}\u{7f}\u{85}\u{9b}é\u{2028}\u{feff}\u{fffe}🦀]{0,12}", 4),
        ) {
            let rule = Rule {
                alert: texts[0].clone(),
                expr: texts[1].clone(),
                labels: [("l".to_owned(), texts[2].clone())].into(),
                annotations: [("a".to_owned(), texts[3].clone())].into(),
                ..Rule::default()
            };
            let rule = if rule.is_alert() { rule } else { Rule { record: "r".to_owned(), ..rule } };
            let group = RuleGroup { name: texts[3].clone(), rules: vec![rule], ..RuleGroup::default() };
            let written = write_group(&group);
            prop_assert_eq!(read_group(written.as_bytes()), Ok(group), "{}", written);
        }
    }
}
