//! From OpenTelemetry's request to a push.

use super::items::check_items;
use super::labels::Rules;
use super::message::{Export, KeyValue, LogRecord, ResourceLogs, Scope};
use super::value::{Pairs, flatten, text};
use crate::push::{Bounds, Error, decompress};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use loki_core::{AttributeAction, PushEntry, PushFormat, PushLabels, PushRequest, PushStream, label_name};
use prost::Message as _;
use std::borrow::Cow;
use std::collections::HashMap;

/// What the body of an OpenTelemetry request is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtlpFormat {
    is_json: bool,
    encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Zstd,
    Lz4,
}

/// A request that was read and owns its texts; [`OtlpExport::push`] borrows them.
#[derive(Debug)]
pub(crate) struct OtlpExport(Export);

impl OtlpFormat {
    /// By the headers. The content type takes no parameters.
    pub(crate) fn of(headers: &HeaderMap) -> Result<OtlpFormat, Error> {
        let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let is_json = match text(CONTENT_TYPE).as_deref() {
            Some("application/json") => true,
            Some("application/x-protobuf") => false,
            other => return Err(Error::OtlpMediaType(other.unwrap_or_default().to_owned())),
        };
        let encoding = match text(CONTENT_ENCODING).as_deref() {
            None | Some("") => Encoding::Plain,
            Some("gzip") => Encoding::Gzip,
            Some("zstd") => Encoding::Zstd,
            Some("lz4") => Encoding::Lz4,
            Some(other) => return Err(Error::OtlpEncoding(other.to_owned())),
        };
        Ok(OtlpFormat { is_json, encoding })
    }

    /// Reads a body that unfolds to no more than `bounds` allow.
    pub(crate) fn read(self, body: &[u8], bounds: Bounds) -> Result<OtlpExport, Error> {
        let max = bounds.bytes;
        let message = match self.encoding {
            Encoding::Plain => Cow::Borrowed(body),
            Encoding::Gzip => Cow::Owned(decompress::gzip(body, max)?),
            Encoding::Zstd => Cow::Owned(decompress::zstd(body, max)?),
            Encoding::Lz4 => Cow::Owned(decompress::lz4(body, max)?),
        };
        let export = if self.is_json {
            bounds.check_json(&message)?;
            serde_json::from_slice(&message).map_err(|error| Error::Otlp(error.to_string()))
        } else {
            check_items(&message, bounds)?;
            Export::decode(&*message).map_err(|error| Error::Otlp(error.to_string()))
        };
        export.map(OtlpExport)
    }
}

impl OtlpExport {
    /// The push of these records, their attributes treated as `rules` say. A record that has no time happened at
    /// `now`.
    pub(crate) fn push(&self, rules: &Rules<'_>, now: i64) -> Result<PushRequest<'_>, Error> {
        let resources = self
            .0
            .resource_logs
            .iter()
            .filter(|logs| logs.scope_logs.iter().any(|scope| !scope.log_records.is_empty()));
        let mut streams = Vec::new();
        for logs in resources {
            append(logs, rules, now, &mut streams)?;
        }
        Ok(PushRequest {
            streams,
            format: PushFormat::Otlp,
        })
    }
}

/// Adds the streams of one resource: one, or as many as its records have labels of their own.
fn append<'a>(
    logs: &'a ResourceLogs,
    rules: &Rules<'_>,
    now: i64,
    streams: &mut Vec<PushStream<'a>>,
) -> Result<(), Error> {
    let attributes = logs.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
    let mut resource = Sorted::default();
    resource.add(attributes, |name| rules.resource(name));
    let mut places: HashMap<Pairs<'a>, usize> = HashMap::new();
    for logs in &logs.scope_logs {
        let mut scope = Sorted::default();
        if let Some(about) = &logs.scope {
            scope.add(&about.attributes, |name| rules.scope(name));
            write_scope(about, &mut scope.metadata);
        }
        for record in &logs.log_records {
            let mut own = Sorted::default();
            own.add(&record.attributes, |name| rules.log(name));
            write_record(record, rules.severity_text(), &mut own);
            own.metadata.extend_from_slice(&resource.metadata);
            own.metadata.extend_from_slice(&scope.metadata);
            let entry = PushEntry {
                timestamp: timestamp(record, now),
                line: line(record),
                metadata: own.metadata,
            };
            let place = match places.get(&own.labels) {
                Some(&place) => place,
                None => {
                    let labels = resource.labels.iter().chain(&own.labels);
                    streams.push(PushStream {
                        labels: PushLabels::Pairs(named(labels)?),
                        entries: Vec::new(),
                    });
                    places.insert(own.labels, streams.len() - 1);
                    streams.len() - 1
                }
            };
            streams[place].entries.push(entry);
        }
    }
    Ok(())
}

/// Attributes by what becomes of them.
#[derive(Default)]
struct Sorted<'a> {
    labels: Pairs<'a>,
    metadata: Pairs<'a>,
}

