//! Lines as the pushes that bring them to an engine.

use crate::log_text;
use loki_core::PushRequest;

/// Lines of one push.
const PUSH_LINES: usize = 500;
/// The streams of each kind of line.
const PODS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Lines of an API, of workers and of gateways, in the order in which they are pushed.
#[derive(Debug)]
pub struct Load {
    entries: Vec<(i64, String)>,
}

impl Load {
    /// So many bytes of lines.
    pub fn of(line_bytes: usize) -> Load {
        Load {
            entries: log_text::entries(line_bytes),
        }
    }

    /// Bytes of all lines.
    pub fn line_bytes(&self) -> u64 {
        self.entries.iter().map(|(_, line)| line.len() as u64).sum()
    }

    /// Nanoseconds of the first and of the last line.
    pub fn times(&self) -> (i64, i64) {
        let time = |entry: Option<&(i64, String)>| entry.map_or(0, |(timestamp, _)| *timestamp);
        (time(self.entries.first()), time(self.entries.last()))
    }

    /// The [`pushes`](Load::pushes), each run of so many in reverse: as if as many connections brought them at once. Blocks of
    /// a stream that are neighbours then overlap a little.
    pub fn pushes_out_of_turn(&self, run: usize) -> Vec<PushRequest<'_>> {
        let mut pushes = self.pushes();
        pushes.chunks_mut(run).for_each(<[_]>::reverse);
        pushes
    }

    /// The lines as pushes of one stream each.
    pub fn pushes(&self) -> Vec<PushRequest<'_>> {
        let chunks = self.entries.chunks(PUSH_LINES).enumerate();
        chunks
            .map(|(i, entries)| {
                let (app, pod) = (app(&entries[0].1), PODS[i % PODS.len()]);
                let lines = entries.iter().map(|(timestamp, line)| (*timestamp, line.as_str()));
                PushRequest::new().with_stream([("app", app), ("pod", pod)], lines)
            })
            .collect()
    }
}

/// Who writes such lines.
fn app(line: &str) -> &'static str {
    match line.as_bytes().first() {
        Some(b'{') => "api",
        Some(b'l') => "worker",
        _ => "gateway",
    }
}
