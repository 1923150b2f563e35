//! Finding lines without making them.

use std::ops::Range;

use super::automaton::{Automaton, START, Shape};
use super::blobs::{BlobReader, Place};
use super::column::{Arenas, Column, Outline};
use super::decode::{Decoder, most_bytes};
use super::digits::SLACK;
use super::plan::Plan;
use super::value;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::line_search::Clause;
use crate::needles::{Needles, Open};

/// Buffers of a search, to be used again.
#[derive(Debug, Default)]
pub(super) struct SearchBuffers {
    passed: Vec<Passed>,
    plan: Plan,
    word_bytes: Vec<u8>,
    /// A value as text.
    value: Vec<u8>,
    hits: Vec<u32>,
}

impl SearchBuffers {
    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.passed.capacity() * size_of::<Passed>()
            + self.plan.memory_bytes()
            + self.word_bytes.capacity()
            + self.value.capacity()
            + self.hits.capacity() * size_of::<u32>()
    }
}

impl Decoder {
    /// Puts into `found`, ascending, the numbers of the lines that pass all `clauses`, in place of what was there. Answers `false`
    /// where that would cost more than to make the lines and look.
    ///
    /// Literals are searched once, however many lines they stand in. Of choices and variables those are read that decide
    /// something; where the literals alone decide, that is none of the variables.
    ///
    /// # Errors
    ///
    /// Bytes that make no sense, as far as they are read.
    pub(crate) fn search(
        &mut self,
        stored: &[u8],
        encoding: Encoding,
        shape: Shape,
        clauses: &[Clause],
        found: &mut Vec<u32>,
    ) -> Result<bool> {
        let Self {
            buffers,
            arenas,
            columns,
            automaton,
            search,
        } = self;
        let SearchBuffers {
            passed,
            plan,
            word_bytes,
            value,
            hits,
        } = search;
        let mut blobs = BlobReader::open(stored, encoding, most_bytes(shape.most_pieces()), buffers)?;
        automaton.read(&mut blobs, shape)?;
        let choices = blobs.place();
        automaton.read_choices(&mut blobs, |_| false)?;
        pass_columns(&mut blobs, shape, arenas, word_bytes, passed)?;
        automaton.check_columns(passed.len())?;

        found.clear();
        if clauses.first().is_none_or(|clause| clause.is_negated) {
            found.extend(0..shape.entries as u32);
        }
        for (number, clause) in clauses.iter().enumerate() {
            plan.clear();
            for column in passed.iter() {
                plan.column(&column.outline, &word_bytes[column.words.clone()], &clause.needles);
            }
            plan.draw(automaton, &clause.needles);
            if plan.is_too_much(&clause.needles) {
                return Ok(false);
            }
            hits.clear();
            if plan.can_hit() {
                blobs.go_to(choices);
                automaton.read_choices(&mut blobs, |state| plan.roles()[state].is_live)?;
                read_columns(&mut blobs, passed, plan, arenas, columns)?;
                let longest = columns.iter().map(|column| value::most_bytes(column.kind)).max();
                value.resize(longest.unwrap_or(0) + SLACK, 0);
                let mut walk = Walk {
                    automaton,
                    columns,
                    arenas,
                    plan,
                    needles: &clause.needles,
                    value,
                    steps: shape.most_pieces(),
                    bytes: shape.line_bytes,
                };
                walk.lines(shape.entries, hits)?;
            }
            if number == 0 && !clause.is_negated {
                std::mem::swap(found, hits);
            } else {
                narrow(found, hits, clause.is_negated);
            }
            if found.is_empty() {
                break;
            }
        }
        Ok(true)
    }
}

/// A column that was passed over.
#[derive(Debug)]
struct Passed {
    place: Place,
    /// What was left for its values.
    budget: usize,
    outline: Outline,
    /// The bytes of its words.
    words: Range<usize>,
}

