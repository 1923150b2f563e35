//! Case, trimming, cutting, padding, replacing.

use super::{Call, Function};
use crate::template::lex::decode;
use crate::template::print::{MAX_BYTES, sprint, sprintln, too_large};
use crate::template::printf::{rune_count, sprintf};
use crate::template::value::Type::{Any, Int, Str};
use crate::template::value::Value;
use std::borrow::Cow;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("__line__", &[], |call| Ok(Value::Str(Cow::Borrowed(call.data.line())))),
    Function::new("lower", &[Str], to_lower),
    Function::new("ToLower", &[Str], to_lower),
    Function::new("upper", &[Str], to_upper),
    Function::new("ToUpper", &[Str], to_upper),
    Function::new("title", &[Str], title),
    Function::new("trim", &[Str], |call| cut(call, 0, trim_space)),
    Function::new("TrimSpace", &[Str], |call| cut(call, 0, trim_space)),
    Function::new("Trim", &[Str, Str], |call| {
        cut_set(call, 0, 1, |text, set| trim_left(trim_right(text, set), set))
    }),
    Function::new("trimAll", &[Str, Str], |call| {
        cut_set(call, 1, 0, |text, set| trim_left(trim_right(text, set), set))
    }),
    Function::new("TrimLeft", &[Str, Str], |call| cut_set(call, 0, 1, trim_left)),
    Function::new("TrimRight", &[Str, Str], |call| cut_set(call, 0, 1, trim_right)),
    Function::new("TrimPrefix", &[Str, Str], |call| cut_set(call, 0, 1, trim_prefix)),
    Function::new("TrimSuffix", &[Str, Str], |call| cut_set(call, 0, 1, trim_suffix)),
    Function::new("trimPrefix", &[Str, Str], |call| cut_set(call, 1, 0, trim_prefix)),
    Function::new("trimSuffix", &[Str, Str], |call| cut_set(call, 1, 0, trim_suffix)),
    Function::new("replace", &[Str, Str, Str], |call| {
        let text = call.take_bytes(2);
        replace(text, call.bytes(0), call.bytes(1), -1)
    }),
    Function::new("Replace", &[Str, Str, Str, Int], |call| {
        let text = call.take_bytes(0);
        replace(text, call.bytes(1), call.bytes(2), call.int(3))
    }),
    Function::new("trunc", &[Int, Str], trunc),
    Function::new("substr", &[Int, Int, Str], substr),
    Function::new("repeat", &[Int, Str], |call| {
        repeat(call.bytes(1), call.int(0)).map(Value::bytes)
    }),
    Function::new("indent", &[Int, Str], |call| indent(call, b"")),
    Function::new("nindent", &[Int, Str], |call| indent(call, b"\n")),
    Function::new("alignLeft", &[Int, Str], |call| align(call, false)),
    Function::new("alignRight", &[Int, Str], |call| align(call, true)),
    Function::new("contains", &[Str, Str], |call| {
        Ok(Value::Bool(
            memchr::memmem::find(call.bytes(1), call.bytes(0)).is_some(),
        ))
    }),
    Function::new("hasPrefix", &[Str, Str], |call| {
        Ok(Value::Bool(call.bytes(1).starts_with(call.bytes(0))))
    }),
    Function::new("hasSuffix", &[Str, Str], |call| {
        Ok(Value::Bool(call.bytes(1).ends_with(call.bytes(0))))
    }),
    Function::new("print", &[], |call| Ok(Value::bytes(sprint(call.args)))).rest(Any),
    Function::new("println", &[], |call| Ok(Value::bytes(sprintln(call.args)))).rest(Any),
    Function::new("printf", &[Str], |call| {
        sprintf(call.bytes(0), &call.args[1..]).map(Value::bytes)
    })
    .rest(Any),
];

/// What `cut` leaves of argument `i`, borrowed where the argument is.
fn cut<'a>(call: &mut Call<'_, 'a>, i: usize, cut: fn(&[u8]) -> &[u8]) -> Result<Value<'a>, String> {
    let text = call.take_bytes(i);
    Ok(part(text, cut))
}

