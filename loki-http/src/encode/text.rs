//! JSON strings in Loki's three manners of escaping.

/// Which characters are escaped beyond those that JSON demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Log lines: `<`, `>`, `&` and the two line separators of Unicode; control characters other than `\n`, `\r`, `\t`
    /// as `\u00xx`.
    Line,
    /// Label names and values: nothing more.
    Label,
    /// As lines, with the short forms `\b` and `\f`.
    Html,
}

/// Bytes that some manner does not copy as they are. 0xE2 starts U+2028 and U+2029.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'&' as usize] = true;
    table[0xE2] = true;
    table
};

/// Writes `text` as a JSON string. A byte that is no UTF-8 becomes U+FFFD.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &[u8], escape: Escape) {
    out.push(b'"');
    match std::str::from_utf8(text) {
        Ok(_) => write_valid(out, text, escape),
        Err(_) => {
            for chunk in text.utf8_chunks() {
                write_valid(out, chunk.valid().as_bytes(), escape);
                for _ in chunk.invalid() {
                    out.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
        }
    }
    out.push(b'"');
}

fn write_valid(out: &mut Vec<u8>, text: &[u8], escape: Escape) {
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        if !SPECIAL[usize::from(text[at])] {
            at += 1;
            continue;
        }
        if let Some((length, replacement)) = replacement(&text[at..], escape) {
            out.extend_from_slice(&text[copied..at]);
            out.extend_from_slice(&replacement.0[..replacement.1]);
            at += length;
            copied = at;
        } else {
            at += 1;
        }
    }
    out.extend_from_slice(&text[copied..]);
}

/// An escape: its bytes, and how many of them there are.
type Written = ([u8; 6], usize);

/// How many bytes at the start of `text` are replaced, and by what; none when they stay.
fn replacement(text: &[u8], escape: Escape) -> Option<(usize, Written)> {
    let short = |letter: u8| Some((1, ([b'\\', letter, 0, 0, 0, 0], 2)));
    match text[0] {
        b'"' => short(b'"'),
        b'\\' => short(b'\\'),
        b'\n' => short(b'n'),
        b'\r' => short(b'r'),
        b'\t' => short(b't'),
        0x08 if escape == Escape::Html => short(b'b'),
        0x0c if escape == Escape::Html => short(b'f'),
        byte @ (b'<' | b'>' | b'&') if escape != Escape::Label => Some((1, unicode(u16::from(byte)))),
        byte if byte < 0x20 => Some((1, unicode(u16::from(byte)))),
        0xE2 if escape != Escape::Label => match text {
            [_, 0x80, last @ (0xA8 | 0xA9), ..] => Some((3, unicode(0x2000 | u16::from(last & 0x3f)))),
            _ => None,
        },
        _ => None,
    }
}

fn unicode(code: u16) -> Written {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| HEX[usize::from(code >> shift & 15)];
    ([b'\\', b'u', digit(12), digit(8), digit(4), digit(0)], 6)
}
