//! Bytes whose checksums are looked at when they are first read.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    Error, ErrorKind,
    format::{self, Layout, PAGE_BYTES, SUM_BYTES, Section},
};

/// The body of an index, cut into pages that have a checksum each.
///
/// No byte is handed out before its page was checked, and a page is checked once. So opening costs nothing however large
/// the index is, and damage shows as an error in exactly the queries that meet it.
pub(crate) struct Pages<D> {
    data: D,
    layout: Layout,
    /// One bit a page: it was checked and is good. Racing checks of one page agree, so no order is needed.
    checked: Box<[AtomicU64]>,
}

impl<D: AsRef<[u8]>> Pages<D> {
    /// `layout` came from the header of `data` and lies inside it.
    pub(crate) fn new(data: D, layout: Layout) -> Self {
        let pages = layout.body.len().div_ceil(PAGE_BYTES);
        Self {
            data,
            layout,
            checked: (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The bytes of a range that lies in a section, counted from the section's start.
    pub(crate) fn read(&self, section: Section, range: Range<usize>) -> Result<&[u8], Error> {
        if range.start > range.end || range.end > section.length {
            return Err(Error::malformed("offset", section.start as u64));
        }
        let range = section.start + range.start..section.start + range.end;
        if !range.is_empty() {
            let first = (range.start - self.layout.body.start) / PAGE_BYTES;
            let last = (range.end - 1 - self.layout.body.start) / PAGE_BYTES;
            for page in first..=last {
                if self.checked[page / 64].load(Ordering::Relaxed) & (1 << (page % 64)) == 0 {
                    self.check(page)?;
                }
            }
        }
        Ok(&self.data.as_ref()[range])
    }

    /// The bytes of a section of which `read` has handed out all before: its pages need no looking at again.
    pub(crate) fn read_again(&self, section: Section) -> &[u8] {
        &self.data.as_ref()[section.start..section.start + section.length]
    }

    /// The `position`th number of a section of 32-bit numbers.
    pub(crate) fn u32(&self, section: Section, position: usize) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(format::array(
            self.read(section, position * 4..position * 4 + 4)?,
            0,
        )))
    }

    /// The `position`th number of a section of 64-bit numbers.
    pub(crate) fn u64(&self, section: Section, position: usize) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(format::array(
            self.read(section, position * 8..position * 8 + 8)?,
            0,
        )))
    }

    /// The range that the numbers at `position` and after it enclose.
    pub(crate) fn between(&self, offsets: Section, position: usize) -> Result<Range<usize>, Error> {
        let pair = self.read(offsets, position * 4..position * 4 + 8)?;
        let number = |at| u32::from_le_bytes(format::array(pair, at)) as usize;
        Ok(number(0)..number(4))
    }

    /// Checks all pages, those checked before too.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        (0..self.layout.body.len().div_ceil(PAGE_BYTES)).try_for_each(|page| self.check(page))
    }

    #[cold]
    fn check(&self, page: usize) -> Result<(), Error> {
        let bytes = self.data.as_ref();
        let expected = u32::from_le_bytes(format::array(bytes, self.layout.sums.start + page * SUM_BYTES));
        let start = self.layout.body.start + page * PAGE_BYTES;
        let found = crc32fast::hash(&bytes[start..self.layout.body.end.min(start + PAGE_BYTES)]);
        if expected != found {
            return Err(Error::new(ErrorKind::Checksum { expected, found }, start as u64));
        }
        self.checked[page / 64].fetch_or(1 << (page % 64), Ordering::Relaxed);
        Ok(())
    }
}
