//! A push of any bytes, on every way into the engine: the body of the fuzz target `http_push`, and of a test.

use super::{Bounds, Format, OTLP_LABELS, OtlpFormat, OtlpRules, Receiver, decode};
use crate::settings::ReceiverSettings;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use loki_core::files::FaultyFiles;
use loki_core::{Engine, ManualClock, OtlpConfig, PushRequest, Settings, TenantId};
use std::sync::Arc;

/// Small, so that bodies of a few kilobytes come to them.
const BOUNDS: Bounds = Bounds {
    bytes: 64 << 10,
    items: 256,
};
const NOW: i64 = 1_700_000_000_000_000_000;
/// What `Content-Encoding` may name, and what nobody knows.
const ENCODINGS: [&str; 7] = ["", "gzip", "deflate", "snappy", "zstd", "lz4", "br"];

/// Takes the first two bytes of `data` for where a push goes and how it is compressed, and the others for its body: it is
/// refused, or comes to no more than it may and is stored or refused by an engine. Never a panic.
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "the fuzz workspace calls it"))]
pub fn push(data: &[u8]) {
    let [way, encoding, body @ ..] = data else { return };
    let mut headers = HeaderMap::new();
    let encoding = ENCODINGS[usize::from(*encoding) % ENCODINGS.len()];
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    let is_json = way % 2 == 0;
    let kind = if is_json {
        "application/json"
    } else {
        "application/x-protobuf"
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    match way / 2 % 4 {
        0 | 1 => {
            let Ok(format) = Format::of(&headers, way / 2 % 4 == 1) else {
                return;
            };
            if let Ok(message) = format.decompress(body, BOUNDS.bytes) {
                assert!(message.len() as u64 <= BOUNDS.bytes.max(body.len() as u64));
                store(decode(format, &message, BOUNDS).ok());
            }
            // Few bytes made up are a snappy block.
            store(decode(format, body, BOUNDS).ok());
        }
        2 => {
            let Ok(format) = OtlpFormat::of(&headers) else { return };
            let (labels, config) = (OTLP_LABELS.map(str::to_owned), OtlpConfig::default());
            if let Ok(export) = format.read(body, BOUNDS) {
                store(export.push(&OtlpRules::new(&labels, &config), NOW).ok());
            }
        }
        _ => {
            let receiver = Receiver::new(ReceiverSettings::default());
            store(receiver.lines(body, BOUNDS, NOW).ok());
            let Ok(format) = Format::of(&headers, false) else {
                return;
            };
            let message = format.decompress(body, BOUNDS.bytes);
            for message in [Some(body), message.as_deref().ok()].into_iter().flatten() {
                let mut push = decode(format, message, BOUNDS).ok();
                if push.as_mut().is_some_and(|push| receiver.adopt(push, NOW).is_ok()) {
                    store(push);
                }
            }
        }
    }
}

/// Gives a push to an engine in memory.
fn store(push: Option<PushRequest<'_>>) {
    let Some(push) = push else { return };
    let entries: usize = push.streams.iter().map(|stream| stream.entries.len()).sum();
    // A line is counted by its end, which the last may be without.
    assert!(entries <= BOUNDS.items + 1, "{entries} entries");
    let clock = Arc::new(ManualClock::new(NOW));
    let engine = Engine::open_with("data", Settings::default(), Arc::new(FaultyFiles::default()), clock);
    // What of it breaks a rule is refused.
    let _ = engine.expect("opens").push(&TenantId::single(), &push);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::path::Path;

    #[test]
    fn what_the_fuzzer_begins_with_and_what_it_found_holds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let mut seeds = 0;
        for folder in ["corpus", "regressions"] {
            // The folders are there once there is something in them.
            for file in std::fs::read_dir(fuzz.join(folder).join("http_push"))
                .into_iter()
                .flatten()
            {
                super::push(&std::fs::read(file.expect("a file").path()).expect("its bytes"));
                seeds += 1;
            }
        }
        assert!(seeds > 0, "there are seeds");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_hold(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            super::push(&data);
        }

        #[test]
        fn anything_like_json_holds(
            way in any::<u8>(),
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just(r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"c":"d"}]]}]}"#),
                    Just(r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#),
                    Just(r#""streams":"#), Just(r#""values":"#), Just("["), Just("]"), Just("{"), Just("}"), Just(","),
                    Just(r#""a":1"#), Just(r#""\ud800""#), Just("null"), Just("1e999"), Just(r#"["1","x"]"#),
                ],
                0..12,
            ),
        ) {
            super::push(&[&[way & !1, 0], pieces.concat().as_bytes()].concat());
        }
    }
}
