//! Strings as Go's `strconv.Quote` writes them, which is how Loki prints every literal.

use std::fmt::Write as _;

/// `bytes` as a double-quoted Go string literal.
///
/// Printable characters stand as they are; control characters become `\n`, `\x7f`, `\u0085`; a byte that is not
/// UTF-8 becomes `\xff`.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\x07' => out.push_str("\\a"),
                '\x08' => out.push_str("\\b"),
                '\x0c' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\x0b' => out.push_str("\\v"),
                c if is_printable(c) => out.push(c),
                c if (c as u32) < 0x80 => drop(write!(out, "\\x{:02x}", c as u32)),
                c if (c as u32) < 0x10000 => drop(write!(out, "\\u{:04x}", c as u32)),
                c => drop(write!(out, "\\U{:08x}", c as u32)),
            }
        }
        for b in chunk.invalid() {
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    out.push('"');
    out
}

/// Go's `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII blank.
fn is_printable(c: char) -> bool {
    // `escape_debug`, asked below, escapes the single quote too.
    if c == ' ' || c == '\'' {
        return true;
    }
    if c.is_control() || c.is_whitespace() {
        return false;
    }
    // Rust's own `escape_debug` leaves exactly the printable characters alone, grapheme extenders aside, which Go
    // counts as marks and prints.
    let mut escaped = c.escape_debug();
    matches!(escaped.next(), Some(first) if first == c) || is_mark(c)
}

/// Whether `c` is a combining mark: `escape_debug` escapes those, Go prints them.
fn is_mark(c: char) -> bool {
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(1).is_some_and(|second| second != '\\')
}
