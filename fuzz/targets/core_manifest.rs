//! Any bytes as a manifest record: the engine refuses it by name or opens. Never a panic.

use loki_core::files::{FaultyFiles, Files};
use loki_core::{Engine, ErrorKind, ManualClock, Settings};
use std::path::Path;
use std::sync::Arc;

/// Opens an engine over `data` as the first manifest record of a tenant, as it is and behind a right checksum.
pub fn run(data: &[u8]) {
    open(data);
    let mut sealed = format!("{:08x}\n", crc32fast::hash(data)).into_bytes();
    sealed.extend_from_slice(data);
    open(&sealed);
}

fn open(record: &[u8]) {
    let files = FaultyFiles::default();
    let file = files
        .create(Path::new("data/tenants/fake/manifest/0000000000000001.manifest"))
        .expect("a new file");
    file.append(record).expect("no fault was asked for");
    let shared: Arc<dyn Files> = Arc::new(files);
    if let Err(error) = Engine::open_with("data", Settings::default(), shared, Arc::new(ManualClock::new(0))) {
        // A record may name a segment that is not there.
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io), "{error}");
    }
}
