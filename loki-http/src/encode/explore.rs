//! Detected labels and fields, and formatted queries.

use super::number::write_integer;
use super::response::{Encoded, write_list};
use super::text::{Escape, write_string};
use loki_core::{DetectedField, DetectedLabel};

/// Detected labels. An empty list leaves out the key.
pub(crate) fn detected_labels(labels: &[DetectedLabel]) -> Encoded {
    if labels.is_empty() {
        return b"{}\n".to_vec();
    }
    let mut out = b"{\"detectedLabels\":".to_vec();
    write_list(&mut out, labels, |out, label| {
        out.extend_from_slice(b"{\"label\":");
        write_string(out, label.name.as_bytes(), Escape::Html);
        out.extend_from_slice(b",\"cardinality\":");
        write_integer(out, label.cardinality);
        out.push(b'}');
    });
    out.extend_from_slice(b"}\n");
    out
}

/// Detected fields, with the limit that they were asked with.
pub(crate) fn detected_fields(fields: &[DetectedField], limit: usize) -> Encoded {
    if fields.is_empty() {
        return b"{}\n".to_vec();
    }
    let mut out = b"{\"fields\":".to_vec();
    write_list(&mut out, fields, write_field);
    out.extend_from_slice(b",\"limit\":");
    write_integer(&mut out, limit);
    out.extend_from_slice(b"}\n");
    out
}

fn write_field(out: &mut Vec<u8>, field: &DetectedField) {
    out.extend_from_slice(b"{\"label\":");
    write_string(out, field.name.as_bytes(), Escape::Html);
    out.extend_from_slice(format!(",\"type\":\"{}\",\"cardinality\":", field.kind).as_bytes());
    write_integer(out, field.cardinality);
    out.extend_from_slice(b",\"parsers\":");
    if field.parsers.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        write_list(out, &field.parsers, |out, parser| {
            write_string(out, parser.to_string().as_bytes(), Escape::Html);
        });
    }
    if !field.json_path.is_empty() {
        out.extend_from_slice(b",\"jsonPath\":");
        write_list(out, &field.json_path, |out, key| {
            write_string(out, key.as_bytes(), Escape::Html)
        });
    }
    out.push(b'}');
}

/// The values of a detected field, with the limit that they were asked with.
pub(crate) fn detected_field_values(values: &[String], limit: usize) -> Encoded {
    if values.is_empty() {
        return b"{}\n".to_vec();
    }
    let mut out = b"{\"limit\":".to_vec();
    write_integer(&mut out, limit);
    out.extend_from_slice(b",\"values\":");
    write_list(&mut out, values, |out, value| {
        write_string(out, value.as_bytes(), Escape::Html)
    });
    out.extend_from_slice(b"}\n");
    out
}

/// A query in its canonical form, or why it has none.
pub(crate) fn formatted_query(formatted: Result<&str, &str>) -> Encoded {
    let (before, text) = match formatted {
        Ok(query) => (&br#"{"status":"success","data":"#[..], query),
        Err(problem) => (&br#"{"status":"invalid-query","error":"#[..], problem),
    };
    let mut out = before.to_vec();
    write_string(&mut out, text.as_bytes(), Escape::Html);
    out.extend_from_slice(b"}\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::{FieldParser, FieldType};

    fn text(encoded: Encoded) -> String {
        String::from_utf8(encoded).expect("UTF-8")
    }

    #[test]
    fn fields_are_written_in_the_order_of_their_documentation() {
        let field = DetectedField {
            name: "user_id".to_owned(),
            kind: FieldType::Int,
            cardinality: 1,
            parsers: vec![FieldParser::Json, FieldParser::Logfmt],
            json_path: vec!["user".to_owned(), "id".to_owned()],
        };
        let plain = DetectedField {
            parsers: Vec::new(),
            json_path: Vec::new(),
            ..field.clone()
        };
        assert_eq!(
            text(detected_fields(&[field, plain], 7)),
            concat!(
                r#"{"fields":[{"label":"user_id","type":"int","cardinality":1,"parsers":["json","logfmt"],"#,
                r#""jsonPath":["user","id"]},"#,
                r#"{"label":"user_id","type":"int","cardinality":1,"parsers":null}],"limit":7}"#,
                "\n"
            )
        );
    }

    #[test]
    fn nothing_is_an_empty_object() {
        assert_eq!(text(detected_labels(&[])), "{}\n");
        assert_eq!(text(detected_fields(&[], 1)), "{}\n");
        assert_eq!(text(detected_field_values(&[], 1)), "{}\n");
    }

    #[test]
    fn formatted_queries_are_escaped_for_pages() {
        assert_eq!(
            text(formatted_query(Ok("{a=\"<b>\"}"))),
            "{\"status\":\"success\",\"data\":\"{a=\\\"\\u003cb\\u003e\\\"}\"}\n"
        );
    }
}
