//! From the head to segments.

use crate::engine::Inner;
use crate::generation::Flushing;
use crate::head::{Head, OpenSnapshot, Stream, TenantHead};
use crate::store::{FilterMaker, SegmentWriter};
use crate::{Engine, Error, ErrorKind, Period, Settings};
use loki_chunk::{BLOCK_MAX_ENTRIES, Block, BlockSource, Compressor, Merge};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The head may take so many times its size while a flush goes on or fails; then pushes wait for it or are refused.
const OVERFULL: u64 = 2;
/// The write-ahead log may take so many times the size of the head, which holds its entries compressed.
const LOG_SHARE: u64 = 8;

impl Engine {
    /// Writes everything that is in memory to segments and lets the write-ahead log go.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]: what is not in a segment stays in memory and in the write-ahead log.
    /// [`ErrorKind::Closed`].
    pub fn flush(&self) -> Result<(), Error> {
        self.0.check_open()?;
        self.0.flush()
    }
}

impl Inner {
    /// Flushes what is in memory, what a flush that failed has left behind first.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        let _turn = self.flush_turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.flush_in_turn()
    }

    fn flush_in_turn(&self) -> Result<(), Error> {
        let flushed = self.write_heads();
        match &flushed {
            Ok(()) => self.flush_pause.succeeded(),
            Err(error) if error.kind() == ErrorKind::Io => self.flush_pause.failed(self.clock.now(), error.message()),
            Err(_) => {}
        }
        flushed
    }

    fn write_heads(&self) -> Result<(), Error> {
        // The guard must be gone before `write_out` takes the lock for writing.
        let left = self.generations.read().flushing.clone();
        if let Some(left) = left {
            self.write_out(&left)?;
        }
        let next = {
            let mut generation = self.generations.write();
            if generation.active.is_empty() {
                return Ok(());
            }
            let wal_through = self.wal.rotate()?;
            let fresh = Arc::new(Head::new(self.settings().encoding));
            let head = std::mem::replace(&mut generation.active, fresh);
            generation.flushing.insert(Flushing { head, wal_through }).clone()
        };
        self.write_out(&next)
    }

    /// Writes the streams of a head to a segment a tenant, then forgets the head and its log files.
    fn write_out(&self, flushing: &Flushing) -> Result<(), Error> {
        let settings = self.settings();
        let mut failed = None;
        for (tenant, head) in flushing.head.tenants() {
            let written = self.tenants.get_or_open(&tenant).and_then(|state| {
                if state.store.wal_through() >= flushing.wal_through {
                    // Done by an earlier try that failed at another tenant.
                    return Ok(());
                }
                state.store.replace(&[], Some(flushing.wal_through), |writer| {
                    write_tenant(&head, &settings, writer)
                })
            });
            if let Err(error) = written {
                // The others need not wait for what one of them waits for.
                failed.get_or_insert(error);
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.generations.write().flushing = None;
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        // Log files that stay are skipped by replay and removed by the next flush.
        let _ = self.wal.remove_through(flushing.wal_through);
        Ok(())
    }

    /// Whether the head has to be flushed for its size, its age, or because nothing comes any more.
    pub(crate) fn flush_is_due(&self, settings: &Settings, now: i64) -> bool {
        let generation = self.generations.read();
        if generation.flushing.is_some() {
            return true;
        }
        let head = &generation.active;
        if head.is_empty() {
            return false;
        }
        let (first, last) = head.appended();
        head.bytes() >= settings.head_bytes.0
            || self.wal.length() >= settings.head_bytes.0.saturating_mul(LOG_SHARE)
            || is_past(first, settings.max_chunk_age, now)
            || is_past(last, settings.chunk_idle_period, now)
    }

    /// When a flush will be due if nothing more comes; `None` where there is nothing to flush.
    pub(crate) fn next_flush(&self, settings: &Settings) -> Option<i64> {
        let generation = self.generations.read();
        let (first, last) = generation.active.appended();
        (!generation.active.is_empty()).then(|| {
            let aged = first.saturating_add(settings.max_chunk_age.as_nanos());
            aged.min(last.saturating_add(settings.chunk_idle_period.as_nanos()))
        })
    }

    /// Keeps the head within its bounds: whoever pushes while it is overfull flushes it, where nobody does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] where it is overfull and cannot be flushed: nothing more can be taken. Pushes that come at once
    /// behind a flush that failed do not try again: each try would write a segment for nothing.
    pub(crate) fn make_room(&self, settings: &Settings) -> Result<(), Error> {
        let most = settings.head_bytes.0.saturating_mul(OVERFULL);
        // Entries that the head holds already make the log grow and nothing else.
        let is_full = || self.generations.read().bytes() >= most || self.wal.length() >= most.saturating_mul(LOG_SHARE);
        if !is_full() {
            return Ok(());
        }
        let _turn = self.flush_turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_full() {
            return Ok(());
        }
        let refusal = |why: &str| format!("memory is full ({most} bytes) and cannot be flushed: {why}");
        if let Some(why) = self.flush_pause.reason(self.clock.now()) {
            return Err(Error::new(ErrorKind::Io, refusal(&why)));
        }
        self.flush_in_turn().map_err(|error| match error.kind() {
            ErrorKind::Io => Error::new(ErrorKind::Io, refusal(error.message())).with_source(error),
            _ => error,
        })
    }
}

/// Whether `period` has passed since `since`. A clock that was set back by as much has lost what time it was: waiting
/// for it to come again could take years.
fn is_past(since: i64, period: Period, now: i64) -> bool {
    now.saturating_sub(since).saturating_abs() >= period.as_nanos()
}

fn write_tenant(head: &TenantHead, settings: &Settings, writer: &mut SegmentWriter) -> Result<(), Error> {
    let mut streams = head.select(&[]);
    streams.sort_by(|a, b| a.labels().cmp(b.labels()));
    let mut compressor = Compressor::new(settings.encoding);
    let mut filters = FilterMaker::new(settings.content_filters);
    for stream in streams {
        let blocks = blocks_of(&stream, &mut compressor)?;
        let mut written = writer.stream(stream.labels());
        for block in blocks {
            written.block(&block.header, &block.data, &filters.of(&block.header, &block.data))?;
        }
        written.finish();
    }
    Ok(())
}

/// The blocks of a stream in time order, none overlapping another.
fn blocks_of(stream: &Stream, compressor: &mut Compressor) -> Result<Vec<Arc<Block>>, Error> {
    let snapshot = stream.snapshot();
    let mut blocks = snapshot.sealed;
    if let Some(OpenSnapshot { block, .. }) = snapshot.open {
        blocks.push(Arc::new(
            block
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .seal_with(compressor),
        ));
    }
    let ordered = |pair: &[Arc<Block>]| pair[0].header.max_timestamp < pair[1].header.min_timestamp;
    if blocks.windows(2).all(ordered) {
        return Ok(blocks);
    }
    let damaged = |e| Error::corrupt("a block in memory", e);
    let mut merged = Vec::with_capacity(blocks.len());
    let mut merge = Merge::new(blocks.iter().map(|block| BlockSource {
        header: &block.header,
        data: &block.data,
    }));
    while let Some(run) = merge.next_run(BLOCK_MAX_ENTRIES).map_err(damaged)? {
        merged.push(Arc::new(run.seal_with(compressor).map_err(damaged)?));
    }
    Ok(merged)
}