impl<'a> Sorted<'a> {
    fn add(&mut self, attributes: &'a [KeyValue], action: impl Fn(&str) -> AttributeAction) {
        for attribute in attributes {
            if let Some(place) = self.place(action(&attribute.key)) {
                flatten(std::slice::from_ref(attribute), "", place);
            }
        }
    }

    fn place(&mut self, action: AttributeAction) -> Option<&mut Pairs<'a>> {
        match action {
            AttributeAction::IndexLabel => Some(&mut self.labels),
            AttributeAction::StructuredMetadata => Some(&mut self.metadata),
            AttributeAction::Drop => None,
        }
    }
}

/// Labels of these pairs. Of those whose names fall together the last one stays.
fn named<'p, 'a: 'p>(pairs: impl Iterator<Item = &'p (Cow<'a, str>, Cow<'a, str>)>) -> Result<Pairs<'a>, Error> {
    let mut labels: Pairs<'a> = Vec::new();
    for (name, value) in pairs {
        let name = label_name(name).map_err(|error| Error::Otlp(format!("symbolizer lookup: {error}")))?;
        match labels.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.clone_from(value),
            None => labels.push((Cow::Owned(name.into_owned()), value.clone())),
        }
    }
    Ok(labels)
}

fn line(record: &LogRecord) -> Cow<'_, [u8]> {
    let body = record.body.as_ref().and_then(|body| body.value.as_ref());
    match body.map_or(Cow::Borrowed(""), text) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn timestamp(record: &LogRecord, now: i64) -> i64 {
    let first = [record.time_unix_nano, record.observed_time_unix_nano]
        .into_iter()
        .find(|&time| time != 0);
    first.map_or(now, |time| i64::try_from(time).unwrap_or(i64::MAX))
}

fn write_record<'a>(record: &'a LogRecord, severity_text: AttributeAction, sorted: &mut Sorted<'a>) {
    if !record.severity_text.is_empty()
        && let Some(place) = sorted.place(severity_text)
    {
        place.push(("severity_text".into(), record.severity_text.as_str().into()));
    }
    let out = &mut sorted.metadata;
    let mut number = |name: &'static str, value: u64| {
        if value != 0 {
            out.push((name.into(), value.to_string().into()));
        }
    };
    number("dropped_attributes_count", record.dropped_attributes_count.into());
    number("flags", record.flags.into());
    if record.time_unix_nano != 0 {
        number("observed_timestamp", record.observed_time_unix_nano);
    }
    if record.severity_number != 0 {
        out.push(("severity_number".into(), record.severity_number.to_string().into()));
    }
    for (name, id) in [("trace_id", &record.trace_id), ("span_id", &record.span_id)] {
        if !id.is_empty() {
            out.push((name.into(), id.iter().map(|byte| format!("{byte:02x}")).collect()));
        }
    }
}

