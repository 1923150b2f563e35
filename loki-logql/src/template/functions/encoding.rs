//! Base64, URL and other escaping, JSON.

use super::{Call, Function};
use crate::quote::quote;
use crate::template::json;
use crate::template::lex::decode;
use crate::template::print::sprint;
use crate::template::value::Type::{Any, Str};
use crate::template::value::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("b64enc", &[Str], |call| Ok(Value::str(STANDARD.encode(call.bytes(0))))),
    Function::new("b64dec", &[Str], |call| {
        // What cannot be decoded gives the message as its value.
        Ok(match decode_base64(call.bytes(0)) {
            Ok(bytes) => Value::bytes(bytes),
            Err(at) => Value::str(format!("illegal base64 data at input byte {at}")),
        })
    }),
    Function::new("urlencode", &[Str], |call| {
        Ok(Value::bytes(escape_query(call.bytes(0))))
    }),
    Function::new("urldecode", &[Str], |call| {
        unescape_query(call.bytes(0)).map(Value::bytes)
    }),
    Function::new("fromJson", &[Str], |call| {
        Ok(json::parse(call.bytes(0)).unwrap_or(Value::Nil))
    }),
    Function::new("html", &[], |call| Ok(Value::bytes(escape_html(&operands(call))))).rest(Any),
    Function::new("js", &[], |call| Ok(Value::bytes(escape_js(&operands(call))))).rest(Any),
    Function::new("urlquery", &[], |call| Ok(Value::bytes(escape_query(&operands(call))))).rest(Any),
];

/// What the arguments print as.
fn operands<'a>(call: &mut Call<'_, 'a>) -> Cow<'a, [u8]> {
    match call.args {
        [Value::Str(_)] => call.take_bytes(0),
        _ => Cow::Owned(sprint(call.args)),
    }
}

/// Standard base64 with padding; line breaks do not count. The error is the place that Go names.
fn decode_base64(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut input = text
        .iter()
        .enumerate()
        .filter(|(_, b)| !matches!(b, b'\r' | b'\n'))
        .map(|(i, &b)| (i, b))
        .peekable();
    while input.peek().is_some() {
        let mut group = 0u32;
        let mut symbols = 0;
        while symbols < 4 {
            let Some((at, byte)) = input.next() else {
                return Err(text.len() - symbols);
            };
            if byte == b'=' {
                if symbols < 2 {
                    return Err(at);
                }
                // A group of two symbols has two marks behind it.
                if symbols == 2 {
                    match input.next() {
                        Some((_, b'=')) => {}
                        Some((_, _)) => return Err(at),
                        None => return Err(text.len()),
                    }
                }
                if let Some((at, _)) = input.next() {
                    return Err(at);
                }
                group <<= 6 * (4 - symbols);
                out.extend_from_slice(&[(group >> 16) as u8, (group >> 8) as u8][..symbols - 1]);
                return Ok(out);
            }
            let Some(value) = sextet(byte) else { return Err(at) };
            group = group << 6 | u32::from(value);
            symbols += 1;
        }
        out.extend_from_slice(&[(group >> 16) as u8, (group >> 8) as u8, group as u8]);
    }
    Ok(out)
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

pub(super) fn escape_query(text: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
    out
}

fn unescape_query(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let nibble = |i: usize| after.get(i).and_then(|&b| (b as char).to_digit(16));
                let (Some(high), Some(low)) = (nibble(0), nibble(1)) else {
                    let bad = &text[text.len() - after.len() - 1..];
                    return Err(format!("invalid URL escape {}", quote(&bad[..bad.len().min(3)])));
                };
                out.push((high << 4 | low) as u8);
                rest = &after[2..];
            }
            _ => out.push(byte),
        }
    }
    Ok(out)
}

fn escape_html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(byte),
        }
    }
    out
}

fn escape_js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((c, width)) = decode(rest) {
        let written = &rest[..width];
        rest = &rest[width..];
        match c {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\'' => out.extend_from_slice(b"\\'"),
            '"' => out.extend_from_slice(b"\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => {
                out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
            }
            c if c.is_ascii() => out.push(c as u8),
            c if is_printable(c) => out.extend_from_slice(written),
            c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
        }
    }
    out
}

fn is_printable(c: char) -> bool {
    !quote(c.encode_utf8(&mut [0; 4]).as_bytes()).starts_with("\"\\")
}
