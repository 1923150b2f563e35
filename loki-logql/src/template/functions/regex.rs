//! Replacing and counting matches.

use super::{Call, Function};
use crate::regex::{Regex, Shape};
use crate::template::lex::decode;
use crate::template::print::{MAX_BYTES, too_large};
use crate::template::value::Type::Str;
use crate::template::value::Value;
use regex_automata::Input;
use regex_automata::util::captures::Captures;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regexReplaceAll", &[Str, Str, Str], |call| replace(call, true)).regex(),
    Function::new("regexReplaceAllLiteral", &[Str, Str, Str], |call| replace(call, false)).regex(),
    Function::new("count", &[Str, Str], count).regex(),
];

/// The regex in the first argument, compiled now unless the template had it as a constant.
fn regex(call: &Call<'_, '_>) -> Result<Regex, String> {
    match call.regex {
        Some(regex) => regex.clone(),
        None => Regex::new(&call.text(0), Shape::Search),
    }
}

pub(super) fn replace<'a>(call: &mut Call<'_, 'a>, expand: bool) -> Result<Value<'a>, String> {
    let regex = regex(call)?;
    let source = call.take_bytes(1);
    let replacement = call.bytes(2);
    let subject = regex.subject(&source);
    let mut out = Vec::new();
    let mut end = 0;
    let mut any = false;
    each_match(&regex, &subject, |captures, start, stop| {
        any = true;
        out.extend_from_slice(&subject[end..start]);
        match expand {
            true => append_expanded(&mut out, replacement, &regex, &subject, captures),
            false => out.extend_from_slice(replacement),
        }
        end = stop;
        if out.len() > MAX_BYTES {
            Err(too_large())
        } else {
            Ok(())
        }
    })?;
    if !any {
        return Ok(Value::Str(source));
    }
    out.extend_from_slice(&subject[end..]);
    Ok(Value::bytes(out))
}

/// Whether the regex matches anywhere.
pub(super) fn is_match<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let regex = regex(call)?;
    let subject = regex.subject(call.bytes(1));
    let mut found = false;
    each_match(&regex, &subject, |_, _, _| {
        found = true;
        Ok(())
    })?;
    Ok(Value::Bool(found))
}

fn count<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let regex = regex(call)?;
    let subject = regex.subject(call.bytes(1));
    let mut matches = 0;
    each_match(&regex, &subject, |_, _, _| {
        matches += 1;
        Ok(())
    })?;
    Ok(Value::int(matches))
}

/// Calls `each` for every match from the left. An empty match directly behind another one does not count, and the search
/// goes on behind the next character, never inside one.
fn each_match(
    regex: &Regex,
    subject: &[u8],
    mut each: impl FnMut(&Captures, usize, usize) -> Result<(), String>,
) -> Result<(), String> {
    let automaton = regex.inner();
    let mut captures = automaton.create_captures();
    let mut from = 0;
    let mut last_end = None;
    while from <= subject.len() {
        automaton.search_captures(&Input::new(subject).range(from..), &mut captures);
        let Some(found) = captures.get_match() else { break };
        if !found.is_empty() || last_end != Some(found.start()) {
            each(&captures, found.start(), found.end())?;
        }
        last_end = Some(found.end());
        from = found.end();
        if found.is_empty() {
            from += decode(&subject[from..]).map_or(1, |(_, width)| width);
        }
    }
    Ok(())
}

/// Appends `template` with `$1`, `${1}`, `$name` and `${name}` replaced by what the groups matched; `$$` is a dollar.
fn append_expanded(out: &mut Vec<u8>, template: &[u8], regex: &Regex, subject: &[u8], captures: &Captures) {
    let mut rest = template;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        out.extend_from_slice(&rest[..dollar]);
        rest = &rest[dollar..];
        if rest.starts_with(b"$$") {
            out.push(b'$');
            rest = &rest[2..];
            continue;
        }
        let Some((name, length)) = group_reference(rest) else {
            out.push(b'$');
            rest = &rest[1..];
            continue;
        };
        rest = &rest[length..];
        let span = match name.parse::<usize>() {
            Ok(group) if name.bytes().all(|b| b.is_ascii_digit()) => captures.get_group(group),
            _ => regex
                .group_names()
                .filter(|(_, group)| *group == name)
                .find_map(|(group, _)| captures.get_group(group)),
        };
        if let Some(span) = span {
            out.extend_from_slice(&subject[span.start..span.end]);
        }
    }
    out.extend_from_slice(rest);
}

/// The name in `$name…` or `${name}…`, and how long the reference is.
fn group_reference(text: &[u8]) -> Option<(&str, usize)> {
    let braced = text.get(1) == Some(&b'{');
    let start = if braced { 2 } else { 1 };
    let mut end = start;
    while let Some((c, width)) = decode(&text[end..]) {
        if c != '_' && !c.is_alphanumeric() {
            break;
        }
        end += width;
    }
    let name = std::str::from_utf8(&text[start..end])
        .ok()
        .filter(|name| !name.is_empty())?;
    match braced {
        true => (text.get(end) == Some(&b'}')).then_some((name, end + 1)),
        false => Some((name, end)),
    }
}
