//! A table of sorted texts, searched exactly or with an automaton.

use std::{cmp::Ordering, ops::Range};

use crate::{
    Error,
    automaton::{Automaton, Table},
    format::Section,
    pages::Pages,
};

/// Texts by ordinal. Ranges of ordinals that it is asked to search are sorted bytewise, without duplicates.
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

    /// The ordinal of a text.
    pub(crate) fn find(&self, range: Range<u32>, text: &str) -> Result<Option<u32>, Error> {
        let at = self.first(range.clone(), |other| other < text.as_bytes())?;
        Ok((at < range.end && self.bytes(at)? == text.as_bytes()).then_some(at))
    }

    /// The first ordinal whose text is not `before`, which holds of a prefix of the range.
    fn first(&self, range: Range<u32>, before: impl Fn(&[u8]) -> bool) -> Result<u32, Error> {
        let Range { mut start, mut end } = range;
        while start < end {
            let middle = start + (end - start) / 2;
            if before(self.bytes(middle)?) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        Ok(start)
    }

    /// Hands over, in ascending order, the ordinals whose texts an automaton accepts, or does not.
    pub(crate) fn scan(
        &self,
        range: Range<u32>,
        automaton: &Automaton,
        accepted: bool,
        mut each: impl FnMut(u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if accepted {
            return self.accepted(range, automaton, each);
        }
        let Range { start: mut next, end } = range.clone();
        self.accepted(range, automaton, |ordinal| {
            (next..ordinal).try_for_each(&mut each)?;
            next = ordinal + 1;
            Ok(())
        })?;
        (next..end).try_for_each(each)
    }

    fn accepted(
        &self,
        range: Range<u32>,
        automaton: &Automaton,
        mut each: impl FnMut(u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match automaton {
            Automaton::Table(table) => self.walk(range, table, each),
            Automaton::Regex(_) => range.into_iter().try_for_each(|ordinal| {
                if automaton.matches(self.text(ordinal)?) {
                    each(ordinal)
                } else {
                    Ok(())
                }
            }),
        }
    }

    /// Steps a table over sorted texts: bytes shared with the text before are not stepped again, and all texts that
    /// start with a prefix that cannot match are skipped at once.
    fn walk(
        &self,
        range: Range<u32>,
        table: &Table,
        mut each: impl FnMut(u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // The states before the first byte of `previous`, after it, and so on, as far as it was stepped.
        let mut states = vec![table.start()];
        let mut previous: &[u8] = &[];
        let mut ordinal = range.start;
        while ordinal < range.end {
            let text = self.bytes(ordinal)?;
            states.truncate(shared_prefix(previous, text) + 1);
            previous = text;
            ordinal += 1;
            let mut state = states[states.len() - 1];
            let mut stuck = None;
            for position in states.len() - 1..text.len() {
                let Some(next) = table.step(state, text[position]) else {
                    stuck = Some(&text[..=position]);
                    break;
                };
                state = next;
                states.push(state);
            }
            match stuck {
                None if table.accepts(state) => each(ordinal - 1)?,
                None => {}
                Some(prefix) => ordinal = self.after_prefix(ordinal..range.end, prefix)?,
            }
        }
        Ok(())
    }

    /// The first ordinal of a range whose text is beyond all that start with `prefix`.
    fn after_prefix(&self, range: Range<u32>, prefix: &[u8]) -> Result<u32, Error> {
        let under = |text: &[u8]| text[..text.len().min(prefix.len())].cmp(prefix) != Ordering::Greater;
        // Often the very next text is beyond; otherwise double the distance until one is.
        let (mut start, mut reach) = (range.start, 1);
        loop {
            let probe = start.saturating_add(reach - 1);
            if probe >= range.end {
                return self.first(start..range.end, under);
            }
            if !under(self.bytes(probe)?) {
                return self.first(start..probe, under);
            }
            start = probe + 1;
            reach *= 2;
        }
    }
}

fn shared_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
