//! IP addresses inside text: what `ip("…")` matches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// An address, a prefix or a range of addresses; each is a range of numbers of one family.
#[derive(Debug, Clone)]
pub(super) enum IpPattern {
    V4(RangeInclusive<u32>),
    V6(RangeInclusive<u128>),
}

/// The shortest address of version 4 has 7 bytes; Loki starts to look at 4.
const MIN_V4_BYTES: usize = 4;
/// Loki looks for no address of version 6 in less.
const MIN_V6_BYTES: usize = 5;

impl IpPattern {
    /// Parses `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`, or the like of version 6.
    pub(super) fn parse(text: &str) -> Result<IpPattern, String> {
        let invalid = || format!("ip: invalid pattern: {}", crate::quote::quote(text.as_bytes()));
        let pattern = if let Some((from, to)) = text.split_once('-') {
            range(from, to)
        } else if let Some((address, bits)) = text.split_once('/') {
            prefix(address, bits)
        } else {
            range(text, text)
        };
        pattern.ok_or_else(invalid)
    }

    /// Whether an address in `text` matches.
    pub(super) fn is_found(&self, text: &[u8]) -> bool {
        let mut at = 0;
        while text.len() - at >= MIN_V4_BYTES {
            let rest = &text[at..];
            let candidate = if starts_v4(rest) {
                run(rest, |b| b.is_ascii_digit() || b == b'.')
            } else if rest.len() >= MIN_V6_BYTES && starts_v6(rest) {
                run(rest, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.')
            } else {
                at += 1;
                continue;
            };
            if self.holds(candidate) {
                return true;
            }
            at = (at + candidate.len() + 1).min(text.len());
        }
        false
    }

    fn holds(&self, candidate: &[u8]) -> bool {
        match (std::str::from_utf8(candidate).map(str::parse), self) {
            (Ok(Ok(IpAddr::V4(address))), IpPattern::V4(range)) => range.contains(&address.to_bits()),
            (Ok(Ok(IpAddr::V6(address))), IpPattern::V6(range)) => range.contains(&address.to_bits()),
            _ => false,
        }
    }
}

fn range(from: &str, to: &str) -> Option<IpPattern> {
    match (from.parse().ok()?, to.parse().ok()?) {
        (IpAddr::V4(from), IpAddr::V4(to)) if from <= to => Some(IpPattern::V4(from.to_bits()..=to.to_bits())),
        (IpAddr::V6(from), IpAddr::V6(to)) if from <= to => Some(IpPattern::V6(from.to_bits()..=to.to_bits())),
        _ => None,
    }
}

fn prefix(address: &str, bits: &str) -> Option<IpPattern> {
    let is_plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let bits: u32 = bits.parse().ok().filter(|_| is_plain)?;
    match address.parse().ok()? {
        IpAddr::V4(address) if bits <= Ipv4Addr::BITS => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let address = address.to_bits();
            Some(IpPattern::V4(address & !host..=address | host))
        }
        IpAddr::V6(address) if bits <= Ipv6Addr::BITS => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let address = address.to_bits();
            Some(IpPattern::V6(address & !host..=address | host))
        }
        _ => None,
    }
}

/// Whether the text looks like the start of an address of version 4: a digit, and a dot within three bytes.
fn starts_v4(text: &[u8]) -> bool {
    text[0].is_ascii_digit() && text[1..4].contains(&b'.')
}

/// Whether the text looks like the start of an address of version 6: `::h`, or up to four hex digits and a colon.
fn starts_v6(text: &[u8]) -> bool {
    match text.iter().take(5).position(|b| !b.is_ascii_hexdigit()) {
        Some(0) => text[0] == b':' && text[1] == b':' && text[2].is_ascii_hexdigit(),
        Some(n) => text[n] == b':',
        None => false,
    }
}

fn run(text: &[u8], is_part: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|&b| !is_part(b)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, text: &str) -> bool {
        IpPattern::parse(pattern).expect("a valid pattern").is_found(text.as_bytes())
    }

    #[test]
    fn addresses_are_found_where_loki_finds_them() {
        assert!(found("10.1.2.3", "a10.1.2.3b"));
        assert!(found("10.1.2.3", "10.1.2.3,x"));
        assert!(found("10.1.2.3", "10.1.2.3:80"));
        assert!(!found("10.1.2.3", "3.10.1.2.3"));
        assert!(found("10.0.0.0/8", "from 10.1.2.3 to"));
        assert!(!found("10.0.0.0/8", "from 11.1.2.3 to"));
        assert!(found("10.0.0.1-10.0.0.5", "10.0.0.5"));
        assert!(!found("10.0.0.1-10.0.0.5", "10.0.0.6"));
        assert!(found("2001:db8::/32", "x 2001:db8::1 y"));
        assert!(!found("::1", "::1"), "three bytes are too short for Loki's search");
        assert!(found("::1", "::1 is home"));
        assert!(!found("0.0.0.0/0", "::ffff:1.2.3.4"));
        assert!(found("0.0.0.0/0", "1.2.3.4"));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for bad in ["bogus", "1.2.3", "1.2.3.4/33", "1.2.3.4-1.2.3.3", "1.2.3.4-::1", "", "1.2.3.4/08", "1.2.3.4/+8"] {
            assert_eq!(IpPattern::parse(bad).unwrap_err(), format!("ip: invalid pattern: \"{bad}\""));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_searched(text in prop::collection::vec(prop::sample::select(b"0129.:af g\xff".to_vec()), 0..40)) {
            let everything = IpPattern::parse("0.0.0.0/0").expect("a valid pattern");
            let everything_else = IpPattern::parse("::/0").expect("a valid pattern");
            let found = everything.is_found(&text) || everything_else.is_found(&text);
            prop_assert!(!found || text.len() >= 4);
        }
    }
}
