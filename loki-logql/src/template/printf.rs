//! Go's `fmt.Sprintf`.

use super::lex::decode;
use super::number;
use super::print::{MAX_BYTES, print, string_method, too_large, unicode_name};
use super::value::{IntType, Map, Value};
use crate::quote::quote;

/// The widest field and the longest precision.
const MAX_WIDTH: usize = 1_000_000;

/// Formats `args` by `format`. What does not fit shows in the text: `%!d(string=42)`.
///
/// # Errors
///
/// The text would be larger than the limit.
pub(super) fn sprintf(format: &[u8], args: &[Value<'_>]) -> Result<Vec<u8>, String> {
    let mut printer = Printer {
        format,
        args,
        pos: 0,
        arg: 0,
        reordered: false,
        good_index: true,
        flags: Flags::default(),
        out: Vec::with_capacity(format.len() + 16),
    };
    printer.run()?;
    Ok(printer.out)
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// `%#v` and `%+v`: the flags change the form of `v` itself.
    sharp_v: bool,
}

struct Printer<'p, 'a> {
    format: &'p [u8],
    args: &'p [Value<'a>],
    pos: usize,
    arg: usize,
    /// Whether any verb named its argument, as `%[1]d`.
    reordered: bool,
    good_index: bool,
    flags: Flags,
    out: Vec<u8>,
}

impl Printer<'_, '_> {
    fn run(&mut self) -> Result<(), String> {
        while self.pos < self.format.len() {
            let rest = &self.format[self.pos..];
            let literal = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            self.out.extend_from_slice(&rest[..literal]);
            self.pos += literal;
            if self.pos < self.format.len() {
                self.pos += 1;
                self.verb();
            }
            if self.out.len() > MAX_BYTES {
                return Err(too_large());
            }
        }
        if !self.reordered && self.arg < self.args.len() {
            self.flags = Flags::default();
            self.out.extend_from_slice(b"%!(EXTRA ");
            for (i, arg) in self.args[self.arg..].iter().enumerate() {
                if i > 0 {
                    self.out.extend_from_slice(b", ");
                }
                self.typed(arg);
            }
            self.out.push(b')');
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.pos).copied()
    }

