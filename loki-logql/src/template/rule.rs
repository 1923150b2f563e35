//! Templates of alerting rules: Go's `text/template` as Prometheus uses it, over a series and its value.

use super::data::Data;
use super::functions::Dialect;
use super::run::Template;
use super::value::{Map, Value};
use crate::Labels;
use std::borrow::Cow;
use std::rc::Rc;

/// What Prometheus puts before every template, so that its data have short names.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// A label or an annotation of an alerting rule: a text with `{{ $labels.app }}` and `{{ $value | humanize }}` in it.
///
/// ```
/// use loki_logql::{Labels, RuleTemplate};
/// let template = RuleTemplate::parse("__alert_Errors", "{{ $value | humanize }} errors of {{ $labels.app }}")?;
/// let labels = Labels::from_pairs([("app", "shop")]);
/// assert_eq!(template.expand(&labels, 12_000.0, "", 0)?, "12k errors of shop");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct RuleTemplate(Template);

impl RuleTemplate {
    /// Parses `text`; `name` stands in errors.
    ///
    /// # Errors
    ///
    /// Go's text: `template: __alert_Errors:1: function "nope" not defined`.
    pub fn parse(name: &str, text: &str) -> Result<RuleTemplate, String> {
        let text = format!("{DEFINITIONS}{text}");
        Template::parse_in(Dialect::Rule, name, text.as_bytes()).map(RuleTemplate)
    }

    /// The text for a series with these labels and this value; `now` is in nanoseconds.
    ///
    /// # Errors
    ///
    /// Go's text of an execution error.
    pub fn expand(&self, labels: &Labels, value: f64, external_url: &str, now: i64) -> Result<String, String> {
        let data = Series {
            labels,
            external_url,
            now,
        };
        let dot: Map<'_> = [
            ("Labels", Value::Labels),
            ("Value", Value::Float(value)),
            ("ExternalURL", Value::Str(Cow::Borrowed(external_url.as_bytes()))),
            ("ExternalLabels", Value::LabelMap(Rc::default())),
        ]
        .into_iter()
        .map(|(name, value)| (Cow::Borrowed(name.as_bytes()), value))
        .collect();
        let mut out = Vec::new();
        self.0.execute_over(Value::Map(Rc::new(dot)), &data, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

/// What a rule's template reads.
struct Series<'a> {
    labels: &'a Labels,
    external_url: &'a str,
    now: i64,
}

impl Data for Series<'_> {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.labels.value(name).map(Cow::Borrowed)
    }

    fn labels(&self) -> Vec<(String, String)> {
        self.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    fn line(&self) -> &[u8] {
        b""
    }

    fn timestamp(&self) -> i64 {
        self.now
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn external_url(&self) -> &str {
        self.external_url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, String> {
        let labels = Labels::from_pairs([("app", "shop"), ("instance", "a.b:80")]);
        RuleTemplate::parse("__alert_X", text)?.expand(&labels, 0.25, "http://x/loki", 1_700_000_000_000_000_000)
    }

    #[test]
    fn labels_value_and_functions_of_prometheus_are_there() {
        for (text, expanded) in [
            ("{{ $labels.app }} {{ $value }}", "shop 0.25"),
            ("{{ .Labels.app }} {{ .Value }}", "shop 0.25"),
            (
                "{{ $labels.missing }}|{{ $externalLabels.x }}|{{ $externalURL }}",
                "||http://x/loki",
            ),
            ("{{ $value | humanizePercentage }}", "25%"),
            ("{{ humanizeTimestamp 0 }}", "1970-01-01 00:00:00 +0000 UTC"),
            (r#"{{ reReplaceAll "(.)o" "$1-" $labels.app }}"#, "sh-p"),
            (
                r#"{{ if match "^sh" $labels.app }}{{ toUpper $labels.app }}{{ end }}"#,
                "SHOP",
            ),
            ("{{ stripPort $labels.instance }} {{ pathPrefix }}", "a.b /loki"),
            (r#"{{ printf "%.1f" $value }}"#, "0.2"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn errors_name_the_rule() {
        let error = RuleTemplate::parse("__alert_X", "{{ nope }}").expect_err("no such function");
        assert_eq!(error, r#"template: __alert_X:1: function "nope" not defined"#);
        assert!(
            expand(r#"{{ humanize "x" }}"#)
                .expect_err("no number")
                .contains("strconv.ParseFloat")
        );
    }
}
