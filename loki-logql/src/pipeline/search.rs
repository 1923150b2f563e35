//! Line filters over the lines of a whole batch at once.
//!
//! The lines of a batch stand one behind the other, so that one search finds the hits of all of them. A hit is mapped
//! to its entry through the offsets; the search goes on behind that entry. A hit may straddle two entries and is none
//! then.

use super::line_filter::{LineFilter, LineTest, best_clause};
use crate::regex::Test;
use crate::source::{Columns, LineClause, Literal};
use memchr::memmem;
use regex_automata::{Input, meta};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir};
use std::ops::Range;

/// A line filter that knows how to search many lines.
#[derive(Debug)]
pub(super) struct Search {
    filter: LineFilter,
    scan: Option<Scan>,
    /// Whether a hit of the scan is a match; else it is a place to look at.
    is_exact: bool,
}

/// Finds every line that can match.
#[derive(Debug)]
enum Scan {
    One(Box<memmem::Finder<'static>>),
    Any { needles: meta::Regex, ascii_only: bool },
}

/// Below this share of the lines of a batch, looking at each is cheaper than searching all of it.
const SPARSE: usize = 8;

impl Search {
    /// Prepares a filter to be searched for.
    pub(super) fn new(filter: LineFilter) -> Search {
        let (scan, is_exact) = match &filter.test {
            LineTest::Contains(finder) => (Some(Scan::One(finder.clone())), true),
            LineTest::Any(tests) => match contained(tests) {
                Some(needles) => (Scan::any(&needles, false, false), true),
                None => (Scan::clause(filter.test.literals()), false),
            },
            LineTest::Regex(Test::Contains {
                text,
                ignore_case: true,
            }) if text.is_ascii() => {
                // Of ASCII, only `i` and `k` are the lower case of anything else.
                let ascii_only = text.iter().any(|b| matches!(b.to_ascii_lowercase(), b'i' | b'k'));
                (Scan::any(&[text], true, ascii_only), true)
            }
            test => (Scan::clause(test.literals()), false),
        };
        Search { filter, scan, is_exact }
    }

    /// What is known of a kept line.
    pub(super) fn literals(&self, out: &mut Vec<Vec<Literal>>) {
        self.filter.literals(out);
    }

    /// What is known of a kept line, as clauses that all hold; and whether no other line passes them.
    pub(super) fn clauses(&self, out: &mut Vec<LineClause>) -> bool {
        self.filter.clauses(out)
    }

    /// How much the search costs, to do the cheap ones first: they leave less to the others.
    pub(super) fn cost(&self) -> u8 {
        match (&self.scan, self.is_exact, self.filter.negated) {
            (Some(Scan::One(_)), true, false) => 0,
            (Some(_), true, false) => 1,
            (Some(_), false, false) => 2,
            (Some(_), _, true) => 3,
            (None, ..) => 4,
        }
    }

    /// The entries of `range` that the filter keeps, ascending.
    pub(super) fn select(&self, columns: &Columns<'_>, range: Range<usize>, selected: &mut Vec<u32>) {
        if !self.filter.negated {
            self.matches(columns, range, |i| selected.push(number(i)));
            return;
        }
        let mut next = range.start;
        self.matches(columns, range.clone(), |i| {
            selected.extend((next..i).map(number));
            next = i + 1;
        });
        selected.extend((next..range.end).map(number));
    }

    /// Of the entries in `selected` those that the filter keeps.
    pub(super) fn narrow(&self, columns: &Columns<'_>, selected: &mut Vec<u32>, scratch: &mut Vec<u32>) {
        let (Some(&first), Some(&last)) = (selected.first(), selected.last()) else {
            return;
        };
        let range = first as usize..last as usize + 1;
        let sees_all = matches!(&self.scan, Some(scan) if scan.is_sound_for(columns, &range));
        if !sees_all || selected.len() * SPARSE < range.len() {
            selected.retain(|&i| self.filter.keeps(columns.line(i as usize)));
            return;
        }
        scratch.clear();
        self.select(columns, range, scratch);
        let mut kept = scratch.iter().copied().peekable();
        selected.retain(|&i| {
            while kept.next_if(|&k| k < i).is_some() {}
            kept.next_if_eq(&i).is_some()
        });
    }