    /// One verb, behind its `%`.
    fn verb(&mut self) {
        self.flags = Flags::default();
        self.good_index = true;
        self.flag_run();
        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.pos += 1;
            match self.int_arg() {
                Some(width) => {
                    self.flags.width = Some(width.unsigned_abs() as usize);
                    if width < 0 {
                        self.flags.minus = true;
                        self.flags.zero = false;
                    }
                }
                None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            self.flags.width = self.digits();
            // `%[3]2d` names an argument and then a width.
            if after_index && self.flags.width.is_some() {
                self.good_index = false;
            }
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            if after_index {
                self.good_index = false;
            }
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.pos += 1;
                match self.int_arg() {
                    Some(precision) => self.flags.precision = usize::try_from(precision).ok(),
                    None => self.out.extend_from_slice(b"%!(BADPREC)"),
                }
                after_index = false;
            } else {
                self.flags.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some((verb, width)) = decode(&self.format[self.pos..]) else {
            self.out.extend_from_slice(b"%!(NOVERB)");
            return;
        };
        self.pos += width;
        let args = self.args;
        if verb == '%' {
            self.out.push(b'%');
        } else if !self.good_index {
            self.complain(verb, "(BADINDEX)");
        } else if let Some(arg) = args.get(self.arg) {
            if verb == 'v' {
                self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
                self.flags.plus = false;
            }
            self.arg += 1;
            self.value(arg, verb);
        } else {
            self.complain(verb, "(MISSING)");
        }
    }

    fn flag_run(&mut self) {
        while let Some(b) = self.peek() {
            match b {
                b'#' => self.flags.sharp = true,
                b'0' => self.flags.zero = true,
                b'+' => self.flags.plus = true,
                b'-' => self.flags.minus = true,
                b' ' => self.flags.space = true,
                _ => return,
            }
            self.pos += 1;
        }
    }

    /// A decimal number, unless it is beyond all bounds.
    fn digits(&mut self) -> Option<usize> {
        let rest = &self.format[self.pos..];
        let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.pos += length;
        let text = std::str::from_utf8(&rest[..length]).ok()?;
        text.parse().ok().filter(|&n| n <= MAX_WIDTH)
    }

    /// `[n]`, which says the next argument. Whether it was there.
    fn index(&mut self) -> bool {
        let rest = &self.format[self.pos..];
        if rest.first() != Some(&b'[') {
            return false;
        }
        self.reordered = true;
        let Some(end) = memchr::memchr(b']', rest) else {
            self.good_index = false;
            self.pos += 1;
            return false;
        };
        self.pos += end + 1;
        let number = std::str::from_utf8(&rest[1..end]).ok();
        let number: Option<usize> = number.and_then(|text| text.parse().ok());
        match number {
            Some(n) if (1..=self.args.len()).contains(&n) => {
                self.arg = n - 1;
                true
            }
            n => {
                self.good_index = false;
                n.is_some()
            }
        }
    }

    /// The next argument, where it is an int that can be a width.
    fn int_arg(&mut self) -> Option<i64> {
        let arg = self.args.get(self.arg)?;
        self.arg += 1;
        match arg {
            Value::Int(value, _) if value.unsigned_abs() <= MAX_WIDTH as u64 => Some(*value),
            _ => None,
        }
    }

    fn complain(&mut self, verb: char, what: &str) {
        self.out.extend_from_slice(format!("%!{verb}{what}").as_bytes());
    }

    /// `string=42`, as complaints show a value.
    fn typed(&mut self, value: &Value<'_>) {
        if let Value::Nil = value {
            self.out.extend_from_slice(b"<nil>");
            return;
        }
        self.out.extend_from_slice(value.type_name().as_bytes());
        self.out.push(b'=');
        self.value(value, 'v');
    }

    fn bad_verb(&mut self, value: &Value<'_>, verb: char) {
        self.complain(verb, "(");
        self.typed(value);
        self.out.push(b')');
    }

    fn value(&mut self, value: &Value<'_>, verb: char) {
        if verb == 'T' {
            return self.string(value.type_name().as_bytes(), 's');
        }
        if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && !self.flags.sharp_v
            && let Some(text) = string_method(value)
        {
            return self.string(&text, verb);
        }
        match value {
            Value::Nil if verb == 'v' => self.pad(b"<nil>"),
            Value::Bool(value) if matches!(verb, 't' | 'v') => self.pad(if *value { b"true" } else { b"false" }),
            Value::Int(value, kind) => self.int(*value, *kind, verb),
            Value::Float(number) => match verb {
                'v' => self.float(*number, 'g', None),
                'e' | 'E' | 'f' | 'F' => self.float(*number, verb, Some(6)),
                'b' | 'g' | 'G' | 'x' | 'X' => self.float(*number, verb, None),
                _ => self.bad_verb(value, verb),
            },
            Value::Str(text) if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') => match self.flags.sharp_v {
                true => self.string(text, 'q'),
                false => self.string(text, verb),
            },
            Value::List(list) => self.list(list, verb),
            Value::Map(map) | Value::LabelMap(map) => self.map(value.type_name(), map, verb),
            Value::Time(_) | Value::Location(_) => {
                let text = string_method(value).unwrap_or_default();
                self.string(&text, 's');
            }
            _ => self.bad_verb(value, verb),
        }
    }

