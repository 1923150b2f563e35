//! String literals. Their escapes are Go's.

use super::raw::{Raw, refuse_nul};
use super::scan::LexError;
use crate::Text;
use logos::Lexer;

const NOT_TERMINATED: LexError = LexError::new("literal not terminated");
const INVALID_ESCAPE: LexError = LexError::new("invalid char escape");
const INVALID_SYNTAX: LexError = LexError::new("invalid syntax");

/// Behind `"`: up to the closing one.
pub(super) fn scan_quoted(lexer: &mut Lexer<'_, Raw>) -> Result<Text, LexError> {
    read_literal(lexer, '"')?.bytes.map(Text::from)
}

/// Behind `` ` ``: up to the next one, nothing escaped.
pub(super) fn scan_raw(lexer: &mut Lexer<'_, Raw>) -> Result<Text, LexError> {
    let rest = lexer.remainder();
    let Some(length) = rest.find('`') else {
        lexer.bump(rest.len());
        return Err(NOT_TERMINATED);
    };
    lexer.bump(length + 1);
    refuse_nul(&rest[..length])?;
    Ok(Text::from(&rest[..length]))
}

/// Behind `'`: one character or escape; its token is an identifier.
pub(super) fn scan_char(lexer: &mut Lexer<'_, Raw>) -> Result<(), LexError> {
    match read_literal(lexer, '\'')?.characters {
        1 => Ok(()),
        _ => Err(LexError::new("invalid char literal")),
    }
}

/// An escaped literal.
struct Literal {
    /// Characters and escapes.
    characters: usize,
    /// What it stands for; `Err` for escapes of the right shape and no meaning (`\400`). That is found only once the
    /// literal is whole, so an error of shape further on comes first.
    bytes: Result<Vec<u8>, LexError>,
}

/// Reads up to the closing `quote`, or up to the first error.
fn read_literal(lexer: &mut Lexer<'_, Raw>, quote: char) -> Result<Literal, LexError> {
    let mut length = 0;
    let literal = scan_literal(lexer.remainder(), quote, &mut length);
    lexer.bump(length);
    literal
}

/// Reads up to the closing `quote` and moves `at` from the start of `text` to where reading ended.
fn scan_literal(text: &str, quote: char, at: &mut usize) -> Result<Literal, LexError> {
    let mut bytes = Vec::new();
    let mut invalid = false;
    let mut characters = 0;
    loop {
        let c = text[*at..].chars().next().ok_or(NOT_TERMINATED)?;
        if c == '\n' {
            return Err(NOT_TERMINATED);
        }
        *at += c.len_utf8();
        match c {
            c if c == quote => break,
            '\0' => return Err(LexError::new("invalid character NUL")),
            '\\' => {
                let (value, length) = scan_escape(&text[*at..], quote)?;
                *at += length;
                match value {
                    Escape::Byte(byte) => bytes.push(byte),
                    Escape::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    Escape::Meaningless => invalid = true,
                }
            }
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        characters += 1;
    }
    let bytes = if invalid { Err(INVALID_SYNTAX) } else { Ok(bytes) };
    Ok(Literal { characters, bytes })
}

enum Escape {
    Byte(u8),
    Char(char),
    Meaningless,
}

/// Reads what stands behind a backslash.
fn scan_escape(text: &str, quote: char) -> Result<(Escape, usize), LexError> {
    let c = text.chars().next().ok_or(NOT_TERMINATED)?;
    let byte = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        c if c == quote => c as u8,
        '0'..='7' => return scan_code(text, 0, 3, 8),
        'x' => return scan_code(text, 1, 2, 16),
        'u' => return scan_code(text, 1, 4, 16),
        'U' => return scan_code(text, 1, 8, 16),
        _ => return Err(INVALID_ESCAPE),
    };
    Ok((Escape::Byte(byte), 1))
}

/// Reads `digits` digits behind `prefix` bytes. Three octal and two hexadecimal ones are a byte, more a character.
fn scan_code(text: &str, prefix: usize, digits: usize, radix: u32) -> Result<(Escape, usize), LexError> {
    let end = prefix + digits;
    let code = text.get(prefix..end).ok_or(INVALID_ESCAPE)?;
    if !code.chars().all(|c| c.is_digit(radix)) {
        return Err(INVALID_ESCAPE);
    }
    let value = u32::from_str_radix(code, radix).map_err(|_| INVALID_ESCAPE)?;
    let escape = match (digits, value) {
        (2 | 3, value) => u8::try_from(value).map_or(Escape::Meaningless, Escape::Byte),
        // Half of a surrogate pair is no character, and no error either.
        (_, 0xd800..=0xdfff) => Escape::Char(char::REPLACEMENT_CHARACTER),
        (_, value) => char::from_u32(value).map_or(Escape::Meaningless, Escape::Char),
    };
    Ok((escape, end))
}
