//! The labels of the entry that is being processed: what stages read and change.

use super::keys::Keys;
use super::label_sets::Category;
use super::names::{EXTRACTED, NameId, Names};
use crate::Labels;

/// Name of the label that tells what went wrong with an entry.
pub(super) const ERROR: &str = "__error__";
/// Name of the label with the details of an error.
pub(super) const ERROR_DETAILS: &str = "__error_details__";
/// Name of the label that marks an error as wanted in a metric query.
pub(super) const PRESERVE_ERROR: &str = "__preserve_error__";

/// The labels of one entry: those of its stream, and over them what metadata and stages have set and deleted.
///
/// Values stand one behind the other in one text that is reused from entry to entry: those of the stream first.
/// Names are numbers, and everything known about a name is in its slot, so that no operation searches.
#[derive(Debug)]
pub(super) struct EntryLabels {
    names: Names,
    /// The first names of the table are those of the query; they survive [`EntryLabels::forget`].
    query_names: usize,
    keys: Keys,
    slots: Vec<Slot>,
    text: String,
    stream: Labels,
    /// The names of the stream's labels in their order.
    stream_names: Vec<NameId>,
    /// Length of the stream's part of `text`.
    stream_text: usize,
    /// Names that the entry has changed, each once, in the order of their first change.
    touched: Vec<NameId>,
    error: Option<Piece>,
    details: Option<Piece>,
    preserve_error: bool,
    /// Whether an entry had more text than [`MAX_TEXT_BYTES`].
    is_overfull: bool,
    /// The names without which a parser must not stop.
    needed: Vec<NameId>,
    /// How many of them are not yet extracted.
    needed_left: usize,
    /// How many of them parsers can extract from a line: not those that the stream has taken.
    free: usize,
    /// How many of these are not yet extracted.
    free_left: usize,
}

/// A part of the text.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    stream: Option<Piece>,
    overlay: Option<(Piece, Category)>,
    touched: bool,
    deleted: bool,
    extracted: bool,
    needed: bool,
    /// Needed, and not taken by the stream.
    free: bool,
}

/// More text than any sane entry has. A few templates, or groups around groups, could make gigabytes of it.
pub(super) const MAX_TEXT_BYTES: usize = 64 << 20;

/// More distinct names than any sane stream has; behind that they are forgotten and met anew.
const MAX_NAMES: usize = 1 << 16;

impl EntryLabels {
    /// The labels of no entry. `names` are those of the query; `needed` those without which a parser must not stop.
    pub(super) fn new(names: Names, needed: &[NameId]) -> EntryLabels {
        let mut slots = vec![Slot::default(); names.len()];
        for name in needed {
            let slot = &mut slots[name.index()];
            (slot.needed, slot.free) = (true, true);
        }
        EntryLabels {
            query_names: names.len(),
            names,
            keys: Keys::default(),
            slots,
            text: String::new(),
            stream: Labels::default(),
            stream_names: Vec::new(),
            stream_text: 0,
            touched: Vec::new(),
            error: None,
            details: None,
            preserve_error: false,
            is_overfull: false,
            needed: needed.to_vec(),
            needed_left: needed.len(),
            free: needed.len(),
            free_left: needed.len(),
        }
    }

    /// The entries that follow are of the stream with these labels.
    pub(super) fn set_stream(&mut self, labels: &Labels) {
        self.begin();
        for name in self.stream_names.drain(..) {
            self.slots[name.index()].stream = None;
        }
        self.text.clear();
        self.stream = labels.clone();
        for (name, value) in labels.iter() {
            let name = self.intern(name);
            let piece = self.push(value);
            self.slots[name.index()].stream = Some(piece);
            self.stream_names.push(name);
        }
        self.stream_text = self.text.len();
        self.free = 0;
        for name in &self.needed {
            // `x_extracted` is set by what a line calls `x`, whether the stream has it or not.
            let is_renamed = self.names.text(*name).ends_with(EXTRACTED);
            let slot = &mut self.slots[name.index()];
            slot.free = slot.stream.is_none() || is_renamed;
            self.free += usize::from(slot.free);
        }
        self.free_left = self.free;
    }

    /// The labels of the stream.
    pub(super) fn stream(&self) -> &Labels {
        &self.stream
    }

    /// Whether the tables of names have outgrown their bounds. To be asked, and answered with
    /// [`forget`](Self::forget), only where no number of a name is held elsewhere.
    pub(super) fn is_overgrown(&self) -> bool {
        self.names.len() > MAX_NAMES || self.keys.len() > MAX_NAMES
    }

