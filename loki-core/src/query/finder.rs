//! The blocks that a query selects: all of them, or from one end of time as far as they are wanted.
//!
//! Who wants the newest lines alone should not pay for all that is stored: segments are looked at when their turn comes, and of
//! each stream the next blocks alone become units. A block becomes one once nothing can overlap it that did not.

use super::block_ref::{BlockRef, source_error, summary_of};
use super::found::FoundStream;
use super::rank::near_rank;
use super::required::Required;
use super::scope::labelled;
use super::select::{Parts, StreamBlocks};
use super::unit::Unit;
use super::work::{into_inner, lock, share_work};
use crate::TenantId;
use crate::delete::stream_filters;
use crate::pool::Pool;
use crate::store::{Segment, SegmentChunk};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use loki_chunk::Direction;
use loki_index::{Predicate, SeriesId};
use loki_logql::source::Summary;
use loki_logql::{Error, Labels};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Below so many bytes of directories, about 4,000 blocks, a second thread costs more than it brings.
const PARALLEL_BYTES: usize = 512 << 10;
/// So many streams of a segment are looked at in one go.
const GO_STREAMS: usize = 16;
/// So many blocks of each stream are taken at first, then twice as many each time.
const FIRST_BLOCKS: usize = 1;

/// Finds the blocks of a selection.
#[derive(Debug)]
pub(super) struct Finder<'s> {
    tenants: Vec<Tenant<'s>>,
    times: Range<i64>,
    required: Required,
    direction: Direction,
    /// Segments not looked at, by the numbers of tenant and segment, the next one last.
    closed: Vec<(usize, usize)>,
    /// Bytes of the segments that were looked at.
    opened_bytes: u64,
    streams: Vec<FoundStream<'s>>,
    /// How many blocks were found.
    blocks: usize,
    /// Bytes of their lines and metadata.
    bytes: u64,
    /// How many blocks of each stream are taken the next time.
    next_count: usize,
    /// The rank at which the blocks begin that were found and not taken.
    stored: Option<i64>,
    /// The rank at which the blocks begin that were taken and may overlap others that were not.
    held_back: Option<i64>,
}

/// What of a tenant is selected.
#[derive(Debug)]
struct Tenant<'s> {
    parts: &'s Parts,
    predicates: Vec<Predicate>,
    /// Whose label its streams get.
    label: Option<&'s TenantId>,
    /// Numbers of its streams that were found.
    by_labels: HashMap<Labels, usize, RandomState>,
}

/// A stream of a segment that is to be looked at.
#[derive(Debug)]
struct Place<'s> {
    tenant: usize,
    number: usize,
    segment: &'s Arc<Segment>,
    id: SeriesId,
}

