//! The `stats` object: all fields of Loki's in its order, those that mean nothing here as zero.

use super::number::{write_float, write_integer};
use loki_core::QueryStats;

/// Writes `stats` as Loki lays them out.
pub(crate) fn write_stats(out: &mut Vec<u8>, stats: &QueryStats) {
    let seconds = stats.exec_nanos as f64 / 1e9;
    let bytes = stats.line_bytes.saturating_add(stats.metadata_bytes);
    object(out, |stats_object| {
        stats_object.object("summary", |summary| write_summary(summary, stats, seconds, bytes));
        stats_object.object("querier", |querier| {
            querier.object("store", |store| write_store(store, &Store::of_segments(stats)));
            querier.float("querierExecTime", seconds);
        });
        stats_object.object("ingester", |ingester| {
            ingester.integers(&[
                ("totalReached", 1),
                ("totalChunksMatched", 0),
                ("totalBatches", 0),
                ("totalLinesSent", 0),
            ]);
            ingester.object("store", |store| write_store(store, &Store::of_head(stats)));
        });
        stats_object.object("cache", write_caches);
        stats_object.object("index", |index| {
            index.integers(&[
                ("totalChunks", stats.blocks_matched),
                ("postFilterChunks", stats.blocks_read),
                ("shardsDuration", 0),
            ]);
            index.flag("usedBloomFilters", false);
            index.integers(&[("totalStreams", stats.streams)]);
            index.float("chunkRefsLookupTime", 0.0);
            index.float("bloomFilterTime", 0.0);
        });
    });
}

fn write_summary(summary: &mut Members<'_>, stats: &QueryStats, seconds: f64, bytes: u64) {
    let per_second = |count: u64| {
        if seconds > 0.0 {
            (count as f64 / seconds) as u64
        } else {
            0
        }
    };
    summary.integers(&[
        ("bytesProcessedPerSecond", per_second(bytes)),
        ("linesProcessedPerSecond", per_second(stats.lines)),
        ("totalBytesProcessed", bytes),
        ("totalLinesProcessed", stats.lines),
    ]);
    summary.float("execTime", seconds);
    summary.float("queueTime", 0.0);
    summary.integers(&[
        ("subqueries", 0),
        ("totalEntriesReturned", stats.entries_returned),
        ("splits", 0),
        ("shards", 0),
        ("totalPostFilterLines", stats.post_filter_lines),
        ("totalStructuredMetadataBytesProcessed", stats.metadata_bytes),
    ]);
}

/// What Loki tells of one place that lines come from.
#[derive(Default)]
struct Store {
    blocks: u64,
    blocks_read: u64,
    head_lines: u64,
    lines: u64,
    line_bytes: u64,
    metadata_bytes: u64,
    compressed_bytes: u64,
    post_filter_lines: u64,
}

impl Store {
    fn of_segments(stats: &QueryStats) -> Store {
        Store {
            blocks: stats.blocks_matched,
            blocks_read: stats.blocks_read,
            head_lines: 0,
            lines: stats.lines.saturating_sub(stats.head_lines),
            line_bytes: stats.line_bytes,
            metadata_bytes: stats.metadata_bytes,
            compressed_bytes: stats.compressed_bytes,
            post_filter_lines: stats.post_filter_lines,
        }
    }

    fn of_head(stats: &QueryStats) -> Store {
        Store {
            head_lines: stats.head_lines,
            ..Store::default()
        }
    }
}

fn write_store(object: &mut Members<'_>, store: &Store) {
    object.integers(&[
        ("totalChunksRef", store.blocks),
        ("totalChunksDownloaded", store.blocks_read),
        ("chunksDownloadTime", 0),
    ]);
    object.flag("queryReferencedStructuredMetadata", false);
    object.flag("queryUsedV2Engine", false);
    object.object("chunk", |chunk| {
        chunk.integers(&[
            ("headChunkBytes", 0),
            ("headChunkLines", store.head_lines),
            ("decompressedBytes", store.line_bytes),
            ("decompressedLines", store.lines),
            ("compressedBytes", store.compressed_bytes),
            ("totalDuplicates", 0),
            ("postFilterLines", store.post_filter_lines),
            ("headChunkStructuredMetadataBytes", 0),
            ("decompressedStructuredMetadataBytes", store.metadata_bytes),
        ]);
    });
    object.integers(&[
        ("chunkRefsFetchTime", 0),
        ("congestionControlLatency", 0),
        ("pipelineWrapperFilteredLines", 0),
    ]);
    object.object("dataobj", |dataobj| {
        for name in DATAOBJ {
            dataobj.integers(&[(name, 0)]);
        }
    });
}

/// Counters of a storage format that this engine does not have.
const DATAOBJ: [&str; 13] = [
    "prePredicateDecompressedRows",
    "prePredicateDecompressedBytes",
    "prePredicateDecompressedStructuredMetadataBytes",
    "postPredicateRows",
    "postPredicateDecompressedBytes",
    "postPredicateStructuredMetadataBytes",
    "postFilterRows",
    "pagesScanned",
    "pagesDownloaded",
    "pagesDownloadedBytes",
    "pageBatches",
    "totalRowsAvailable",
    "totalPageDownloadTime",
];

/// There are no caches of results; a mapped file is cached by the operating system.
fn write_caches(caches: &mut Members<'_>) {
    for cache in [
        "chunk",
        "index",
        "result",
        "statsResult",
        "volumeResult",
        "seriesResult",
        "labelResult",
        "instantMetricResult",
    ] {
        caches.object(cache, |counters| {
            for name in [
                "entriesFound",
                "entriesRequested",
                "entriesStored",
                "bytesReceived",
                "bytesSent",
                "requests",
                "downloadTime",
                "queryLengthServed",
            ] {
                counters.integers(&[(name, 0)]);
            }
        });
    }
}

/// The members of an object that is being written.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Members<'_>)) {
    out.push(b'{');
    write(&mut Members { out, is_first: true });
    out.push(b'}');
}

impl Members<'_> {
    /// Writes the name, which needs no escapes; the value follows.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn integers(&mut self, members: &[(&str, u64)]) {
        for &(name, value) in members {
            write_integer(self.name(name), value);
        }
    }

    fn float(&mut self, name: &str, value: f64) {
        write_float(self.name(name), value);
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.name(name)
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn object(&mut self, name: &str, write: impl FnOnce(&mut Members<'_>)) {
        object(self.name(name), write);
    }
}
