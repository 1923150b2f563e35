//! Numbers as text and back, eight digits at a time.

/// Decimal digits that always fit 64 bits.
pub(super) const MOST_DIGITS: usize = 19;
/// Bytes that a write may touch beyond what it counts.
pub(super) const SLACK: usize = 32;

const ASCII_ZEROS: u64 = 0x3030_3030_3030_3030;
const EIGHT_DIGITS: u64 = 100_000_000;

/// The value of at most [`MOST_DIGITS`] decimal digits.
pub(super) fn parse(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |value, &digit| value * 10 + u64::from(digit - b'0'))
}

/// The eight digits of a number below 10^8, the first one in the lowest byte, as numbers.
#[inline]
fn spread_decimal(value: u64) -> u64 {
    let halves = (value / 10_000) | (value % 10_000) << 32;
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (halves - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

#[inline]
fn put(out: &mut [u8], at: usize, bytes: u64) {
    out[at..at + 8].copy_from_slice(&bytes.to_le_bytes());
}

/// Numbers below 1000 as three digits, the first one in the lowest byte: most numbers in lines are this short, and looking them
/// up costs a fifth of reckoning.
static SHORT: [u32; 1000] = {
    let mut table = [0; 1000];
    let mut value = 0;
    while value < 1000 {
        let digits = [value / 100, value / 10 % 10, value % 10];
        table[value as usize] = 0x0030_3030 | digits[0] | digits[1] << 8 | digits[2] << 16;
        value += 1;
    }
    table
};
const SHORT_DIGITS: usize = 3;

#[inline]
fn put_short(out: &mut [u8], at: usize, digits: u32, width: usize) {
    let digits = digits.unbounded_shr(8 * (SHORT_DIGITS - width) as u32);
    out[at..at + 4].copy_from_slice(&digits.to_le_bytes());
}

/// Writes a number without leading zeros; how many digits that were. May touch [`SLACK`] bytes.
#[inline]
pub(super) fn put_decimal(out: &mut [u8], at: usize, value: u64) -> usize {
    if let Some(&digits) = SHORT.get(value as usize) {
        let width = 1 + usize::from(value > 9) + usize::from(value > 99);
        put_short(out, at, digits, width);
        return width;
    }
    put_long(out, at, value)
}

fn put_long(out: &mut [u8], at: usize, value: u64) -> usize {
    if value < EIGHT_DIGITS {
        let digits = spread_decimal(value);
        // The last digit stands even if it is 0.
        let zeros = (digits | 1 << 56).trailing_zeros() & !7;
        put(out, at, (digits | ASCII_ZEROS) >> zeros);
        return 8 - zeros as usize / 8;
    }
    let head = put_long(out, at, value / EIGHT_DIGITS);
    put(out, at + head, spread_decimal(value % EIGHT_DIGITS) | ASCII_ZEROS);
    head + 8
}

/// Writes a number with leading zeros up to `width` digits (at most [`MOST_DIGITS`]); a number that needs more loses its first.
#[inline]
pub(super) fn put_padded(out: &mut [u8], at: usize, value: u64, width: usize) {
    if let Some(&digits) = SHORT.get(value as usize)
        && width <= SHORT_DIGITS
    {
        return put_short(out, at, digits, width);
    }
    put_long_padded(out, at, value, width);
}

fn put_long_padded(out: &mut [u8], at: usize, value: u64, width: usize) {
    if width <= 8 {
        let digits = spread_decimal(value % EIGHT_DIGITS) | ASCII_ZEROS;
        put(out, at, digits.unbounded_shr(64 - 8 * width as u32));
        return;
    }
    put_long_padded(out, at, value / EIGHT_DIGITS, width - 8);
    put(out, at + width - 8, spread_decimal(value % EIGHT_DIGITS) | ASCII_ZEROS);
}

/// How many digits [`put_decimal`] writes.
#[inline]
pub(super) fn decimal_width(value: u64) -> usize {
    value.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Of texts of digits, leading zeros and all, in the order of their lengths and then of their values, the place of this one: a
/// number for each text. At most 18 digits.
pub(super) fn rank(digits: &[u8]) -> u64 {
    parse(digits) + shorter(digits.len())
}

/// Digits of the text of this [`rank`].
#[inline]
pub(super) fn rank_width(rank: u64) -> usize {
    // Shifted by the ranks of shorter texts, a rank of `n` digits lies in 10^n / 9 .. 10^(n + 1) / 9.
    let guess = decimal_width(rank);
    if guess < MOST_DIGITS + 1 && rank < shorter(guess) {
        guess - 1
    } else {
        guess
    }
}

/// The number of texts of fewer digits, the empty one not counted.
#[inline]
pub(super) fn shorter(width: usize) -> u64 {
    SHORTER[width.min(SHORTER.len() - 1)]
}

static SHORTER: [u64; MOST_DIGITS + 1] = {
    let mut table = [0; MOST_DIGITS + 1];
    let mut width = 2;
    while width <= MOST_DIGITS {
        table[width] = table[width - 1] * 10 + 10;
        width += 1;
    }
    table
};

/// What makes `a` of 10 in the code of characters, added to the `0` that digits get.
const LOWER: u64 = (b'a' - b'0' - 10) as u64;
const UPPER: u64 = (b'A' - b'0' - 10) as u64;

/// Four bytes as hexadecimal digits, those of the first byte lowest.
#[inline]
fn spread_hex(bytes: [u8; 4], letters: u64) -> u64 {
    let mut nibbles = u64::from(u32::from_le_bytes(bytes));
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    // Of each byte the high half first.
    nibbles = (nibbles >> 4 | nibbles << 8) & 0x0f0f_0f0f_0f0f_0f0f;
    let is_letter = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    nibbles + ASCII_ZEROS + is_letter * letters
}

/// Writes `row` as hexadecimal digits, two a byte; of an odd number of digits the first has a byte of its own. May touch
/// [`SLACK`] bytes.
#[inline]
pub(super) fn put_hex(out: &mut [u8], at: usize, row: &[u8], digits: usize, upper: bool) {
    let letters = if upper { UPPER } else { LOWER };
    match row {
        [first, rest @ ..] if digits % 2 == 1 => {
            put(out, at, spread_hex([*first << 4, 0, 0, 0], letters));
            put_pairs(out, at + 1, rest, letters);
        }
        _ => put_pairs(out, at, row, letters),
    }
}

#[inline]
fn put_pairs(out: &mut [u8], mut at: usize, row: &[u8], letters: u64) {
    let (words, rest) = row.as_chunks::<4>();
    for word in words {
        put(out, at, spread_hex(*word, letters));
        at += 8;
    }
    if !rest.is_empty() {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        put(out, at, spread_hex(word, letters));
    }
}

/// Bytes of a UUID as text, four hyphens among them.
pub(super) const UUID_BYTES: usize = 36;
/// Where its hyphens stand.
pub(super) const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Bytes of a UUID as a row.
pub(super) const UUID_ROW: usize = 16;

/// Writes a row of [`UUID_ROW`] bytes as a UUID. May touch [`SLACK`] bytes.
#[inline]
pub(super) fn put_uuid(out: &mut [u8], at: usize, row: &[u8]) {
    // In ascending order: each part overwrites what the one before it touched behind its end.
    let parts = [(0, 0..4), (9, 4..6), (14, 6..8), (19, 8..10), (24, 10..16)];
    for (place, bytes) in parts {
        put_pairs(out, at + place, &row[bytes], LOWER);
    }
    for hyphen in UUID_HYPHENS {
        out[at + hyphen] = b'-';
    }
}

/// The value of a hexadecimal digit.
pub(super) fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Appends hexadecimal digits as bytes; an odd number of them begins with half a byte.
pub(super) fn pack_hex(digits: impl ExactSizeIterator<Item = u8>, out: &mut Vec<u8>) {
    let mut waiting = (digits.len() % 2 == 1).then_some(0);
    for digit in digits {
        let value = nibble(digit);
        match waiting.take() {
            Some(high) => out.push(high << 4 | value),
            None => waiting = Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decimals_print_as_the_standard_library_prints_them(value: u64, shift in 0u32..64) {
            let value = value >> shift;
            let mut out = [0; 20 + SLACK];
            let length = put_decimal(&mut out, 0, value);
            let text = value.to_string();
            prop_assert_eq!(&out[..length], text.as_bytes());
            prop_assert_eq!(decimal_width(value), length);
            if length <= MOST_DIGITS {
                prop_assert_eq!(parse(text.as_bytes()), value);
            }
        }

        #[test]
        fn padded_numbers_keep_their_zeros(digits in "[0-9]{1,19}") {
            let mut out = [0; 20 + SLACK];
            put_padded(&mut out, 0, parse(digits.as_bytes()), digits.len());
            prop_assert_eq!(&out[..digits.len()], digits.as_bytes());
        }

        #[test]
        fn every_text_of_digits_has_a_rank_of_its_own(digits in "[0-9]{1,18}") {
            let rank = rank(digits.as_bytes());
            prop_assert_eq!(rank_width(rank), digits.len());
            prop_assert_eq!(rank - shorter(digits.len()), parse(digits.as_bytes()));
        }

        #[test]
        fn hexadecimal_digits_come_back(digits in "[0-9a-f]{1,80}") {
            let mut row = Vec::new();
            pack_hex(digits.bytes(), &mut row);
            let mut out = [0; 80 + SLACK];
            put_hex(&mut out, 0, &row, digits.len(), false);
            prop_assert_eq!(&out[..digits.len()], digits.as_bytes());
            put_hex(&mut out, 0, &row, digits.len(), true);
            let upper = digits.to_uppercase();
            prop_assert_eq!(&out[..digits.len()], upper.as_bytes());
        }
    }

    #[test]
    fn a_uuid_gets_its_hyphens_back() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        let mut row = Vec::new();
        let hex: Vec<u8> = text.bytes().filter(|&byte| byte != b'-').collect();
        pack_hex(hex.into_iter(), &mut row);
        let mut out = [0; UUID_BYTES + SLACK];
        put_uuid(&mut out, 0, &row);
        assert_eq!(&out[..UUID_BYTES], text.as_bytes());
    }

    #[test]
    fn ranks_are_without_gaps() {
        let texts = ["0", "9", "00", "09", "99", "000", "999", "0000"];
        assert_eq!(
            texts.map(|text| rank(text.as_bytes())),
            [0, 9, 10, 19, 109, 110, 1109, 1110]
        );
    }
}
