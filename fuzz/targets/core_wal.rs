//! Any bytes as a log file: the engine opens, tells what it cut, and answers. Never a panic.

use loki_core::files::{FaultyFiles, Files};
use loki_core::{Engine, ManualClock, PushRequest, QueryRequest, Settings, TenantId};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Opens an engine over `data` as its log, and over a sound log that `data` overwrites a part of.
pub fn run(data: &[u8]) {
    let files = FaultyFiles::default();
    let log = files
        .create(Path::new("data/wal/0000000000000001.wal"))
        .expect("a new file");
    log.append(data).expect("no fault was asked for");
    open(&files);

    let [at, rest @ ..] = data else { return };
    let files = sound().fork();
    let path = files
        .paths()
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "wal"))
        .expect("a log");
    files.damage(&path, |bytes| {
        let at = (usize::from(*at) * 3).min(bytes.len());
        let end = (at + rest.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&rest[..end - at]);
    });
    open(&files);
}

/// A file system with the log of a few pushes.
fn sound() -> &'static FaultyFiles {
    static SOUND: OnceLock<FaultyFiles> = OnceLock::new();
    SOUND.get_or_init(|| {
        let files = FaultyFiles::default();
        let engine = engine(&files).expect("an empty folder opens");
        for n in 0..4 {
            let push = PushRequest::new().with_stream([("app", "x")], [(n, "a line"), (n + 10, "another")]);
            engine.push(&TenantId::single(), &push).expect("stored");
        }
        files
    })
}

fn engine(files: &FaultyFiles) -> Result<Engine, loki_core::Error> {
    let files: Arc<dyn Files> = Arc::new(files.clone());
    Engine::open_with("data", Settings::default(), files, Arc::new(ManualClock::new(0)))
}

fn open(files: &FaultyFiles) {
    let Ok(engine) = engine(files) else { return };
    let tenant = TenantId::single();
    engine
        .query(&tenant, &QueryRequest::range(r#"{app=~".+"}"#, -100, 100))
        .expect("what was replayed can be read");
    engine.flush().expect("what was replayed can be written");
}