    /// Calls `matched` for each entry of `range` that passes the test, ascending.
    fn matches(&self, columns: &Columns<'_>, range: Range<usize>, mut matched: impl FnMut(usize)) {
        match &self.scan {
            Some(scan) if scan.is_sound_for(columns, &range) => scan.entries(columns, range, |i| {
                if self.is_exact || self.filter.test.is_match(columns.line(i)) {
                    matched(i);
                }
            }),
            _ => range
                .filter(|&i| self.filter.test.is_match(columns.line(i)))
                .for_each(matched),
        }
    }
}

/// The needles, if all tests are plain substrings.
fn contained(tests: &[LineTest]) -> Option<Vec<&[u8]>> {
    tests
        .iter()
        .map(|test| match test {
            LineTest::Contains(finder) => Some(finder.needle()),
            _ => None,
        })
        .collect()
}

impl Scan {
    fn any<B: AsRef<[u8]>>(needles: &[B], ignore_case: bool, ascii_only: bool) -> Option<Scan> {
        let mut needles: Vec<&[u8]> = needles.iter().map(AsRef::as_ref).collect();
        // Of needles found at one place the first is reported: the shortest, as a longer one may straddle entries.
        needles.sort_by_key(|needle| needle.len());
        let alternatives = needles.iter().map(|needle| literal(needle, ignore_case)).collect();
        // On few needles this beats Aho-Corasick several times over: it factors what they share and looks for that.
        let needles = meta::Regex::builder()
            .configure(meta::Config::new().utf8_empty(false))
            .build_from_hir(&Hir::alternation(alternatives))
            .ok()?;
        Some(Scan::Any { needles, ascii_only })
    }

    /// A scan for one clause of what a matching line is known to hold.
    fn clause(literals: Vec<Vec<Literal>>) -> Option<Scan> {
        let clause = best_clause(literals)?;
        match clause.as_slice() {
            [literal] if !literal.ignore_case => {
                Some(Scan::One(Box::new(memmem::Finder::new(&literal.bytes).into_owned())))
            }
            literals => {
                let ignore_case = literals.iter().any(|literal| literal.ignore_case);
                let needles: Vec<&[u8]> = literals.iter().map(|literal| &literal.bytes[..]).collect();
                Scan::any(&needles, ignore_case, false)
            }
        }
    }

    /// Whether no matching line escapes the scan.
    fn is_sound_for(&self, columns: &Columns<'_>, range: &Range<usize>) -> bool {
        match self {
            Scan::One(_) | Scan::Any { ascii_only: false, .. } => true,
            Scan::Any { ascii_only: true, .. } => lines(columns, range).is_ascii(),
        }
    }

    /// Calls `hit` for each entry of `range` that holds a needle, ascending.
    fn entries(&self, columns: &Columns<'_>, range: Range<usize>, hit: impl FnMut(usize)) {
        match self {
            Scan::One(finder) => {
                let length = finder.needle().len();
                each_hit(columns, range, |text| finder.find(text).map(|at| at..at + length), hit);
            }
            Scan::Any { needles, .. } => {
                let find = |text: &[u8]| needles.search(&Input::new(text)).map(|found| found.range());
                each_hit(columns, range, find, hit);
            }
        }
    }
}

/// An expression that matches the needle, and nothing else.
fn literal(needle: &[u8], ignore_case: bool) -> Hir {
    if !ignore_case {
        return Hir::literal(needle);
    }
    let either_case = |&byte: &u8| {
        let cases = [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
        Hir::class(Class::Bytes(ClassBytes::new(
            cases.map(|case| ClassBytesRange::new(case, case)),
        )))
    };
    Hir::concat(needle.iter().map(either_case).collect())
}

/// The bytes of the lines of `range`.
fn lines<'a>(columns: &Columns<'a>, range: &Range<usize>) -> &'a [u8] {
    if range.is_empty() {
        return &[];
    }
    &columns.lines[columns.offsets[range.start] as usize..columns.offsets[range.end] as usize]
}

fn each_hit(
    columns: &Columns<'_>,
    range: Range<usize>,
    find: impl Fn(&[u8]) -> Option<Range<usize>>,
    mut hit: impl FnMut(usize),
) {
    if range.is_empty() {
        return;
    }
    let end = columns.offsets[range.end] as usize;
    let mut entry = range.start;
    let mut at = columns.offsets[entry] as usize;
    while let Some(found) = find(&columns.lines[at..end]) {
        let (from, to) = (at + found.start, at + found.end);
        entry = entry_at(columns.offsets, entry, from);
        let entry_end = columns.offsets[entry + 1] as usize;
        if to <= entry_end {
            hit(entry);
            at = entry_end;
        } else {
            // Straddles two entries; a shorter needle may still be found in the first.
            at = from + 1;
        }
    }
}

/// The entry, at or behind `entry`, that holds the byte at `position`. Gallops: the next hit is mostly near.
fn entry_at(offsets: &[u32], entry: usize, position: usize) -> usize {
    let is_before = |&offset: &u32| offset as usize <= position;
    let mut step = 1;
    let mut low = entry;
    while low + step < offsets.len() && is_before(&offsets[low + step]) {
        low += step;
        step *= 2;
    }
    let high = (low + step).min(offsets.len());
    low + offsets[low..high].partition_point(is_before) - 1
}

fn number(i: usize) -> u32 {
    u32::try_from(i).expect("a batch counts its entries in 32 bits")
}

#[cfg(test)]
mod tests;
