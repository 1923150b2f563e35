//! Templates of alerting rules: Go's `text/template` as Prometheus uses it, over a series and its value.

use super::data::Data;
use super::functions::Dialect;
use super::run::Template;
use super::value::{Map, Value};
use crate::{Labels, VectorSample};
use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

/// What Prometheus puts before every template, so that its data have short names.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// A label or an annotation of an alerting rule: a text with `{{ $labels.app }}` and `{{ $value | humanize }}` in it.
///
/// ```
/// use loki_logql::{Labels, RuleData, RuleTemplate};
/// let template = RuleTemplate::parse("__alert_Errors", "{{ $value | humanize }} errors of {{ $labels.app }}")?;
/// let labels = Labels::from_pairs([("app", "shop")]);
/// let data = RuleData { labels: &labels, value: 12_000.0, external_url: "", now: 0, query: &|_| Ok(vec![]) };
/// assert_eq!(template.expand(&data)?, "12k errors of shop");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct RuleTemplate(Template);

/// What a template of a rule is expanded over.
#[derive(Clone, Copy)]
pub struct RuleData<'a> {
    /// The labels of the series that raised the alert.
    pub labels: &'a Labels,
    /// The value of that.
    pub value: f64,
    /// Where the outside reaches this program.
    pub external_url: &'a str,
    /// The time of the evaluation, in nanoseconds.
    pub now: i64,
    /// Answers the queries of the template, at that time; an error is a text for people.
    pub query: &'a dyn Fn(&str) -> Result<Vec<VectorSample>, String>,
}

impl fmt::Debug for RuleData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleData")
            .field("labels", &self.labels)
            .field("value", &self.value)
            .field("external_url", &self.external_url)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

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

    /// The text for a series.
    ///
    /// # Errors
    ///
    /// Go's text of an execution error.
    pub fn expand(&self, data: &RuleData<'_>) -> Result<String, String> {
        let dot: Map<'_> = [
            ("Labels", Value::Labels),
            ("Value", Value::Float(data.value)),
            ("ExternalURL", Value::Str(Cow::Borrowed(data.external_url.as_bytes()))),
            ("ExternalLabels", Value::LabelMap(Rc::default())),
        ]
        .into_iter()
        .map(|(name, value)| (Cow::Borrowed(name.as_bytes()), value))
        .collect();
        let mut out = Vec::new();
        self.0.execute_over(Value::Map(Rc::new(dot)), data, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

impl Data for RuleData<'_> {
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

    fn query(&self, query: &str) -> Result<Vec<VectorSample>, String> {
        (self.query)(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    fn expand(text: &str) -> Result<String, String> {
        let labels = Labels::from_pairs([("app", "shop"), ("instance", "a.b:80")]);
        let sample = |app: &str, value| VectorSample {
            labels: Labels::from_pairs([("app", app), ("__value__", "as text")]),
            sample: Sample { timestamp_ms: 0, value },
        };
        let query = |query: &str| match query {
            "two" => Ok(vec![sample("shop", 2.0), sample("api", 1.5)]),
            "none" => Ok(Vec::new()),
            other => Err(format!("no query: {other}")),
        };
        RuleTemplate::parse("__alert_X", text)?.expand(&RuleData {
            labels: &labels,
            value: 0.25,
            external_url: "http://x/loki",
            now: 1_700_000_000_000_000_000,
            query: &query,
        })
    }

    #[test]
    fn queries_are_asked_and_their_results_read() {
        for (text, expanded) in [
            (r#"{{ query "two" | first | value }}"#, "2"),
            (
                r#"{{ query "two" | first | label "app" }} {{ query "two" | first | label "x" }}|"#,
                "shop |",
            ),
            (
                r#"{{ with query "two" }}{{ . | first | strvalue }}{{ end }}"#,
                "as text",
            ),
            (
                r#"{{ range query "two" | sortByLabel "app" }}{{ .Labels.app }}={{ .Value | humanize }} {{ end }}"#,
                "api=1.5 shop=2 ",
            ),
            (r#"{{ with query "none" }}some{{ else }}none{{ end }}"#, "none"),
            (
                r#"{{ with args $labels.app 1 }}{{ .arg0 }} {{ .arg1 }}{{ end }}"#,
                "shop 1",
            ),
            (r#"{{ printf "two" | query | len }}"#, "2"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(expanded), "{text}");
        }
        for (text, problem) in [
            (r#"{{ query "bad" }}"#, "error calling query: no query: bad"),
            (
                r#"{{ query "none" | first }}"#,
                "error calling first: first() called on vector with no elements",
            ),
            (
                r#"{{ value 1 }}"#,
                "error calling value: expected a sample of a query; found int",
            ),
            (
                r#"{{ first "x" }}"#,
                "error calling first: expected the result of a query; found string",
            ),
        ] {
            let error = expand(text).expect_err(text);
            assert!(error.ends_with(problem), "{error}");
        }
    }

    #[test]
    fn functions_of_other_templates_are_none_of_rules() {
        let error = expand("{{ $labels.app | trunc 2 }}").expect_err("no such function");
        assert_eq!(error, r#"template: __alert_X:1: function "trunc" not defined"#);
        assert_eq!(
            expand(r#"{{ if and (gt $value 0.1) true }}{{ title "a b" }}{{ end }}"#).as_deref(),
            Ok("A B")
        );
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
