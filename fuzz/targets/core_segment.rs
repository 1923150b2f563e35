//! A segment that `data` overwrites parts of: refused by name, or read with an error or an answer. Never a panic.

use loki_core::files::{FaultyFiles, Files};
use loki_core::{Engine, ManualClock, PushRequest, QueryRequest, SeriesRequest, Settings, TenantId};
use std::sync::{Arc, OnceLock};

/// The first two bytes of `data` say where it is put, the third whether it replaces the end of the file instead.
pub fn run(data: &[u8]) {
    let [low, high, mode, rest @ ..] = data else { return };
    let files = sound().fork();
    let path = files
        .paths()
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "segment"));
    files.damage(&path.expect("a segment"), |bytes| {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
        match mode % 3 {
            0 => {
                let end = (at + rest.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&rest[..end - at]);
            }
            1 => bytes.truncate(at),
            _ => *bytes = rest.to_vec(),
        }
    });
    let Ok(engine) = engine(&files) else { return };
    let tenant = TenantId::single();
    let _ = engine.query(&tenant, &QueryRequest::range(r#"{app=~".+"} |= "line""#, -100, 100));
    let _ = engine.query(
        &tenant,
        &QueryRequest::instant(r#"sum(count_over_time({app=~".+"}[1m]))"#, 100),
    );
    let all = SeriesRequest {
        start: -100,
        end: 100,
        selectors: Vec::new(),
    };
    let _ = engine.series(&tenant, &all);
    let _ = engine.labels(&tenant, &all);
    let _ = engine.index_stats(&tenant, &all);
}

/// A file system with one segment.
fn sound() -> &'static FaultyFiles {
    static SOUND: OnceLock<FaultyFiles> = OnceLock::new();
    SOUND.get_or_init(|| {
        let files = FaultyFiles::default();
        let engine = engine(&files).expect("an empty folder opens");
        for app in ["x", "y"] {
            let lines: Vec<String> = (0..50).map(|n| format!("line {n} of {app}")).collect();
            let push = PushRequest::new().with_stream(
                [("app", app)],
                lines.iter().enumerate().map(|(n, line)| (n as i64, line.as_str())),
            );
            engine.push(&TenantId::single(), &push).expect("stored");
        }
        engine.flush().expect("flushed");
        files
    })
}

fn engine(files: &FaultyFiles) -> Result<Engine, loki_core::Error> {
    let files: Arc<dyn Files> = Arc::new(files.clone());
    Engine::open_with("data", Settings::default(), files, Arc::new(ManualClock::new(0)))
}
