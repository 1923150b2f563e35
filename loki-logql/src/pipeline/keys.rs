//! From the keys of a line to label names, each distinct key sanitised once.

use super::names::{NameId, Names, push_sanitized};
use super::words::WORD_BYTES;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The keys met so far and the names they stand for.
#[derive(Debug, Default)]
pub(super) struct Keys {
    all: Vec<Key>,
    text: Vec<u8>,
    by_text: HashTable<u32>,
    hasher: FixedState,
    /// The key looked up last.
    last: usize,
    /// The key that followed it the last time.
    guess: usize,
    name: String,
}

#[derive(Debug)]
struct Key {
    prefix: Option<NameId>,
    start: usize,
    end: usize,
    name: Option<NameId>,
    /// The key that followed this one when it was met last: lines of one stream mostly have their keys in one order.
    next: usize,
    /// Its first eight bytes, as far as it has them.
    first: u64,
    /// The bytes of `first` that count.
    mask: u64,
    /// Its last eight bytes, if it has as many.
    last: u64,
    /// Whether it stands in a line as it is, whatever the line's format: see [`is_plain`].
    is_plain: bool,
}

/// Whether a key has nothing that a format would escape, or that would end it.
fn is_plain(key: &[u8]) -> bool {
    let is_plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'=' | b'\\');
    !key.is_empty() && key.iter().all(is_plain)
}

/// Up to eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    let first = &bytes[..bytes.len().min(WORD_BYTES)];
    first.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

impl Keys {
    /// Number of distinct keys.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.text.clear();
        self.by_text.clear();
        self.last = 0;
        self.guess = 0;
    }

    /// The name of `key` inside the object `prefix`; `None` where nothing is left of it.
    pub(super) fn name(&mut self, names: &mut Names, prefix: Option<NameId>, key: &[u8]) -> Option<NameId> {
        let found = match self.all.get(self.guess) {
            Some(next) if next.prefix == prefix && self.text[next.start..next.end] == *key => self.guess,
            _ => {
                let found = self.find_or_insert(names, prefix, key);
                if let Some(last) = self.all.get_mut(self.last) {
                    last.next = found;
                }
                found
            }
        };
        let key = &self.all[found];
        (self.last, self.guess) = (found, key.next);
        key.name
    }

    /// The key that mostly comes next inside the object `prefix`, if it is what `text` begins with, and `end` follows:
    /// how long it is, and its name. Saves looking for where a key ends.
    #[inline]
    pub(super) fn guess<const END: usize>(
        &mut self,
        prefix: Option<NameId>,
        text: &[u8],
        end: &[u8; END],
    ) -> Option<(usize, Option<NameId>)> {
        let key = self.all.get(self.guess)?;
        let length = key.end - key.start;
        let first = match text.first_chunk::<WORD_BYTES>() {
            Some(first) => u64::from_le_bytes(*first),
            None => word(text),
        };
        if first & key.mask != key.first || text.get(length..)?.first_chunk() != Some(end) {
            return None;
        }
        let is_it = match text[..length].last_chunk::<WORD_BYTES>() {
            _ if length <= WORD_BYTES => true,
            // Up to two words are the first eight bytes and the last, which may share some.
            Some(last) if length <= 2 * WORD_BYTES => u64::from_le_bytes(*last) == key.last,
            _ => text[..length] == self.text[key.start..key.end],
        };
        if !is_it || !key.is_plain || key.prefix != prefix {
            return None;
        }
        (self.last, self.guess) = (self.guess, key.next);
        Some((length, key.name))
    }

    fn find_or_insert(&mut self, names: &mut Names, prefix: Option<NameId>, key: &[u8]) -> usize {
        let hash = self.hasher.hash_one((prefix, key));
        let Keys { all, text, by_text, .. } = self;
        let known = by_text.find(hash, |&id| {
            let known = &all[id as usize];
            known.prefix == prefix && text[known.start..known.end] == *key
        });
        if let Some(&id) = known {
            return id as usize;
        }
        self.name.clear();
        if let Some(prefix) = prefix {
            self.name.push_str(names.text(prefix));
        }
        push_sanitized(&mut self.name, key);
        let start = text.len();
        text.extend_from_slice(key);
        let id = all.len();
        all.push(Key {
            prefix,
            start,
            end: text.len(),
            name: (!self.name.is_empty()).then(|| names.intern(&self.name)),
            next: 0,
            first: word(key),
            mask: u64::MAX
                .checked_shr(u64::BITS - 8 * key.len().min(WORD_BYTES) as u32)
                .unwrap_or(0),
            last: word(&key[key.len().saturating_sub(WORD_BYTES)..]),
            is_plain: is_plain(key),
        });
        let number = u32::try_from(id).expect("the table is emptied long before it holds 2^32 keys");
        let Keys {
            all,
            text,
            by_text,
            hasher,
            ..
        } = self;
        by_text.insert_unique(hash, number, |&id| {
            let known = &all[id as usize];
            hasher.hash_one((known.prefix, &text[known.start..known.end]))
        });
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_guessed_is_there(
            all in prop::collection::vec("[ab\"= ]{1,10}|a{5,20}b?", 1..12), text in "[ab\"= ]{0,14}|a{5,20}b?=",
        ) {
            let (mut keys, mut names) = (Keys::default(), Names::default());
            for key in &all {
                keys.name(&mut names, None, key.as_bytes());
            }
            if let Some((length, name)) = keys.guess(None, text.as_bytes(), b"=") {
                let key = &text.as_bytes()[..length];
                prop_assert!(is_plain(key) && text.as_bytes()[length] == b'=');
                prop_assert_eq!(keys.name(&mut names, None, key), name);
            }
        }

        #[test]
        fn remembering_keys_changes_no_name(all in prop::collection::vec("[ab1 .]{0,3}", 0..20)) {
            let (mut keys, mut names) = (Keys::default(), Names::default());
            let outer = names.intern("outer");
            for key in all.iter().chain(&all) {
                for prefix in [None, Some(outer)] {
                    let mut expected = prefix.map_or(String::new(), |name| names.text(name).to_string());
                    push_sanitized(&mut expected, key.as_bytes());
                    let name = keys.name(&mut names, prefix, key.as_bytes());
                    prop_assert_eq!(name.map_or("", |name| names.text(name)), expected);
                }
            }
        }
    }
}
