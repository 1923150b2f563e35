//! From the head to segments.

use crate::engine::Inner;
use crate::generation::{Flushing, Generation};
use crate::head::{Head, SealedBlock, TenantHead};
use crate::store::SegmentWriter;
use crate::{Engine, Error, ErrorKind, Period, Settings};
use loki_chunk::{BLOCK_MAX_ENTRIES, BlockSource, Merge};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The head may take so many times its size while a flush goes on or fails; then pushes wait for it or are refused.
const OVERFULL: u64 = 2;
/// The write-ahead log may take so many times the size of the head, which holds its entries compressed.
const LOG_SHARE: u64 = 8;
/// With less than this share of its size the head is not flushed when nothing comes for a while: so little is quickly searched
/// and replayed, and a stream of small pushes would become a heap of small segments.
const QUIET_SHARE: u64 = 16;

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
            let fresh = Arc::new(Head::new(Arc::clone(generation.active.sealers())));
            let head = std::mem::replace(&mut generation.active, fresh);
            generation.flushing.insert(Flushing { head, wal_through }).clone()
        };
        self.write_out(&next)
    }

    /// Writes the streams of a head to a segment a tenant, then forgets the head and its log files.
    fn write_out(&self, flushing: &Flushing) -> Result<(), Error> {
        let mut failed = None;
        for (tenant, head) in flushing.head.tenants() {
            let written = self.tenants.get_or_open(&tenant).and_then(|state| {
                if state.store.wal_through() >= flushing.wal_through {
                    // Done by an earlier try that failed at another tenant.
                    return Ok(());
                }
                state.store.replace(&[], Some(flushing.wal_through), |writer| {
                    write_tenant(&flushing.head, &head, writer)
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
        self.is_full(head, settings)
            || is_past(first, settings.max_chunk_age, now)
            || is_past(last, idle_period(head, settings), now)
    }

    /// Whether `head` has to be flushed for its size, or for that of its log.
    fn is_full(&self, head: &Head, settings: &Settings) -> bool {
        head.bytes() >= settings.head_bytes.0 || self.wal.length() >= settings.head_bytes.0.saturating_mul(LOG_SHARE)
    }

    /// Whether the head is full and nobody flushes.
    pub(crate) fn wants_flush(&self, generation: &Generation, settings: &Settings) -> bool {
        generation.flushing.is_none() && self.is_full(&generation.active, settings)
    }

    /// When a flush will be due if nothing more comes; `None` where there is nothing to flush.
    pub(crate) fn next_flush(&self, settings: &Settings) -> Option<i64> {
        let generation = self.generations.read();
        let head = &generation.active;
        let (first, last) = head.appended();
        (!head.is_empty()).then(|| {
            let aged = first.saturating_add(settings.max_chunk_age.as_nanos());
            aged.min(last.saturating_add(idle_period(head, settings).as_nanos()))
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

/// How long nothing may come before `head` is flushed.
fn idle_period(head: &Head, settings: &Settings) -> Period {
    let (idle, quiet) = (settings.chunk_idle_period, settings.quiet_period);
    match quiet > Period::ZERO && head.bytes() >= settings.head_bytes.0 / QUIET_SHARE {
        true => idle.min(quiet),
        false => idle,
    }
}

/// Whether `period` has passed since `since`. A clock that was set back by as much has lost what time it was: waiting
/// for it to come again could take years.
fn is_past(since: i64, period: Period, now: i64) -> bool {
    now.saturating_sub(since).saturating_abs() >= period.as_nanos()
}

/// Writes the streams of a tenant of `head`, stream by stream. What was open is sealed where it stands, so that the head
/// shrinks as the segment grows, and pushes that come meanwhile have its room before the segment is done.
fn write_tenant(head: &Head, tenant: &TenantHead, writer: &mut SegmentWriter) -> Result<(), Error> {
    let mut streams = tenant.select(&[]);
    streams.sort_by(|a, b| a.labels().cmp(b.labels()));
    for stream in streams {
        let mut written = writer.stream(stream.labels());
        for group in groups(head.sealed_blocks(&stream)) {
            let mut write =
                |SealedBlock { block, filter }: &SealedBlock| written.block(&block.header, &block.data, filter);
            if let [block] = &group[..] {
                write(block)?;
                continue;
            }
            let mut merge = Merge::new(group.iter().map(|sealed| BlockSource {
                header: &sealed.block.header,
                data: &sealed.block.data,
            }));
            let damaged = |e| Error::corrupt("a block in memory", e);
            while let Some(run) = merge.next_run(BLOCK_MAX_ENTRIES).map_err(damaged)? {
                write(&head.sealers().with(|sealer| sealer.seal_columns(run))?)?;
            }
        }
        written.finish();
    }
    Ok(())
}

/// Blocks that overlap, each with its place in the order in which they came.
struct Group {
    newest: i64,
    blocks: Vec<(usize, Arc<SealedBlock>)>,
}

/// The blocks in the order of time, those together that overlap: of them the one that came first stands first, as their order
/// decides between entries of one time.
fn groups(blocks: Vec<Arc<SealedBlock>>) -> impl Iterator<Item = Vec<Arc<SealedBlock>>> {
    let mut blocks: Vec<(usize, Arc<SealedBlock>)> = blocks.into_iter().enumerate().collect();
    blocks.sort_by_key(|(_, sealed)| sealed.block.header.min_timestamp);
    let mut groups: Vec<Group> = Vec::new();
    for (came, sealed) in blocks {
        let header = &sealed.block.header;
        let (min, max) = (header.min_timestamp, header.max_timestamp);
        match groups.last_mut() {
            Some(group) if min <= group.newest => {
                group.newest = max.max(group.newest);
                group.blocks.push((came, sealed));
            }
            _ => groups.push(Group {
                newest: max,
                blocks: vec![(came, sealed)],
            }),
        }
    }
    groups.into_iter().map(|mut group| {
        group.blocks.sort_by_key(|(came, _)| *came);
        group.blocks.into_iter().map(|(_, sealed)| sealed).collect()
    })
}
