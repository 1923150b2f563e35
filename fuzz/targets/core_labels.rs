//! Any text as the labels of a push: stored under labels that select it, or refused. Never a panic.

use loki_core::files::{FaultyFiles, Files};
use loki_core::{
    Engine, ManualClock, PushEntry, PushLabels, PushRequest, PushStream, SeriesRequest, Settings, TenantId,
};
use std::sync::Arc;

/// Pushes one entry under the labels that `data` is.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let files: Arc<dyn Files> = Arc::new(FaultyFiles::default());
    let engine = Engine::open_with("data", Settings::default(), files, Arc::new(ManualClock::new(0))).expect("opens");
    let tenant = TenantId::single();
    let entry = PushEntry {
        timestamp: 0,
        line: b"x".as_slice().into(),
        metadata: vec![(text.into(), text.into())],
    };
    let stream = PushStream {
        labels: PushLabels::Text(text.into()),
        entries: vec![entry.clone()],
    };
    let pairs = PushStream {
        labels: PushLabels::Pairs(vec![(text.into(), text.into())]),
        entries: vec![entry],
    };
    for stream in [stream, pairs] {
        let stored = engine.push(&tenant, &PushRequest::from(vec![stream])).is_ok();
        let all = SeriesRequest {
            start: 0,
            end: 0,
            selectors: Vec::new(),
        };
        let series = engine.series(&tenant, &all).expect("answers");
        assert!(!stored || !series.is_empty());
    }
}