    fn list(&mut self, list: &[Value<'_>], verb: char) {
        let (open, comma, close): (&[u8], &[u8], u8) = match self.flags.sharp_v {
            true => (b"[]interface {}{", b", ", b'}'),
            false => (b"[", b" ", b']'),
        };
        self.out.extend_from_slice(open);
        for (i, item) in list.iter().enumerate() {
            if i > 0 {
                self.out.extend_from_slice(comma);
            }
            self.item(item, verb);
        }
        self.out.push(close);
    }

    fn map(&mut self, type_name: &str, map: &Map<'_>, verb: char) {
        let sharp = self.flags.sharp_v;
        match sharp {
            true => self.out.extend_from_slice(format!("{type_name}{{").as_bytes()),
            false => self.out.extend_from_slice(b"map["),
        }
        for (i, (key, item)) in map.iter().enumerate() {
            if i > 0 {
                self.out.extend_from_slice(if sharp { b", " } else { b" " });
            }
            self.value(&Value::Str(key.as_ref().into()), verb);
            self.out.push(b':');
            self.item(item, verb);
        }
        self.out.push(if sharp { b'}' } else { b']' });
    }

    /// A value inside a list or map.
    fn item(&mut self, item: &Value<'_>, verb: char) {
        // What is already too much need not grow further; the caller reports it.
        if self.out.len() > MAX_BYTES {
            return;
        }
        match item {
            Value::Nil if self.flags.sharp_v => self.out.extend_from_slice(b"interface {}(nil)"),
            Value::Nil => self.out.extend_from_slice(b"<nil>"),
            item => self.value(item, verb),
        }
    }

    fn int(&mut self, value: i64, kind: IntType, verb: char) {
        match verb {
            'v' if self.flags.sharp_v && kind == IntType::Uint8 => self.pad(format!("{value:#x}").as_bytes()),
            'v' | 'd' => self.integer(value, 10, verb),
            'b' => self.integer(value, 2, verb),
            'o' | 'O' => self.integer(value, 8, verb),
            'x' | 'X' => self.integer(value, 16, verb),
            'c' => {
                let c = to_char(value);
                self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            'q' => {
                let text = quote_char(to_char(value));
                self.pad(text.as_bytes());
            }
            'U' => {
                let text = match (self.flags.sharp, u32::try_from(value).ok().and_then(char::from_u32)) {
                    (true, Some(c)) => unicode_name(c),
                    _ => format!("U+{value:04X}"),
                };
                let zero = std::mem::take(&mut self.flags.zero);
                self.pad(text.as_bytes());
                self.flags.zero = zero;
            }
            _ => self.bad_verb(&Value::Int(value, kind), verb),
        }
    }

    fn integer(&mut self, value: i64, base: u32, verb: char) {
        let magnitude = value.unsigned_abs();
        let flags = self.flags;
        let sign = match (value < 0, flags.plus, flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let mut least = flags.precision.unwrap_or(0);
        if flags.precision == Some(0) && value == 0 {
            self.flags.zero = false;
            self.pad(b"");
            return;
        }
        if let (None, true, false, Some(width)) = (flags.precision, flags.zero, flags.minus, flags.width) {
            least = width - sign.len().min(width);
        }
        let digits = match (base, verb) {
            (2, _) => format!("{magnitude:b}"),
            (8, _) => format!("{magnitude:o}"),
            (16, 'X') => format!("{magnitude:X}"),
            (16, _) => format!("{magnitude:x}"),
            _ => magnitude.to_string(),
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        let prefix = match (verb, flags.sharp) {
            ('O', _) => "0o",
            ('b', true) => "0b",
            ('o', true) if !zeros.starts_with('0') && !digits.starts_with('0') => "0",
            ('x', true) => "0x",
            ('X', true) => "0X",
            _ => "",
        };
        self.flags.zero = false;
        self.pad(format!("{sign}{prefix}{zeros}{digits}").as_bytes());
        self.flags.zero = flags.zero;
    }

    fn float(&mut self, value: f64, verb: char, precision: Option<usize>) {
        let flags = self.flags;
        let text = number::format(value, verb, flags.precision.or(precision));
        let (sign, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => ("-", rest),
            [b'+', rest @ ..] if flags.space && !flags.plus => (" ", rest),
            [b'+', rest @ ..] => ("+", rest),
            rest if flags.plus => ("+", rest),
            rest if flags.space => (" ", rest),
            rest => ("", rest),
        };
        let whole = [sign.as_bytes(), digits].concat();
        if !value.is_finite() {
            self.flags.zero = false;
            // Only when asked for does an infinity show a plus.
            let plain_infinity = sign == "+" && !flags.plus && verb != 'v' && !text.starts_with('+');
            self.pad(if plain_infinity { digits } else { &whole });
            self.flags.zero = flags.zero;
            return;
        }
        match flags.width {
            Some(width) if flags.zero && !flags.minus && !sign.is_empty() && width > whole.len() => {
                self.out.extend_from_slice(sign.as_bytes());
                self.out.extend(std::iter::repeat_n(b'0', width - whole.len()));
                self.out.extend_from_slice(digits);
            }
            _ => self.pad(&whole),
        }
    }

    fn string(&mut self, text: &[u8], verb: char) {
        match verb {
            'x' | 'X' => return self.hex(text, verb),
            'q' => {
                let cut = self.cut(text);
                let quoted = match self.flags.sharp && is_raw(cut) {
                    true => [b"`", cut, b"`"].concat(),
                    false if self.flags.plus => quote_ascii(cut).into_bytes(),
                    false => quote(cut).into_bytes(),
                };
                return self.pad(&quoted);
            }
            _ => {}
        }
        let cut = self.cut(text);
        self.pad(cut);
    }

    /// The text up to the precision, in characters.
    fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision else {
            return text;
        };
        let mut end = 0;
        for _ in 0..precision {
            match decode(&text[end..]) {
                Some((_, width)) => end += width,
                None => break,
            }
        }
        &text[..end]
    }

    fn hex(&mut self, text: &[u8], verb: char) {
        let text = &text[..text.len().min(self.flags.precision.unwrap_or(usize::MAX))];
        let prefix = match (self.flags.sharp, verb) {
            (false, _) => "",
            (true, 'x') => "0x",
            (true, _) => "0X",
        };
        let mut hex = String::with_capacity(2 * text.len() + 2);
        for (i, byte) in text.iter().enumerate() {
            if self.flags.space && i > 0 {
                hex.push(' ');
            }
            if i == 0 || self.flags.space {
                hex.push_str(prefix);
            }
            for nibble in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                hex.push(if verb == 'X' { digit.to_ascii_uppercase() } else { digit });
            }
        }
        self.pad(hex.as_bytes());
    }

    /// Appends `text` filled up to the width.
    fn pad(&mut self, text: &[u8]) {
        let fill = match self.flags.width {
            Some(width) => width.saturating_sub(rune_count(text)),
            None => 0,
        };
        if self.flags.minus {
            self.out.extend_from_slice(text);
            self.out.extend(std::iter::repeat_n(b' ', fill));
        } else {
            let with = if self.flags.zero { b'0' } else { b' ' };
            self.out.extend(std::iter::repeat_n(with, fill));
            self.out.extend_from_slice(text);
        }
    }
}

/// Characters in `text`; a byte that is not UTF-8 counts as one.
pub(super) fn rune_count(text: &[u8]) -> usize {
    text.utf8_chunks()
        .map(|chunk| chunk.valid().chars().count() + chunk.invalid().len())
        .sum()
}

fn to_char(value: i64) -> char {
    u32::try_from(value)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn quote_char(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let quoted = quote(c.encode_utf8(&mut [0; 4]).as_bytes());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

/// `text` quoted with every character beyond ASCII escaped.
fn quote_ascii(text: &[u8]) -> String {
    let mut out = String::new();
    for c in quote(text).chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out
}

/// Whether Go can write `text` between backquotes.
fn is_raw(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars()
            .all(|c| c == '\t' || c >= ' ' && !matches!(c, '`' | '\x7f' | '\u{feff}'))
    })
}

/// One value as `%v` writes it.
pub(super) fn to_text(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    print(&mut out, value);
    String::from_utf8_lossy(&out).into_owned()
}