/// The same with a second text, which says what to cut.
fn cut_set<'a>(
    call: &mut Call<'_, 'a>,
    i: usize,
    set: usize,
    cut: for<'t> fn(&'t [u8], &[u8]) -> &'t [u8],
) -> Result<Value<'a>, String> {
    let text = call.take_bytes(i);
    let set = call.bytes(set);
    Ok(match text {
        Cow::Borrowed(text) => Value::Str(Cow::Borrowed(cut(text, set))),
        Cow::Owned(text) => Value::bytes(cut(&text, set).to_vec()),
    })
}

fn part<'a>(text: Cow<'a, [u8]>, of: impl FnOnce(&[u8]) -> &[u8]) -> Value<'a> {
    match text {
        Cow::Borrowed(text) => Value::Str(Cow::Borrowed(of(text))),
        Cow::Owned(text) => Value::bytes(of(&text).to_vec()),
    }
}

pub(super) fn to_lower<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    Ok(map_runes(call.take_bytes(0), u8::to_ascii_lowercase, lower_rune))
}

pub(super) fn to_upper<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    Ok(map_runes(call.take_bytes(0), u8::to_ascii_uppercase, upper_rune))
}

fn map_runes<'a>(text: Cow<'a, [u8]>, ascii: fn(&u8) -> u8, rune: fn(char) -> char) -> Value<'a> {
    if text.is_ascii() {
        if text.iter().all(|b| ascii(b) == *b) {
            return Value::Str(text);
        }
        return Value::bytes(text.iter().map(ascii).collect());
    }
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars().map(rune));
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Value::str(out)
}

/// The one character in lower case: Go maps rune by rune.
fn lower_rune(c: char) -> char {
    match c {
        'İ' => 'i',
        c => only(c.to_lowercase(), c),
    }
}

/// The one character in upper case; one that only has an upper case of several characters stays.
fn upper_rune(c: char) -> char {
    match c {
        // Greek with iota below has single characters too.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        c => only(c.to_uppercase(), c),
    }
}

fn only(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(c), None) => c,
        _ => otherwise,
    }
}

pub(super) fn title<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let text = call.take_bytes(0);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in String::from_utf8_lossy(&text).chars() {
        out.push(if separates_words(before) { upper_rune(c) } else { c });
        before = c;
    }
    Ok(Value::str(out))
}

fn separates_words(c: char) -> bool {
    match c {
        c if c.is_ascii() => !c.is_ascii_alphanumeric() && c != '_',
        c if c.is_alphanumeric() => false,
        c => c.is_whitespace(),
    }
}

fn trim_space(text: &[u8]) -> &[u8] {
    let text = trim_left_by(text, char::is_whitespace);
    trim_right_by(text, char::is_whitespace)
}

fn trim_left<'t>(text: &'t [u8], set: &[u8]) -> &'t [u8] {
    let set = String::from_utf8_lossy(set);
    trim_left_by(text, |c| set.contains(c))
}

fn trim_right<'t>(text: &'t [u8], set: &[u8]) -> &'t [u8] {
    let set = String::from_utf8_lossy(set);
    trim_right_by(text, |c| set.contains(c))
}

fn trim_left_by(mut text: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    while let Some((c, width)) = decode(text) {
        if !cut(c) {
            break;
        }
        text = &text[width..];
    }
    text
}

fn trim_right_by(mut text: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    while !text.is_empty() {
        // The last character: the longest valid one that ends here, else one byte.
        let width = (1..=text.len().min(4)).find(|&w| {
            let tail = &text[text.len() - w..];
            std::str::from_utf8(tail).is_ok_and(|tail| tail.chars().count() == 1)
        });
        let width = width.unwrap_or(1);
        let (c, _) = decode(&text[text.len() - width..]).unwrap_or((char::REPLACEMENT_CHARACTER, 1));
        if !cut(c) {
            break;
        }
        text = &text[..text.len() - width];
    }
    text
}

fn trim_prefix<'t>(text: &'t [u8], prefix: &[u8]) -> &'t [u8] {
    text.strip_prefix(prefix).unwrap_or(text)
}

fn trim_suffix<'t>(text: &'t [u8], suffix: &[u8]) -> &'t [u8] {
    text.strip_suffix(suffix).unwrap_or(text)
}

