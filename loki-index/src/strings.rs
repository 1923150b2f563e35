//! A table of texts.

use std::cmp::Ordering;

use crate::{Error, format::Section, pages::Pages};

/// Texts by ordinal.
pub(crate) struct Strings<'a, D> {
    pub(crate) pages: &'a Pages<D>,
    /// Where each text starts, and where the last one ends.
    pub(crate) offsets: Section,
    pub(crate) text: Section,
}

impl<'a, D: AsRef<[u8]>> Strings<'a, D> {
    /// The text with an ordinal.
    pub(crate) fn text(&self, ordinal: u32) -> Result<&'a str, Error> {
        let bytes = self.bytes(ordinal)?;
        std::str::from_utf8(bytes).map_err(|_| Error::malformed("text", self.text.start as u64))
    }

    fn bytes(&self, ordinal: u32) -> Result<&'a [u8], Error> {
        self.pages
            .read(self.text, self.pages.between(self.offsets, ordinal as usize)?)
    }

    /// The ordinal of a text among the first `count`, which are sorted bytewise, without duplicates.
    pub(crate) fn find(&self, count: u32, text: &str) -> Result<Option<u32>, Error> {
        let (mut start, mut end) = (0, count);
        while start < end {
            let middle = start + (end - start) / 2;
            match self.bytes(middle)?.cmp(text.as_bytes()) {
                Ordering::Less => start = middle + 1,
                Ordering::Greater => end = middle,
                Ordering::Equal => return Ok(Some(middle)),
            }
        }
        Ok(None)
    }
}
