//! Decimal arithmetic behind `addf`, `subf`, `mulf` and `divf`: `addf 0.1 0.2` is 0.3.

use std::cmp::Ordering;

/// Fractional digits that a division keeps.
const DIVISION_PLACES: i64 = 16;

/// A decimal number of any size: `±digits × 10^exponent`.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    negative: bool,
    /// Values 0 to 9, most significant first, no leading zero; empty for 0.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads as `value`.
    ///
    /// # Errors
    ///
    /// The text of the failure for infinities and NaN.
    pub(super) fn from_f64(value: f64) -> Result<Decimal, String> {
        if !value.is_finite() {
            let shown = crate::go::format_float(value);
            return Err(format!("Cannot create a Decimal from {shown}"));
        }
        let written = format!("{value:e}");
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        Ok(Decimal {
            negative: value < 0.0,
            digits: trimmed(mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()),
            exponent: exponent.parse().unwrap_or(0) - fraction as i64,
        })
    }

    /// The nearest float.
    pub(super) fn to_f64(&self) -> f64 {
        let digits: String = self.digits.iter().map(|d| (d + b'0') as char).collect();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}0{digits}e{}", self.exponent).parse().unwrap_or(0.0)
    }

    pub(super) fn add(&self, other: &Decimal) -> Decimal {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.scaled(exponent), other.scaled(exponent));
        if self.negative == other.negative {
            return Decimal {
                negative: self.negative,
                digits: sum(&a, &b),
                exponent,
            };
        }
        let (negative, digits) = match compare(&a, &b) {
            Ordering::Less => (other.negative, difference(&b, &a)),
            _ => (self.negative, difference(&a, &b)),
        };
        Decimal {
            negative: negative && !digits.is_empty(),
            digits,
            exponent,
        }
    }

    pub(super) fn sub(&self, other: &Decimal) -> Decimal {
        let mut negated = other.clone();
        negated.negative = !other.negative;
        self.add(&negated)
    }

    pub(super) fn mul(&self, other: &Decimal) -> Decimal {
        let mut cells = vec![0u32; self.digits.len() + other.digits.len()];
        for (i, &a) in self.digits.iter().enumerate() {
            for (j, &b) in other.digits.iter().enumerate() {
                cells[i + j + 1] += u32::from(a) * u32::from(b);
            }
        }
        let mut carry = 0;
        for cell in cells.iter_mut().rev() {
            carry += *cell;
            *cell = carry % 10;
            carry /= 10;
        }
        let digits = trimmed(cells.into_iter().map(|d| d as u8).collect());
        Decimal {
            negative: (self.negative != other.negative) && !digits.is_empty(),
            digits,
            exponent: self.exponent + other.exponent,
        }
    }

    /// The quotient, rounded half away from zero. `None`: `other` is 0.
    pub(super) fn div(&self, other: &Decimal) -> Option<Decimal> {
        if other.digits.is_empty() {
            return None;
        }
        // One digit more than is kept decides the rounding.
        let shift = self.exponent - other.exponent + DIVISION_PLACES + 1;
        let mut numerator = self.digits.clone();
        let mut divisor = other.digits.clone();
        let pad = |digits: &mut Vec<u8>, zeros: i64| digits.extend(std::iter::repeat_n(0, zeros.max(0) as usize));
        pad(&mut numerator, shift);
        pad(&mut divisor, -shift);
        let mut quotient = Vec::with_capacity(numerator.len());
        let mut rest: Vec<u8> = Vec::new();
        for digit in numerator {
            if !(rest.is_empty() && digit == 0) {
                rest.push(digit);
            }
            let mut times = 0;
            while compare(&rest, &divisor) != Ordering::Less {
                rest = difference(&rest, &divisor);
                times += 1;
            }
            quotient.push(times);
        }
        let last = quotient.pop().unwrap_or(0);
        let mut digits = trimmed(quotient);
        if last >= 5 {
            digits = sum(&digits, &[1]);
        }
        Some(Decimal {
            negative: (self.negative != other.negative) && !digits.is_empty(),
            digits,
            exponent: -DIVISION_PLACES,
        })
    }

    /// The digits of the number over a smaller exponent.
    fn scaled(&self, exponent: i64) -> Vec<u8> {
        let mut digits = self.digits.clone();
        if !digits.is_empty() {
            digits.extend(std::iter::repeat_n(0, (self.exponent - exponent) as usize));
        }
        digits
    }
}

fn trimmed(digits: Vec<u8>) -> Vec<u8> {
    let zeros = digits.iter().take_while(|&&d| d == 0).count();
    digits[zeros..].to_vec()
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let length = a.len().max(b.len()) + 1;
    let mut out = vec![0; length];
    let mut carry = 0;
    for i in 0..length {
        let digit = |of: &[u8]| of.len().checked_sub(i + 1).map_or(0, |at| of[at]);
        carry += digit(a) + digit(b);
        out[length - 1 - i] = carry % 10;
        carry /= 10;
    }
    trimmed(out)
}

/// `a - b`, where `a` is not less.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = a.to_vec();
    let mut borrow = 0;
    for i in 0..a.len() {
        let at = a.len() - 1 - i;
        let take = borrow + b.len().checked_sub(i + 1).map_or(0, |at| b[at]);
        borrow = u8::from(out[at] < take);
        out[at] = out[at] + 10 * borrow - take;
    }
    trimmed(out)
}
