//! From OpenTelemetry's request to a push.

use super::message::{Export, LogRecord, ResourceLogs, Scope, ScopeLogs};
use super::value::{Pairs, flatten, text};
use crate::push::{Error, decompress};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use loki_core::{PushEntry, PushLabels, PushRequest, PushStream, label_name};
use prost::Message as _;
use std::borrow::Cow;

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

    /// Reads a body that unfolds to `max` bytes at most.
    pub(crate) fn read(self, body: &[u8], max: u64) -> Result<OtlpExport, Error> {
        let message = match self.encoding {
            Encoding::Plain => Cow::Borrowed(body),
            Encoding::Gzip => Cow::Owned(decompress::gzip(body, max)?),
            Encoding::Zstd => Cow::Owned(decompress::zstd(body, max)?),
            Encoding::Lz4 => Cow::Owned(decompress::lz4(body, max)?),
        };
        let export = if self.is_json {
            serde_json::from_slice(&message).map_err(|error| Error::Otlp(error.to_string()))
        } else {
            Export::decode(&*message).map_err(|error| Error::Otlp(error.to_string()))
        };
        export.map(OtlpExport)
    }
}

impl OtlpExport {
    /// The push of these records. Resource attributes named in `labels` become labels; a record that has no time
    /// happened at `now`.
    pub(crate) fn push(&self, labels: &[String], now: i64) -> Result<PushRequest<'_>, Error> {
        let streams = self
            .0
            .resource_logs
            .iter()
            .filter(|logs| logs.scope_logs.iter().any(|scope| !scope.log_records.is_empty()));
        Ok(PushRequest {
            streams: streams
                .map(|logs| stream(logs, labels, now))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// One stream: the records of one resource.
fn stream<'a>(logs: &'a ResourceLogs, chosen: &[String], now: i64) -> Result<PushStream<'a>, Error> {
    let attributes = logs.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
    let mut labels: Pairs<'a> = Vec::new();
    let mut shared: Pairs<'a> = Vec::new();
    for attribute in attributes {
        let is_label = chosen.contains(&attribute.key);
        flatten(
            std::slice::from_ref(attribute),
            "",
            if is_label { &mut labels } else { &mut shared },
        );
    }
    for (name, _) in &mut labels {
        let label = label_name(name).map_err(|error| Error::Otlp(format!("symbolizer lookup: {error}")))?;
        *name = Cow::Owned(label.into_owned());
    }
    // Of labels whose names fall together the last one stays.
    labels.reverse();
    let mut seen = Vec::new();
    labels.retain(|(name, _)| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });

    let mut entries = Vec::new();
    for scope in &logs.scope_logs {
        let mut scope_pairs: Pairs<'a> = Vec::new();
        if let Some(scope) = &scope.scope {
            write_scope(scope, &mut scope_pairs);
        }
        append(scope, &shared, &scope_pairs, now, &mut entries);
    }
    Ok(PushStream {
        labels: PushLabels::Pairs(labels),
        entries,
    })
}

fn append<'a>(
    logs: &'a ScopeLogs,
    resource: &Pairs<'a>,
    scope: &Pairs<'a>,
    now: i64,
    entries: &mut Vec<PushEntry<'a>>,
) {
    for record in &logs.log_records {
        let mut metadata = Vec::with_capacity(record.attributes.len() + resource.len() + scope.len() + 4);
        write_record(record, &mut metadata);
        metadata.extend_from_slice(resource);
        metadata.extend_from_slice(scope);
        let line = record
            .body
            .as_ref()
            .and_then(|body| body.value.as_ref())
            .map_or(Cow::Borrowed(""), text);
        entries.push(PushEntry {
            timestamp: timestamp(record, now),
            line: match line {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            metadata,
        });
    }
}

fn timestamp(record: &LogRecord, now: i64) -> i64 {
    let first = [record.time_unix_nano, record.observed_time_unix_nano]
        .into_iter()
        .find(|&time| time != 0);
    first.map_or(now, |time| i64::try_from(time).unwrap_or(i64::MAX))
}

fn write_record<'a>(record: &'a LogRecord, out: &mut Pairs<'a>) {
    flatten(&record.attributes, "", out);
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
    if !record.severity_text.is_empty() {
        out.push(("severity_text".into(), record.severity_text.as_str().into()));
    }
    for (name, id) in [("trace_id", &record.trace_id), ("span_id", &record.span_id)] {
        if !id.is_empty() {
            out.push((name.into(), id.iter().map(|byte| format!("{byte:02x}")).collect()));
        }
    }
}

fn write_scope<'a>(scope: &'a Scope, out: &mut Pairs<'a>) {
    flatten(&scope.attributes, "", out);
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

    const NOW: i64 = 77;

    /// Labels, time, line and metadata of an entry.
    type Row = (Vec<(String, String)>, i64, String, Vec<(String, String)>);

    fn push(json: &str) -> Result<Vec<Row>, Error> {
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
        let export = format.read(json.as_bytes(), 1 << 20)?;
        let request = export.push(&OTLP_LABELS.map(str::to_owned), NOW)?;
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
                ("flags", "1"),
                ("observed_timestamp", "6"),
                ("severity_number", "17"),
                ("severity_text", "ERROR"),
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
        let OtlpExport(from_protobuf) = format.read(&from_json.encode_to_vec(), 1 << 20).expect("valid");
        assert_eq!(from_protobuf, from_json);
    }
}
