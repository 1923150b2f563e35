//! Delete requests.

use super::number::{write_integer, write_seconds};
use super::response::{Encoded, write_list};
use super::text::{Escape, write_string};
use loki_core::{DeleteRequest, DeleteStatus, TenantId};

/// Nanoseconds in a millisecond.
const MILLI: i64 = 1_000_000;

/// The requests of one tenant, times in seconds.
pub(crate) fn delete_requests(requests: &[DeleteRequest]) -> Encoded {
    let mut out = Vec::new();
    write_list(&mut out, requests, |out, request| {
        write_request(out, request, "", write_seconds)
    });
    out.push(b'\n');
    out
}

/// The requests of many tenants, times in milliseconds.
pub(crate) fn all_delete_requests(requests: &[(TenantId, DeleteRequest)]) -> Encoded {
    let mut out = Vec::new();
    write_list(&mut out, requests, |out, (tenant, request)| {
        write_request(out, request, tenant.as_str(), write_integer)
    });
    out.push(b'\n');
    out
}

fn write_request(out: &mut Vec<u8>, request: &DeleteRequest, tenant: &str, write_time: fn(&mut Vec<u8>, i64)) {
    out.extend_from_slice(b"{\"request_id\":");
    write_string(out, request.id.as_bytes(), Escape::Html);
    for (key, time) in [("start_time", request.start), ("end_time", request.end)] {
        out.extend_from_slice(format!(",\"{key}\":").as_bytes());
        write_time(out, time.div_euclid(MILLI));
    }
    out.extend_from_slice(b",\"query\":");
    write_string(out, request.query.as_bytes(), Escape::Html);
    out.extend_from_slice(b",\"status\":");
    write_string(out, request.status.as_str().as_bytes(), Escape::Html);
    out.extend_from_slice(b",\"created_at\":");
    write_time(out, request.created_at.div_euclid(MILLI));
    out.extend_from_slice(b",\"user_id\":");
    write_string(out, tenant.as_bytes(), Escape::Html);
    // Loki does not tell; whoever asked for a removal wants to know.
    if request.status == DeleteStatus::Processed {
        for (key, count) in [
            ("deleted_lines", request.entries_removed),
            ("deleted_bytes", request.bytes_removed),
        ] {
            out.extend_from_slice(format!(",\"{key}\":").as_bytes());
            write_integer(out, count);
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_loki_writes_it() {
        let request = DeleteRequest {
            id: "1a2b3c4d".to_owned(),
            query: r#"{app="shop"} |= "<x>""#.to_owned(),
            start: 1_795_250_000_000_000_000,
            end: 1_795_253_600_000_000_000,
            created_at: 1_795_257_600_123_000_000,
            status: DeleteStatus::Received,
            entries_removed: 0,
            bytes_removed: 0,
        };
        let expected = concat!(
            r#"[{"request_id":"1a2b3c4d","start_time":1795250000,"end_time":1795253600,"#,
            r#""query":"{app=\"shop\"} |= \"\u003cx\u003e\"","status":"received","#,
            r#""created_at":1795257600.123,"user_id":""}]"#,
            "\n"
        );
        assert_eq!(
            String::from_utf8_lossy(&delete_requests(std::slice::from_ref(&request))),
            expected
        );
        let page = all_delete_requests(&[(TenantId::single(), request.clone())]);
        let page = String::from_utf8_lossy(&page).into_owned();
        assert!(
            page.contains(r#""created_at":1795257600123,"user_id":"fake""#),
            "{page}"
        );
        assert_eq!(delete_requests(&[]), b"[]\n");
        let done = DeleteRequest {
            status: DeleteStatus::Processed,
            entries_removed: 3,
            bytes_removed: 40,
            ..request
        };
        let list = String::from_utf8(delete_requests(&[done])).expect("UTF-8");
        let end = concat!(r#""user_id":"","deleted_lines":3,"deleted_bytes":40}]"#, "\n");
        assert!(list.ends_with(end), "{list}");
    }
}
