//! Writes a day of log lines as a chunk, then counts and reads without decompressing more than needed.

use loki_chunk::{Chunk, ChunkBuilder, ColumnSet, Direction, Encoding, EntryRef, Error};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

fn main() -> Result<(), Error> {
    let mut builder = ChunkBuilder::new(Encoding::Zstd);
    let mut raw_bytes = 0;
    for second in 0..24 * 3600 {
        let status = if second % 900 == 0 { 500 } else { 200 };
        let line = format!(
            r#"{{"level":"info","path":"/items/{}","status":{status}}}"#,
            second * 31 % 1000
        );
        let metadata = [("pod", ["web-0", "web-1", "web-2"][second as usize % 3])];
        builder.append(EntryRef {
            timestamp: second * SECOND,
            line: line.as_bytes(),
            metadata: &metadata,
        })?;
        raw_bytes += line.len();
    }
    let bytes = builder.finish();
    assert!(bytes.len() * 8 < raw_bytes, "{} of {raw_bytes} bytes", bytes.len());

    // Counting an hour reads headers, and timestamps of the two blocks at its edges.
    let chunk = Chunk::open(&bytes)?;
    let hour = 11 * HOUR..12 * HOUR;
    let mut entries = 0;
    let mut scan = chunk
        .scan(hour.clone(), Direction::Forward)
        .with_columns(ColumnSet::NONE);
    while let Some(batch) = scan.next()? {
        entries += batch.entries.len();
    }
    assert_eq!(entries, 3600);

    // The newest failure of that hour: newest block first, and stop.
    let mut scan = chunk.scan(hour, Direction::Backward);
    let mut newest = None;
    while let (None, Some(batch)) = (newest, scan.next()?) {
        let is_failure = |&entry: &usize| batch.columns.line(entry).ends_with(b"\"status\":500}");
        newest = batch
            .entries
            .rev()
            .find(is_failure)
            .map(|entry| batch.columns.timestamps()[entry]);
    }
    assert_eq!(newest, Some(11 * HOUR + 2700 * SECOND));
    Ok(())
}