    /// Forgets all names but those of the query and the stream: numbers of other names lose their meaning.
    pub(super) fn forget(&mut self) {
        let stream = self.stream.clone();
        self.set_stream(&Labels::default());
        self.keys.clear();
        self.names.truncate(self.query_names);
        self.slots.truncate(self.query_names);
        self.set_stream(&stream);
    }

    /// Starts the next entry of the stream: only the labels of the stream are left.
    pub(super) fn begin(&mut self) {
        for name in self.touched.drain(..) {
            let slot = &mut self.slots[name.index()];
            *slot = Slot {
                stream: slot.stream,
                needed: slot.needed,
                free: slot.free,
                ..Slot::default()
            };
        }
        self.text.truncate(self.stream_text);
        self.error = None;
        self.details = None;
        self.preserve_error = false;
        self.needed_left = self.needed.len();
        self.free_left = self.free;
    }

    /// The number of this name.
    pub(super) fn intern(&mut self, name: &str) -> NameId {
        let name = self.names.intern(name);
        self.fit(name)
    }

    /// The number of this name, if anything has ever had it.
    pub(super) fn find(&self, name: &str) -> Option<NameId> {
        self.names.find(name).filter(|name| name.index() < self.slots.len())
    }

    /// The text of a name.
    pub(super) fn name(&self, name: NameId) -> &str {
        self.names.text(name)
    }

    /// The label name of a key inside the object `prefix`; `None` where nothing is left of it.
    pub(super) fn key(&mut self, prefix: Option<NameId>, key: &[u8]) -> Option<NameId> {
        let name = self.keys.name(&mut self.names, prefix, key)?;
        Some(self.fit(name))
    }

    /// The key that mostly comes next inside the object `prefix`, if it is what `text` begins with, and `end` follows:
    /// its length, and its label name.
    #[inline]
    pub(super) fn guess_key<const END: usize>(
        &mut self,
        prefix: Option<NameId>,
        text: &[u8],
        end: &[u8; END],
    ) -> Option<(usize, Option<NameId>)> {
        self.keys.guess(prefix, text, end)
    }

    fn fit(&mut self, name: NameId) -> NameId {
        if name.index() >= self.slots.len() {
            self.slots.resize(name.index() + 1, Slot::default());
        }
        name
    }

    /// Sets a pair of structured metadata; a name that the stream has is renamed.
    pub(super) fn set_metadata(&mut self, name: MetadataName, value: &str) {
        let piece = self.push(value);
        match name {
            MetadataName::Error => self.error = Some(piece),
            MetadataName::ErrorDetails => self.details = Some(piece),
            MetadataName::Label(name) => self.touch(name).overlay = Some((piece, Category::Metadata)),
        }
    }

    /// Where the metadata called `name` goes, for all entries of the stream.
    pub(super) fn metadata_name(&mut self, name: &str) -> MetadataName {
        match name {
            ERROR => MetadataName::Error,
            ERROR_DETAILS => MetadataName::ErrorDetails,
            _ => {
                let name = self.intern(name);
                if self.slots[name.index()].stream.is_none() {
                    return MetadataName::Label(name);
                }
                MetadataName::Label(self.extracted_name(name))
            }
        }
    }

    /// The value of a label; `None` where the entry has no such label. Errors are no labels here.
    pub(super) fn value(&self, name: NameId) -> Option<&str> {
        let slot = &self.slots[name.index()];
        if let Some((piece, _)) = slot.overlay {
            return Some(self.piece(piece));
        }
        if slot.deleted {
            return None;
        }
        slot.stream
            .map(|piece| self.piece(piece))
            .filter(|value| !value.is_empty())
    }

    /// The value of a label as grouping sees it: a name that was once deleted stays unseen.
    pub(super) fn undeleted_value(&self, name: NameId) -> Option<&str> {
        self.value(name).filter(|_| !self.slots[name.index()].deleted)
    }

    /// Whether the stream (whatever was deleted since) or the metadata has a label of this name.
    pub(super) fn is_taken(&self, name: NameId) -> bool {
        let slot = &self.slots[name.index()];
        slot.stream.is_some() || matches!(slot.overlay, Some((_, Category::Metadata)))
    }

    /// Whether the label has the value that the stream gives it, whatever metadata an entry has.
    pub(super) fn is_fixed(&self, name: NameId) -> bool {
        let is_set = |name: NameId| self.slots[name.index()].stream.is_some();
        // Metadata called `x` goes to `x_extracted` where the stream has an `x`.
        let stem = self.names.text(name).strip_suffix(EXTRACTED);
        is_set(name) && !stem.is_some_and(|stem| self.find(stem).is_some_and(is_set))
    }

    /// The name under which an extraction stores `name`.
    pub(super) fn free_name(&mut self, name: NameId) -> NameId {
        if self.is_taken(name) {
            self.extracted_name(name)
        } else {
            name
        }
    }

