//! Bytes end to end in pages of one size, which come from a pool and go back to it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a page: a sixteenth of what a block is meant to have, so that an open block holds little that it does not need.
const PAGE_BYTES: usize = 16 << 10;
/// Bytes that the first page begins with. Of many open blocks most hold a few lines.
const LEAST_BYTES: usize = 256;

/// Pages that open blocks have given back, for other open blocks to take: cheaper than fresh memory, and whichever thread
/// takes them. Clones are one pool.
///
/// ```
/// use loki_chunk::{EntryRef, HeadBlock, PagePool};
///
/// let pool = PagePool::new(1 << 20);
/// let mut head = HeadBlock::in_pool(&pool);
/// head.append(EntryRef { timestamp: 1, line: &[b'x'; 100_000], metadata: &[] })?;
/// drop(head);
/// assert!(pool.bytes() >= 65_536 && pool.bytes() < 1 << 20);
/// # Ok::<(), loki_chunk::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PagePool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    most_pages: usize,
    /// Empty, of [`PAGE_BYTES`] each.
    idle: Mutex<Vec<Vec<u8>>>,
}

impl PagePool {
    /// A pool that keeps at most so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self(Arc::new(Pool {
            most_pages: most_bytes / PAGE_BYTES,
            idle: Mutex::default(),
        }))
    }

    /// Bytes that wait to be taken.
    pub fn bytes(&self) -> usize {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).len() * PAGE_BYTES
    }

    fn take(&self) -> Vec<u8> {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Vec::with_capacity(PAGE_BYTES))
    }

    fn give_back(&self, pages: impl ExactSizeIterator<Item = Vec<u8>>) {
        if pages.len() == 0 {
            return;
        }
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for mut page in pages.filter(|page| page.capacity() >= PAGE_BYTES) {
            if idle.len() >= self.0.most_pages {
                break;
            }
            page.clear();
            idle.push(page);
        }
    }
}

/// A growing run of bytes. What was appended never moves, but for the first page, which grows until it is as large as the
/// others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages {
    /// Where there is none, pages come and go with the memory of the program.
    pool: Option<PagePool>,
    /// All but the last are full.
    pages: Vec<Vec<u8>>,
    length: usize,
}

impl Pages {
    pub(crate) fn in_pool(pool: &PagePool) -> Self {
        Self {
            pool: Some(pool.clone()),
            pages: Vec::new(),
            length: 0,
        }
    }

    /// Bytes appended.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.pages.iter().map(Vec::capacity).sum()
    }

    pub(crate) fn extend(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len();
        while !bytes.is_empty() {
            let page = self.page_with_room(bytes.len());
            let room = page.capacity().min(PAGE_BYTES) - page.len();
            let (fits, rest) = bytes.split_at(bytes.len().min(room));
            page.extend_from_slice(fits);
            bytes = rest;
        }
    }

    /// The last page, with room for as many bytes as `wanted` or as a page has left.
    fn page_with_room(&mut self, wanted: usize) -> &mut Vec<u8> {
        if self.pages.last().is_none_or(|last| last.len() == PAGE_BYTES) {
            let page = match self.pages.is_empty() && wanted < PAGE_BYTES {
                true => Vec::with_capacity(LEAST_BYTES),
                false => self.take(),
            };
            self.pages.push(page);
        }
        let last = self.pages.last_mut().expect("one was there or pushed");
        let needed = (last.len() + wanted).min(PAGE_BYTES);
        if last.capacity() < needed {
            last.reserve_exact(needed.next_power_of_two() - last.len());
        }
        last
    }

    /// The bytes at `range`, which lie in several pages where there is an end of a page among them.
    pub(crate) fn slices(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> {
        let pages = match range.is_empty() {
            true => 0..0,
            false => range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES),
        };
        pages.map(move |page| {
            let start = page * PAGE_BYTES;
            let end = (range.end - start).min(PAGE_BYTES);
            &self.pages[page][range.start.saturating_sub(start)..end]
        })
    }

    /// Whether `bytes` stand at `range`.
    pub(crate) fn equal(&self, range: Range<usize>, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        range.len() == bytes.len()
            && self.slices(range).all(|slice| {
                let (begin, behind) = rest.split_at(slice.len());
                rest = behind;
                slice == begin
            })
    }

    /// Copies the bytes at `range` behind `into`.
    pub(crate) fn copy(&self, range: Range<usize>, into: &mut Vec<u8>) {
        self.slices(range).for_each(|slice| into.extend_from_slice(slice));
    }

    /// Forgets all bytes; all pages but the first go back to the pool.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.give_back(1);
        self.pages.iter_mut().for_each(Vec::clear);
    }

    fn take(&self) -> Vec<u8> {
        match &self.pool {
            Some(pool) => pool.take(),
            None => Vec::with_capacity(PAGE_BYTES),
        }
    }

    /// Gives all pages back but the first `kept`.
    fn give_back(&mut self, kept: usize) {
        let pages = self.pages.drain(kept.min(self.pages.len())..);
        if let Some(pool) = &self.pool {
            pool.give_back(pages);
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.give_back(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_hold_what_was_appended(
            pieces in proptest::collection::vec(prop_oneof![0..200usize, 0..40_000usize], 0..20),
            ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let pool = PagePool::new(64 << 10);
            let (mut pages, mut plain) = (Pages::in_pool(&pool), Vec::new());
            for (number, &length) in pieces.iter().enumerate() {
                let piece: Vec<u8> = (0..length).map(|at| (at * 7 + number) as u8).collect();
                pages.extend(&piece);
                plain.extend_from_slice(&piece);
                prop_assert_eq!(pages.len(), plain.len());
            }
            prop_assert!(pages.memory_bytes() <= (2 * plain.len()).max(LEAST_BYTES).min(plain.len() + PAGE_BYTES));
            let (a, b) = (ends.0.index(plain.len() + 1), ends.1.index(plain.len() + 1));
            let range = a.min(b)..a.max(b);
            let mut copied = Vec::new();
            pages.copy(range.clone(), &mut copied);
            prop_assert_eq!(&copied, &plain[range.clone()]);
            prop_assert!(pages.equal(range.clone(), &copied));
            if let Some(last) = copied.last_mut() {
                *last ^= 1;
                prop_assert!(!pages.equal(range, &copied));
            }
            pages.clear();
            prop_assert_eq!(pages.len(), 0);
            drop(pages);
            prop_assert!(pool.bytes() <= 64 << 10);
        }
    }

    #[test]
    fn pages_that_come_back_are_taken_again() {
        let pool = PagePool::new(1 << 20);
        let fill = || {
            let mut pages = Pages::in_pool(&pool);
            pages.extend(&[1; 5 * PAGE_BYTES]);
            pages
        };
        let pages = fill();
        assert_eq!(pool.bytes(), 0);
        drop(pages);
        assert_eq!(pool.bytes(), 5 * PAGE_BYTES);
        let again = fill();
        assert_eq!(pool.bytes(), 0);
        drop((again, fill()));
        assert_eq!(pool.bytes(), 10 * PAGE_BYTES);
    }
}