/// Replaces the first `count` times `old`, all where negative. An empty `old` stands before every character.
fn replace<'a>(text: Cow<'a, [u8]>, old: &[u8], new: &[u8], count: i64) -> Result<Value<'a>, String> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut places: Vec<usize> = Vec::new();
    if old.is_empty() {
        let mut at = 0;
        while places.len() < limit {
            places.push(at);
            match decode(&text[at..]) {
                Some((_, width)) => at += width,
                None => break,
            }
        }
    } else {
        places.extend(memchr::memmem::find_iter(&text, old).take(limit));
    }
    if places.is_empty() {
        return Ok(Value::Str(text));
    }
    let size = text.len() - places.len() * old.len() + places.len().saturating_mul(new.len());
    if size > MAX_BYTES {
        return Err(too_large());
    }
    let mut out = Vec::with_capacity(size);
    let mut end = 0;
    for at in places {
        out.extend_from_slice(&text[end..at]);
        out.extend_from_slice(new);
        end = at + old.len();
    }
    out.extend_from_slice(&text[end..]);
    Ok(Value::bytes(out))
}

fn trunc<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let count = call.int(0);
    let text = call.take_bytes(1);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(part(text, |text| match count {
        _ if size >= text.len() => text,
        0.. => &text[..size],
        _ => &text[text.len() - size..],
    }))
}

fn substr<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let (start, end) = (call.int(0), call.int(1));
    let text = call.take_bytes(2);
    let length = text.len() as i64;
    let out_of_range = |bounds: String| Err(format!("runtime error: slice bounds out of range {bounds}"));
    let range = if start < 0 {
        if end < 0 {
            return out_of_range(format!("[:{end}]"));
        }
        if end > length {
            return out_of_range(format!("[:{end}] with length {length}"));
        }
        0..end
    } else {
        let end = if end < 0 || end > length { length } else { end };
        if start > end {
            return out_of_range(format!("[{start}:{end}]"));
        }
        start..end
    };
    Ok(part(text, |text| &text[range.start as usize..range.end as usize]))
}

fn repeat(text: &[u8], count: i64) -> Result<Vec<u8>, String> {
    let Ok(count) = usize::try_from(count) else {
        return Err("strings: negative Repeat count".to_owned());
    };
    if text.len().saturating_mul(count) > MAX_BYTES {
        return Err(too_large());
    }
    Ok(text.repeat(count))
}

fn indent<'a>(call: &mut Call<'_, 'a>, start: &[u8]) -> Result<Value<'a>, String> {
    let pad = repeat(b" ", call.int(0))?;
    let text = call.bytes(1);
    let newlines = memchr::memchr_iter(b'\n', text).count();
    if (newlines + 1).saturating_mul(pad.len()) > MAX_BYTES {
        return Err(too_large());
    }
    let mut out = start.to_vec();
    out.extend_from_slice(&pad);
    for (i, line) in text.split(|&b| b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
            out.extend_from_slice(&pad);
        }
        out.extend_from_slice(line);
    }
    Ok(Value::bytes(out))
}

/// Exactly so many characters: filled with blanks, or cut.
fn align<'a>(call: &mut Call<'_, 'a>, right: bool) -> Result<Value<'a>, String> {
    let count = call.int(0);
    let text = call.take_bytes(1);
    let Ok(count) = usize::try_from(count) else {
        return Ok(Value::Str(text));
    };
    let length = rune_count(&text);
    if length == count {
        return Ok(Value::Str(text));
    }
    if length > count {
        let skipped = if right { length - count } else { count };
        return Ok(part(text, |text| {
            let at = byte_of_rune(text, skipped);
            if right { &text[at..] } else { &text[..at] }
        }));
    }
    let mut blanks = repeat(b" ", i64::try_from(count - length).unwrap_or(i64::MAX))?;
    if right {
        blanks.extend_from_slice(&text);
        return Ok(Value::bytes(blanks));
    }
    let mut text = text.into_owned();
    text.append(&mut blanks);
    Ok(Value::bytes(text))
}

fn byte_of_rune(text: &[u8], rune: usize) -> usize {
    let mut at = 0;
    for _ in 0..rune {
        at += decode(&text[at..]).map_or(0, |(_, width)| width);
    }
    at
}