impl<'s> Finder<'s> {
    /// Finds blocks with entries in `times` that may hold what is `required`.
    pub(super) fn new(times: Range<i64>, required: Required, direction: Direction) -> Finder<'s> {
        Finder {
            tenants: Vec::new(),
            times,
            required,
            direction,
            closed: Vec::new(),
            opened_bytes: 0,
            streams: Vec::new(),
            blocks: 0,
            bytes: 0,
            next_count: FIRST_BLOCKS,
            stored: None,
            held_back: None,
        }
    }

    /// Adds the parts of a tenant. What of them is in memory is looked at now.
    pub(super) fn add(&mut self, parts: &'s Parts, predicates: Vec<Predicate>, label: Option<&'s TenantId>) {
        let tenant = self.tenants.len();
        let heads = parts
            .heads
            .iter()
            .map(|head| head.select(&predicates))
            .collect::<Vec<_>>();
        self.tenants.push(Tenant {
            parts,
            predicates,
            label,
            by_labels: HashMap::default(),
        });
        for (head, streams) in heads.into_iter().enumerate() {
            for stream in streams {
                let snapshot = stream.snapshot();
                let sealed = snapshot.sealed.into_iter().map(BlockRef::Sealed);
                let blocks = sealed.chain(snapshot.open.map(BlockRef::Open));
                let is_wanted = |block: &BlockRef| self.is_inside(block) && self.required.may_be_in(block);
                let blocks: Vec<BlockRef> = blocks.filter(is_wanted).collect();
                if blocks.is_empty() {
                    continue;
                }
                self.count(blocks.iter().map(BlockRef::summary));
                let part = parts.segments.len() + head;
                self.stream(tenant, stream.labels()).add(part, blocks);
            }
        }
        let segments = parts.segments.iter().enumerate();
        let inside = segments.filter(|(_, segment)| segment.overlaps(self.times.start, self.times.end));
        self.closed.extend(inside.map(|(number, _)| (tenant, number)));
        let mut closed = std::mem::take(&mut self.closed);
        closed.sort_by_key(|&place| !self.segment_rank(place));
        self.closed = closed;
    }

    /// Which end of time comes first.
    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// How many streams and blocks were found so far.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.streams.len(), self.blocks)
    }

    /// Bytes of what was found so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of what was found so far and of all that the segments not looked at hold.
    ///
    /// # Errors
    ///
    /// A damaged segment.
    pub(super) fn most_bytes(&self) -> Result<u64, Error> {
        self.closed.iter().try_fold(self.bytes, |bytes, &place| {
            let closed = self.segment(place).data_bytes().map_err(damaged)?;
            Ok(bytes.saturating_add(closed))
        })
    }

    /// Whether all was looked at and taken.
    pub(super) fn is_done(&self) -> bool {
        self.closed.is_empty() && self.stored.is_none()
    }

    /// Looks at all segments.
    ///
    /// # Errors
    ///
    /// A damaged segment.
    pub(super) fn open_all(&mut self, pool: Option<&Pool>) -> Result<(), Error> {
        self.open(self.closed.len(), pool)
    }

    /// Takes more of what is to come, so that what begins at a rank of `near` or before will be among it in the end. Looks at
    /// segments of about as many bytes as before, if need be.
    ///
    /// # Errors
    ///
    /// A damaged segment.
    pub(super) fn advance(&mut self, near: Option<i64>, pool: Option<&Pool>) -> Result<(), Error> {
        if let Some(closed) = self.closed_rank() {
            let is_next = self.stored.is_none_or(|stored| closed <= stored);
            let is_awaited = self.held_back.is_some_and(|rank| near.is_none_or(|near| rank <= near));
            if is_next || is_awaited {
                let (mut segments, mut bytes) = (0, 0);
                for &place in self.closed.iter().rev() {
                    (segments, bytes) = (segments + 1, bytes + self.segment(place).meta().bytes);
                    if bytes >= self.opened_bytes {
                        break;
                    }
                }
                self.open(segments, pool)?;
            }
        }
        self.take(self.next_count, near);
        self.next_count = self.next_count.saturating_mul(2);
        Ok(())
    }

    /// Takes so many of the next blocks of each stream, and all that begin at a rank of `through` or before.
    fn take(&mut self, count: usize, through: Option<i64>) {
        let direction = self.direction;
        self.streams
            .iter_mut()
            .for_each(|stream| stream.take(direction, count, through));
        self.note_stored();
    }

    /// Takes note of where the blocks begin that were not taken: it is asked for each unit.
    fn note_stored(&mut self) {
        let direction = self.direction;
        self.stored = self.streams.iter().filter_map(|stream| stream.next(direction)).min();
    }

    /// Looks at the nearest segments.
    fn open(&mut self, segments: usize, pool: Option<&Pool>) -> Result<(), Error> {
        let places = self.closed.split_off(self.closed.len().saturating_sub(segments));
        self.opened_bytes += places
            .iter()
            .map(|&place| self.segment(place).meta().bytes)
            .sum::<u64>();
        let (streams, bytes) = self.streams_of(&places)?;
        let threads = pool.filter(|_| bytes >= PARALLEL_BYTES).map_or(1, Pool::threads);
        let found = match pool {
            Some(pool) if threads > 1 => self.look_together(&streams, pool, threads)?,
            _ => {
                let mut found = Vec::new();
                self.look(&streams, 0, &mut found)?;
                found
            }
        };
        let direction = self.direction;
        for (number, chunk) in found {
            let &Place {
                tenant,
                number: part,
                segment,
                ..
            } = &streams[number];
            self.count(chunk.blocks.iter().map(|block| summary_of(&block.header)));
            self.stream(tenant, &chunk.labels)
                .store(part, segment, chunk.blocks, direction);
        }
        self.note_stored();
        Ok(())
    }

    /// The selected streams of segments, and the bytes of their directories.
    fn streams_of(&self, places: &[(usize, usize)]) -> Result<(Vec<Place<'s>>, usize), Error> {
        let (mut streams, mut bytes) = (Vec::new(), 0);
        for &(tenant, number) in places {
            let Tenant { parts, predicates, .. } = &self.tenants[tenant];
            let segment = &parts.segments[number];
            let ids = segment.select(predicates, &self.times).map_err(damaged)?;
            for id in ids.iter() {
                bytes += segment.directory_bytes(id);
                streams.push(Place {
                    tenant,
                    number,
                    segment,
                    id,
                });
            }
        }
        Ok((streams, bytes))
    }

    /// Adds the chunks of these streams with the numbers of the streams, of which the first is `first`.
    fn look(&self, streams: &[Place<'_>], first: usize, found: &mut Vec<(usize, SegmentChunk)>) -> Result<(), Error> {
        for (number, Place { segment, id, .. }) in (first..).zip(streams) {
            let chunk = segment.chunk_within(*id, &self.times, &self.required.needles);
            found.extend(chunk.map_err(damaged)?.map(|chunk| (number, chunk)));
        }
        Ok(())
    }

    fn look_together(
        &self,
        streams: &[Place<'_>],
        pool: &Pool,
        threads: usize,
    ) -> Result<Vec<(usize, SegmentChunk)>, Error> {
        let goes: Vec<&[Place<'_>]> = streams.chunks(GO_STREAMS).collect();
        let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        share_work(pool, threads, &|stop| {
            let mut found = Vec::new();
            while !stop.is_set() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(go) = goes.get(number) else { break };
                self.look(go, number * GO_STREAMS, &mut found)?;
            }
            lock(&all).append(&mut found);
            Ok(())
        })?;
        let mut all = into_inner(all);
        all.sort_unstable_by_key(|(number, _)| *number);
        Ok(all)
    }

    /// The stream of a tenant with these labels.
    fn stream(&mut self, tenant: usize, labels: &Labels) -> &mut FoundStream<'s> {
        let Tenant {
            parts,
            label,
            by_labels,
            ..
        } = &mut self.tenants[tenant];
        let streams = &mut self.streams;
        let place = *by_labels.entry(labels.clone()).or_insert_with(|| {
            streams.push(FoundStream::new(StreamBlocks {
                labels: label.map_or_else(|| labels.clone(), |tenant| labelled(labels, tenant)),
                blocks: Vec::new(),
                hidden: stream_filters(&parts.hidden, labels),
            }));
            streams.len() - 1
        });
        &mut self.streams[place]
    }

    fn count(&mut self, blocks: impl Iterator<Item = Summary>) {
        for block in blocks {
            self.blocks += 1;
            self.bytes += block.line_bytes + block.metadata_bytes;
        }
    }

    /// The streams with all blocks that were found.
    pub(super) fn into_streams(self) -> Vec<StreamBlocks> {
        self.streams.into_iter().map(FoundStream::into_blocks).collect()
    }

    /// Takes all blocks that were found.
    pub(super) fn take_all(&mut self) {
        self.take(usize::MAX, None);
    }

    /// The units of what was taken and can overlap nothing that is yet to be taken.
    pub(super) fn units(&mut self) -> Vec<Unit> {
        let (direction, closed) = (self.direction, self.closed_rank());
        let mut units = Vec::new();
        self.held_back = None;
        for stream in &mut self.streams {
            let barrier = [closed, stream.next(direction)].into_iter().flatten().min();
            let held_back = stream.units(direction, barrier, &mut units);
            self.held_back = [self.held_back, held_back].into_iter().flatten().min();
        }
        units
    }

    /// Whether something that is in no unit may begin at a rank of `near` or before.
    pub(super) fn may_come_before(&self, near: Option<i64>) -> bool {
        let left = [self.closed_rank(), self.stored, self.held_back].into_iter().flatten();
        left.min().is_some_and(|left| near.is_none_or(|near| left <= near))
    }

    /// The rank at which the segments begin that were not looked at.
    fn closed_rank(&self) -> Option<i64> {
        self.closed.last().map(|&place| self.segment_rank(place))
    }

    fn segment_rank(&self, place: (usize, usize)) -> i64 {
        let meta = self.segment(place).meta();
        near_rank(self.direction, (meta.min_timestamp, meta.max_timestamp))
    }

    fn segment(&self, (tenant, number): (usize, usize)) -> &'s Arc<Segment> {
        &self.tenants[tenant].parts.segments[number]
    }

    fn is_inside(&self, block: &BlockRef) -> bool {
        let summary = block.summary();
        summary.max_timestamp >= self.times.start && summary.min_timestamp < self.times.end
    }
}

fn damaged(error: crate::Error) -> Error {
    source_error(error.to_string())
}