    /// `name` with `_extracted` behind it.
    pub(super) fn extracted_name(&mut self, name: NameId) -> NameId {
        let extracted = self.names.extracted(name);
        self.fit(extracted)
    }

    /// Whether a stage has set this name for the entry.
    pub(super) fn is_extracted(&self, name: NameId) -> bool {
        self.slots[name.index()].extracted
    }

    /// Whether parsing further can bring nothing: there are needed names, and all of them are extracted.
    pub(super) fn is_complete(&self) -> bool {
        !self.needed.is_empty() && self.needed_left == 0
    }

    /// Whether parsing further can set no label that is needed: all are extracted, or taken by the stream. It may still
    /// find that the line is broken.
    pub(super) fn is_exhausted(&self) -> bool {
        !self.needed.is_empty() && self.free_left == 0
    }

    /// Sets a parsed label.
    pub(super) fn set_parsed(&mut self, name: NameId, value: &str) {
        let piece = self.push(value);
        self.set_piece(name, piece);
    }

    /// Sets a parsed label to bytes of a line; each byte that is not UTF-8 reads as U+FFFD.
    pub(super) fn set_bytes(&mut self, name: NameId, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(value) => self.set_parsed(name, value),
            Err(_) => self.set_replaced(name, value, char::REPLACEMENT_CHARACTER),
        }
    }

    /// Sets a parsed label to bytes of a line; each U+FFFD and each byte that is not UTF-8 becomes a blank.
    pub(super) fn set_clean(&mut self, name: NameId, value: &[u8]) {
        match std::str::from_utf8(value) {
            // U+FFFD is EF BF BD.
            Ok(value) if value.is_ascii() || memchr::memchr(0xef, value.as_bytes()).is_none() => {
                self.set_parsed(name, value);
            }
            _ => self.set_replaced(name, value, ' '),
        }
    }

    #[cold]
    fn set_replaced(&mut self, name: NameId, value: &[u8], replacement: char) {
        let start = self.text.len();
        // A byte can become a character of three.
        let value = if self.has_room(value.len().saturating_mul(3)) {
            value
        } else {
            &[]
        };
        for chunk in value.utf8_chunks() {
            self.text.extend(chunk.valid().chars().map(|c| match c {
                char::REPLACEMENT_CHARACTER => replacement,
                c => c,
            }));
            self.text.extend(chunk.invalid().iter().map(|_| replacement));
        }
        let end = self.text.len();
        self.set_piece(name, Piece { start, end });
    }

    fn set_piece(&mut self, name: NameId, piece: Piece) {
        let slot = self.touch(name);
        slot.overlay = Some((piece, Category::Parsed));
        if !slot.extracted {
            slot.extracted = true;
            let (needed, free) = (slot.needed, slot.free);
            self.needed_left -= usize::from(needed);
            self.free_left -= usize::from(free);
        }
    }

    /// Renames a label: nothing happens where it is missing.
    pub(super) fn rename(&mut self, from: NameId, to: NameId) {
        let slot = &self.slots[from.index()];
        let piece = match (slot.overlay, slot.deleted, slot.stream) {
            (Some((piece, _)), ..) => piece,
            (None, false, Some(piece)) if piece.start < piece.end => piece,
            _ => return,
        };
        self.set_piece(to, piece);
        self.delete(from);
    }

    /// Deletes a label.
    pub(super) fn delete(&mut self, name: NameId) {
        let slot = self.touch(name);
        slot.overlay = None;
        slot.deleted = true;
    }

    /// Whether metadata or a stage has set or deleted the label.
    pub(super) fn is_touched(&self, name: NameId) -> bool {
        self.slots[name.index()].touched
    }

    fn touch(&mut self, name: NameId) -> &mut Slot {
        let slot = &mut self.slots[name.index()];
        if !slot.touched {
            slot.touched = true;
            self.touched.push(name);
        }
        slot
    }

    /// The names of labels that the entry has now.
    pub(super) fn present(&self) -> impl Iterator<Item = NameId> {
        let of_stream = self.stream_names.iter().copied().filter(|name| {
            let slot = &self.slots[name.index()];
            slot.overlay.is_none() && !slot.deleted
        });
        of_stream.chain(self.overlaid())
    }

    fn overlaid(&self) -> impl Iterator<Item = NameId> {
        self.touched
            .iter()
            .copied()
            .filter(|name| self.slots[name.index()].overlay.is_some())
    }

    /// Records an error; without details those of an earlier error stay.
    pub(super) fn set_error(&mut self, error: &str, details: Option<&str>) {
        self.error = Some(self.push(error));
        if let Some(details) = details {
            self.details = Some(self.push(details));
        }
    }

    /// The value of `__error__`; empty where there is none.
    pub(super) fn error(&self) -> &str {
        self.error.map_or("", |piece| self.piece(piece))
    }

    /// The value of `__error_details__`; empty where there are none.
    pub(super) fn error_details(&self) -> &str {
        self.details.map_or("", |piece| self.piece(piece))
    }

    /// Whether there is an error.
    pub(super) fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// Whether there are details of an error.
    pub(super) fn has_error_details(&self) -> bool {
        self.details.is_some()
    }

    /// Takes the error away, its details not.
    pub(super) fn clear_error(&mut self) {
        self.error = None;
    }

    /// Takes the details of the error away.
    pub(super) fn clear_error_details(&mut self) {
        self.details = None;
    }

    /// Marks the error as one that the query asked for.
    pub(super) fn preserve_error(&mut self) {
        self.preserve_error = true;
    }

    /// Whether the entry has an error that the query did not ask for.
    pub(super) fn has_unwanted_error(&self) -> bool {
        self.error.is_some() && !self.preserve_error
    }

    /// Whether the entry has exactly the labels of its stream.
    pub(super) fn is_untouched(&self) -> bool {
        self.error.is_none()
            && !self.touched.iter().any(|name| {
                let slot = &self.slots[name.index()];
                slot.overlay.is_some() || slot.deleted
            })
    }

    /// All labels of the entry, errors included, sorted by name.
    pub(super) fn output<'a>(&'a self, out: &mut Vec<(&'a str, &'a str, Category)>) {
        out.clear();
        if self.is_untouched() {
            out.extend(self.stream.iter().map(|(n, v)| (n, v, Category::Stream)));
            return;
        }
        for (&name, (text, value)) in self.stream_names.iter().zip(self.stream.iter()) {
            let slot = &self.slots[name.index()];
            if slot.overlay.is_none() && !slot.deleted {
                out.push((text, value, Category::Stream));
            }
        }
        for &name in &self.touched {
            if let Some((piece, category)) = self.slots[name.index()].overlay {
                // An error that is set hides a label that a line called `__error__`.
                let text = self.names.text(name);
                let hidden =
                    (text == ERROR && self.error.is_some()) || (text == ERROR_DETAILS && self.details.is_some());
                if !hidden {
                    out.push((text, self.piece(piece), category));
                }
            }
        }
        if let Some(error) = self.error {
            out.push((ERROR, self.piece(error), Category::Parsed));
        }
        if let Some(details) = self.details {
            out.push((ERROR_DETAILS, self.piece(details), Category::Parsed));
        }
        if self.preserve_error && self.error.is_some() {
            out.push((PRESERVE_ERROR, "true", Category::Parsed));
        }
        out.sort_unstable_by(|a, b| a.0.cmp(b.0));
    }

    /// Writes what, together with the stream, determines all of [`output`](Self::output) but the labels `without`.
    pub(super) fn write_signature(&self, out: &mut Vec<u8>, without: &[NameId]) {
        out.clear();
        for &name in self.touched.iter().filter(|name| !without.contains(name)) {
            let slot = &self.slots[name.index()];
            let kind = match slot.overlay {
                Some((_, Category::Metadata)) => 1,
                Some(_) => 2,
                None if slot.deleted => 3,
                None => continue,
            };
            out.extend_from_slice(&name.number().to_le_bytes());
            out.push(kind);
            if let Some((piece, _)) = slot.overlay {
                write_piece(out, self.piece(piece));
            }
        }
        for (kind, piece) in [(4, self.error), (5, self.details)] {
            if let Some(piece) = piece {
                out.push(kind);
                write_piece(out, self.piece(piece));
            }
        }
        out.push(u8::from(self.preserve_error));
    }

    /// Whether an entry had more text than it may have: what came after that is missing.
    pub(super) fn is_overfull(&self) -> bool {
        self.is_overfull
    }

    /// Whether `bytes` more of text may be added.
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        let has_room = self.text.len().saturating_add(bytes) <= MAX_TEXT_BYTES;
        self.is_overfull |= !has_room;
        has_room
    }

    fn push(&mut self, value: &str) -> Piece {
        let start = self.text.len();
        if self.has_room(value.len()) {
            self.text.push_str(value);
        }
        let end = self.text.len();
        Piece { start, end }
    }

    fn piece(&self, piece: Piece) -> &str {
        &self.text[piece.start..piece.end]
    }
}

/// Writes a text so that where it ends can be told.
pub(super) fn write_piece(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// What a pair of structured metadata is to the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetadataName {
    /// A label of this name, which the stream does not have.
    Label(NameId),
    /// The error.
    Error,
    /// The details of the error.
    ErrorDetails,
}