fn pass_columns(
    blobs: &mut BlobReader<'_>,
    shape: Shape,
    arenas: &mut Arenas,
    word_bytes: &mut Vec<u8>,
    passed: &mut Vec<Passed>,
) -> Result<()> {
    let count = blobs.table.count("typed columns", shape.most_pieces())?;
    passed.clear();
    let mut left = shape.line_bytes;
    arenas.clear();
    word_bytes.clear();
    for _ in 0..count {
        let (place, budget, start) = (blobs.place(), left, word_bytes.len());
        let outline = arenas.skip(blobs, &mut left, word_bytes)?;
        passed.push(Passed {
            place,
            budget,
            outline,
            words: start..word_bytes.len(),
        });
    }
    Ok(())
}

/// Reads the columns that `plan` wants; the others have no values then.
fn read_columns(
    blobs: &mut BlobReader<'_>,
    passed: &[Passed],
    plan: &Plan,
    arenas: &mut Arenas,
    columns: &mut Vec<Column>,
) -> Result<()> {
    arenas.clear();
    columns.clear();
    for (number, column) in passed.iter().enumerate() {
        columns.push(if plan.reads(number) {
            blobs.go_to(column.place);
            arenas.read(blobs, &mut column.budget.clone())?
        } else {
            Column::without_values(column.outline.kind)
        });
    }
    arenas.bytes.resize(arenas.bytes.len() + SLACK, 0);
    Ok(())
}

/// Goes through lines as far as it matters.
struct Walk<'a> {
    automaton: &'a mut Automaton,
    columns: &'a mut [Column],
    arenas: &'a Arenas,
    plan: &'a Plan,
    needles: &'a Needles,
    value: &'a mut [u8],
    /// How many literals may still come.
    steps: usize,
    /// How many bytes of values may still come: a word can stand for many.
    bytes: usize,
}

impl Walk<'_> {
    /// Adds the numbers of the next `count` lines that hold a needle to `hits`.
    fn lines(&mut self, count: usize, hits: &mut Vec<u32>) -> Result<()> {
        for number in 0..count as u32 {
            let is_hit = self
                .line()
                .ok_or_else(|| Error::malformed("lines", "literals and variables do not make up the lines", 0))?;
            if is_hit {
                hits.push(number);
            }
        }
        Ok(())
    }

    /// Whether the next line holds a needle; `None` where what it needs is not there.
    #[inline]
    fn line(&mut self) -> Option<bool> {
        let roles = self.plan.roles();
        let (mut number, mut open, mut is_hit) = (START, Open::default(), false);
        while roles[number as usize].is_live {
            self.steps = self.steps.checked_sub(1)?;
            number = self.automaton.step(number)?;
            let role = &roles[number as usize];
            let literal = self.automaton.states()[number as usize];
            is_hit |= role.is_hit;
            if open != 0 && !is_hit {
                let (ends, left) = self.needles.resume(open, self.automaton.text_of(&literal));
                is_hit |= ends;
                open = left;
            }
            let Some(column) = literal.column() else { break };
            if !role.counts_value {
                open = 0;
                continue;
            }
            let column = self.columns.get_mut(column)?;
            open |= role.open;
            if !role.reads_value || is_hit || open == 0 && !role.begins_in_value {
                self.bytes = self.bytes.checked_sub(value::skip(column, self.arenas)?)?;
                open = 0;
                continue;
            }
            let text = value::text(column, self.arenas, self.value)?;
            self.bytes = self.bytes.checked_sub(text.len())?;
            let (ends, left) = match role.begins_in_value {
                true => self.needles.run(open, text),
                false => self.needles.resume(open, text),
            };
            is_hit |= ends;
            open = left;
        }
        Some(is_hit)
    }
}

/// Keeps of `found` what is among `hits`, or what is not. Both ascend.
fn narrow(found: &mut Vec<u32>, hits: &[u32], is_negated: bool) {
    let mut hits = hits.iter().copied().peekable();
    found.retain(|&number| {
        while hits.next_if(|&hit| hit < number).is_some() {}
        (hits.peek() == Some(&number)) != is_negated
    });
}
