//! Where the postings of a name or a pair lie.

use crate::{Error, Postings, SeriesId, format::Section, pages::Pages, postings::Union};

/// A lone series itself, or the place of a bitmap.
///
/// As 64 bits: the lowest bit is set for a lone series, the others are its id or the offset of the bitmap.
#[derive(Clone, Copy)]
pub(crate) enum PostingsPlace {
    One(SeriesId),
    Bitmap(u64),
}

impl PostingsPlace {
    /// Appends a bitmap of ascending ids, unless there is just one, and says where.
    pub(crate) fn put(ids: &[u32], bitmaps: &mut Vec<u8>) -> Self {
        if let [id] = ids {
            return Self::One(SeriesId(*id));
        }
        let start = bitmaps.len();
        bitmaps.extend_from_slice(&[0; 4]);
        Postings::ascending(ids).encode(bitmaps);
        // A bitmap of all 2^32 ids has 512 MiB.
        let length = (bitmaps.len() - start - 4) as u32;
        bitmaps[start..start + 4].copy_from_slice(&length.to_le_bytes());
        Self::Bitmap(start as u64)
    }

    pub(crate) fn to_bits(self) -> u64 {
        match self {
            Self::One(id) => u64::from(id.0) << 1 | 1,
            Self::Bitmap(start) => start << 1,
        }
    }

    /// Reads an element of a section of places; ids are below `series`.
    pub(crate) fn read<D: AsRef<[u8]>>(
        pages: &Pages<D>,
        section: Section,
        position: u32,
        series: u32,
    ) -> Result<Self, Error> {
        let bits = pages.u64(section, position as usize)?;
        if bits & 1 == 0 {
            return Ok(Self::Bitmap(bits >> 1));
        }
        match u32::try_from(bits >> 1) {
            Ok(id) if id < series => Ok(Self::One(SeriesId(id))),
            _ => Err(Error::malformed("series id", section.start as u64)),
        }
    }

    /// Reads the postings; ids are below `series`.
    pub(crate) fn postings<D: AsRef<[u8]>>(
        self,
        pages: &Pages<D>,
        bitmaps: Section,
        series: u32,
    ) -> Result<Postings, Error> {
        let start = match self {
            Self::One(id) => return Ok([id].into_iter().collect()),
            Self::Bitmap(start) => start,
        };
        let malformed = || Error::malformed("postings", bitmaps.start as u64);
        let start = usize::try_from(start)
            .ok()
            .and_then(|start| start.checked_add(4))
            .ok_or_else(malformed)?;
        let length = pages.read(bitmaps, start - 4..start)?;
        let length = u32::from_le_bytes(length.try_into().expect("four bytes were read"));
        let end = start.checked_add(length as usize).ok_or_else(malformed)?;
        let postings = Postings::decode(pages.read(bitmaps, start..end)?, (bitmaps.start + start) as u64)?;
        match postings.max() {
            Some(id) if id.0 >= series => Err(malformed()),
            _ => Ok(postings),
        }
    }

    pub(crate) fn add_to<D: AsRef<[u8]>>(
        self,
        pages: &Pages<D>,
        bitmaps: Section,
        series: u32,
        union: &mut Union,
    ) -> Result<(), Error> {
        match self {
            Self::One(id) => union.add_one(id),
            Self::Bitmap(_) => union.add(self.postings(pages, bitmaps, series)?),
        }
        Ok(())
    }
}