fn write_scope<'a>(scope: &'a Scope, out: &mut Pairs<'a>) {
    for (name, text) in [("scope_name", &scope.name), ("scope_version", &scope.version)] {
        if !text.is_empty() {
            out.push((name.into(), text.as_str().into()));
        }
    }
    if scope.dropped_attributes_count != 0 {
        out.push((
            "scope_dropped_attributes_count".into(),
            scope.dropped_attributes_count.to_string().into(),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::OTLP_LABELS;
    use super::*;
    use loki_core::OtlpConfig;

    const NOW: i64 = 77;

    /// Labels, time, line and metadata of an entry.
    type Row = (Vec<(String, String)>, i64, String, Vec<(String, String)>);

    fn push(json: &str) -> Result<Vec<Row>, Error> {
        push_by(json, &OtlpConfig::default())
    }

    fn push_by(json: &str, config: &OtlpConfig) -> Result<Vec<Row>, Error> {
        let owned = |pairs: &Pairs<'_>| {
            pairs
                .iter()
                .map(|(n, v)| (n.to_string(), v.to_string()))
                .collect::<Vec<_>>()
        };
        let format = OtlpFormat {
            is_json: true,
            encoding: Encoding::Plain,
        };
        let export = format.read(json.as_bytes(), Bounds::COMMON)?;
        let defaults = OTLP_LABELS.map(str::to_owned);
        let request = export.push(&Rules::new(&defaults, config), NOW)?;
        let mut out = Vec::new();
        for stream in &request.streams {
            let PushLabels::Pairs(labels) = &stream.labels else {
                panic!("labels are pairs")
            };
            for entry in &stream.entries {
                let line = String::from_utf8_lossy(&entry.line).into_owned();
                out.push((owned(labels), entry.timestamp, line, owned(&entry.metadata)));
            }
        }
        Ok(out)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn resource_attributes_become_labels_the_rest_becomes_metadata() {
        let rows = push(
            r#"{"resourceLogs":[{"resource":{"attributes":[
                {"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.arch","value":{"stringValue":"amd64"}}]},
                "scopeLogs":[{"scope":{"name":"lib","version":"1.0"},"logRecords":[
                {"timeUnixNano":"5","observedTimeUnixNano":6,"severityNumber":17,"severityText":"ERROR","flags":1,
                 "body":{"stringValue":"failed"},"attributes":[{"key":"order.id","value":{"intValue":"42"}}],
                 "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174"},
                {"body":{"kvlistValue":{"values":[{"key":"n","value":{"intValue":"1"}},{"key":"a","value":{"doubleValue":2}}]}}}]}]}]}"#,
        )
        .expect("valid");
        assert_eq!(rows[0].0, pairs(&[("service_name", "shop")]));
        assert_eq!((rows[0].1, rows[0].2.as_str()), (5, "failed"));
        assert_eq!(
            rows[0].3,
            pairs(&[
                ("order.id", "42"),
                ("severity_text", "ERROR"),
                ("flags", "1"),
                ("observed_timestamp", "6"),
                ("severity_number", "17"),
                ("trace_id", "5b8efff798038103d269b633813fc60c"),
                ("span_id", "eee19b7ec3c1b174"),
                ("host.arch", "amd64"),
                ("scope_name", "lib"),
                ("scope_version", "1.0"),
            ])
        );
        assert_eq!((rows[1].1, rows[1].2.as_str()), (NOW, r#"{"a":2,"n":1}"#));
    }

    #[test]
    fn labels_whose_names_fall_together_keep_the_last_value() {
        let resource = |key: &str, value: u32| format!(r#"{{"key":"{key}","value":{{"intValue":{value}}}}}"#);
        let attributes = [resource("service.name", 1), resource("service.name", 2)].join(",");
        let text = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{attributes}]}},"scopeLogs":[{{"logRecords":[{{}}]}}]}}]}}"#
        );
        assert_eq!(push(&text).expect("valid")[0].0, pairs(&[("service_name", "2")]));
    }

    #[test]
    fn rules_say_what_becomes_of_attributes() {
        let config: OtlpConfig = serde_json::from_str(
            r#"{"resource_attributes":{"attributes_config":[
                    {"action":"index_label","attributes":["team"]},
                    {"action":"drop","regex":"host\\..*|service.name"}]},
                "scope_attributes":[{"action":"drop","attributes":["lib.lang"]}],
                "log_attributes":[{"action":"index_label","attributes":["http.route"]},{"action":"drop","regex":"secret.*"}],
                "severity_text_as_label":true}"#,
        )
        .expect("valid");
        let attribute = |key: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{key} value"}}}}"#);
        let list = |keys: &[&str]| keys.iter().map(|key| attribute(key)).collect::<Vec<_>>().join(",");
        let record = |severity: &str, keys: &[&str]| {
            format!(
                r#"{{"severityText":"{severity}","timeUnixNano":"5","attributes":[{}]}}"#,
                list(keys)
            )
        };
        let text = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{}]}},
                "scopeLogs":[{{"scope":{{"attributes":[{}]}},"logRecords":[{},{},{}]}}]}}]}}"#,
            list(&["service.name", "team", "host.arch", "os"]),
            list(&["lib.lang", "lib.kind"]),
            record("WARN", &["http.route", "user", "secret.key"]),
            record("INFO", &["http.route"]),
            record("WARN", &["http.route"]),
        );
        let rows = push_by(&text, &config).expect("valid");
        let labels = |severity| {
            // A default label stays one, whatever the rules say.
            let attributes = [("service_name", "service.name value"), ("team", "team value")];
            pairs(
                &[
                    &attributes[..],
                    &[("http_route", "http.route value"), ("severity_text", severity)],
                ]
                .concat(),
            )
        };
        let [user, os, kind] = [
            ("user", "user value"),
            ("os", "os value"),
            ("lib.kind", "lib.kind value"),
        ];
        let expected = [
            (labels("WARN"), pairs(&[user, os, kind])),
            (labels("WARN"), pairs(&[os, kind])),
            (labels("INFO"), pairs(&[os, kind])),
        ];
        let rows: Vec<_> = rows.into_iter().map(|row| (row.0, row.3)).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn headers_are_exact() {
        let format = |content_type: &str, encoding: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().expect("a header value"));
            headers.insert(CONTENT_ENCODING, encoding.parse().expect("a header value"));
            OtlpFormat::of(&headers).map_err(|error| error.to_string())
        };
        assert!(format("application/json", "zstd").is_ok());
        assert_eq!(
            format("text/plain", ""),
            Err("content type: text/plain is not supported".to_owned())
        );
        assert!(format("application/json; charset=utf-8", "").is_err());
        assert_eq!(
            format("application/json", "br"),
            Err("unsupported content encoding br: only gzip, lz4 and zstd are supported".to_owned())
        );
    }

    #[test]
    fn both_forms_read_the_same() {
        let json =
            br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"9","body":{"bytesValue":"AQID"}}]}]}]}"#;
        let from_json: Export = serde_json::from_slice(json).expect("valid");
        let format = OtlpFormat {
            is_json: false,
            encoding: Encoding::Plain,
        };
        let OtlpExport(from_protobuf) = format.read(&from_json.encode_to_vec(), Bounds::COMMON).expect("valid");
        assert_eq!(from_protobuf, from_json);
    }
}
