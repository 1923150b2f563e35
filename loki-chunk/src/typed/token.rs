//! Finding the variables of a line: numbers, hexadecimal ids, UUIDs, words mixed of letters and digits.

use super::digits::{UUID_BYTES, UUID_HYPHENS};

/// What a variable looks like. Variables of one column are of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Decimal digits alone.
    Digits,
    /// So many hexadecimal digits, letters in lower case.
    HexLower(u32),
    /// So many hexadecimal digits, letters in upper case.
    HexUpper(u32),
    /// A UUID in lower case, with its four hyphens.
    Uuid,
    /// Letters and digits in no order that numbers would have.
    Text,
}

/// A variable in the lines of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) class: Class,
    /// A hash of what stands before it: variables that mean the same have the same.
    pub(super) context: u64,
}

const DIGIT: u8 = 1;
const HEX_LOWER: u8 = 2;
const HEX_UPPER: u8 = 4;
const OTHER_LETTER: u8 = 8;
const LETTER: u8 = HEX_LOWER | HEX_UPPER | OTHER_LETTER;

/// The kind of each byte; 0 is what separates words.
static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => HEX_LOWER,
            b'A'..=b'F' => HEX_UPPER,
            b'g'..=b'z' | b'G'..=b'Z' => OTHER_LETTER,
            _ => 0,
        };
        byte += 1;
    }
    kinds
}

fn kind(byte: u8) -> u8 {
    KINDS[usize::from(byte)]
}

/// A run with letters is taken for a hexadecimal id from this length on: shorter ones are words as often.
const LEAST_HEX: usize = 6;
/// A run of letters and digits that changes between them more often is one text, not numbers in a word.
const MOST_NUMBERS_IN_WORD: usize = 2;
/// Most bytes before a variable that its context looks at.
const CONTEXT_BYTES: usize = 16;

/// Calls `each` with the variables of `lines[start..end]`, a line, in order. They do not overlap and are not empty.
pub(super) fn tokens(lines: &[u8], start: usize, end: usize, mut each: impl FnMut(Token)) {
    let mut context = Context {
        lines,
        behind: start,
        hash: SEED,
    };
    let mut at = start;
    while at < end {
        if kind(lines[at]) == 0 {
            at += 1;
            continue;
        }
        let run = at;
        let mut kinds = 0;
        while at < end && kind(lines[at]) != 0 {
            kinds |= kind(lines[at]);
            at += 1;
        }
        if kinds & DIGIT == 0 {
            if kinds == HEX_LOWER && at - run == 8 && is_uuid(&lines[run..end]) {
                at = run + UUID_BYTES;
                each(context.token(run, at, Class::Uuid));
            }
            continue;
        }
        let length = at - run;
        if length == 8 && is_uuid(&lines[run..end]) {
            at = run + UUID_BYTES;
            each(context.token(run, at, Class::Uuid));
            continue;
        }
        match kinds & !DIGIT {
            0 => each(context.token(run, at, Class::Digits)),
            _ if is_amount(&lines[run..at]) => mixed(&mut context, run, at, &mut each),
            HEX_LOWER if length >= LEAST_HEX => each(context.token(run, at, Class::HexLower(length as u32))),
            HEX_UPPER if length >= LEAST_HEX => each(context.token(run, at, Class::HexUpper(length as u32))),
            _ => mixed(&mut context, run, at, &mut each),
        }
    }
}

/// The variables of a run of letters and digits that is no number as a whole.
fn mixed(context: &mut Context<'_>, run: usize, end: usize, each: &mut impl FnMut(Token)) {
    let lines = context.lines;
    if lines[run..end].starts_with(b"0x") && end - run > 2 {
        let kinds = lines[run + 2..end].iter().fold(0, |kinds, &byte| kinds | kind(byte));
        let length = (end - run - 2) as u32;
        match kinds & !DIGIT {
            0 | HEX_LOWER => return each(context.token(run + 2, end, Class::HexLower(length))),
            HEX_UPPER => return each(context.token(run + 2, end, Class::HexUpper(length))),
            _ => {}
        }
    }
    let is_digit = |at: usize| kind(lines[at]) == DIGIT;
    let starts = |at: &usize| is_digit(*at) && (*at == run || !is_digit(*at - 1));
    if (run..end).filter(starts).count() > MOST_NUMBERS_IN_WORD {
        return each(context.token(run, end, Class::Text));
    }
    let mut at = run;
    while at < end {
        if !is_digit(at) {
            at += 1;
            continue;
        }
        let start = at;
        while at < end && is_digit(at) {
            at += 1;
        }
        each(context.token(start, at, Class::Digits));
    }
}

/// Whether it is a number with a letter for its unit, such as `512B`.
fn is_amount(run: &[u8]) -> bool {
    run[..run.len() - 1].iter().all(|&byte| kind(byte) == DIGIT)
}

fn is_uuid(bytes: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..UUID_BYTES) else {
        return false;
    };
    if !UUID_HYPHENS.iter().all(|&at| bytes[at] == b'-') {
        return false;
    }
    let hex = bytes
        .iter()
        .filter(|&&byte| kind(byte) & (DIGIT | HEX_LOWER) != 0)
        .count();
    hex == UUID_BYTES - UUID_HYPHENS.len()
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const MULTIPLIER: u64 = 0xd6e8_feb8_6659_fd93;

fn mix(hash: u64, value: u64) -> u64 {
    let hash = (hash ^ value).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 32)
}

/// What stands before a variable: the word and the signs behind it, or, where there is no word between it and the variable
/// before, that variable's context and the signs between the two. So hours, minutes and seconds are told apart.
struct Context<'a> {
    lines: &'a [u8],
    /// Where the variable before ends, or the line starts.
    behind: usize,
    hash: u64,
}

impl Context<'_> {
    fn token(&mut self, start: usize, end: usize, class: Class) -> Token {
        let gap = &self.lines[self.behind..start];
        let is_sign = |byte: &u8| kind(*byte) & LETTER == 0;
        let signs = gap
            .iter()
            .rev()
            .take(CONTEXT_BYTES)
            .take_while(|byte| is_sign(byte))
            .count();
        let word = gap[..gap.len() - signs]
            .iter()
            .rev()
            .take(CONTEXT_BYTES - signs)
            .take_while(|byte| !is_sign(byte) || **byte == b'_')
            .count();
        let mut hash = if word == 0 { self.hash } else { SEED };
        for &byte in &gap[gap.len() - signs - word..] {
            hash = mix(hash, u64::from(byte));
        }
        self.hash = mix(hash, 0x100);
        self.behind = end;
        Token {
            start: start as u32,
            end: end as u32,
            class,
            context: self.hash,
        }
    }
}
