//! Sizes in bytes: `5KB`, `1.5 MiB`, `10`.

use super::parse_float;

/// Reads a size: digits with dots and commas (which are left out), then spaces or none, then a unit in any case or
/// none. `K` means 1000, `Ki` 1024. A fraction of a byte is cut off.
///
/// # Errors
///
/// The text that Loki answers with: Go's float error, `unhandled size name: s` or `too large: 1e30`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = parse_float(&number.replace(',', ""))?;
    let unit = unit.trim().to_lowercase();
    let factor = factor(&unit).ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let size = number * factor as f64;
    if size >= u64::MAX as f64 {
        return Err(format!("too large: {text}"));
    }
    Ok(size as u64)
}

/// The bytes of a unit in lower case.
fn factor(unit: &str) -> Option<u64> {
    Some(match unit {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "p" | "pb" => 1_000_000_000_000_000,
        "e" | "eb" => 1_000_000_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        "pi" | "pib" => 1 << 50,
        "ei" | "eib" => 1 << 60,
        _ => return None,
    })
}

/// Prints a size in units of 1000 with two digits or three: `5.0kB`, `12MB`. Lossy.
pub(crate) fn format_size(n: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 10 {
        return format!("{n}B");
    }
    let n = n as f64;
    let exponent = (n.ln() / 1000f64.ln()).floor();
    let value = (n / 1000f64.powf(exponent) * 10.0 + 0.5).floor() / 10.0;
    let unit = UNITS[exponent as usize];
    if value < 10.0 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.0}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_read_with_every_unit() {
        let cases = [
            ("5", 5),
            ("5b", 5),
            ("5 MB", 5_000_000),
            ("5kb", 5_000),
            ("5K", 5_000),
            ("5Ki", 5_120),
            ("1.5KiB", 1_536),
            ("1,000", 1_000),
            ("2gib", 2 << 30),
            ("3PB", 3_000_000_000_000_000),
            ("15EiB", 15 << 60),
            ("1.9", 1),
        ];
        for (text, size) in cases {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_its_text() {
        let cases = [
            ("", r#"strconv.ParseFloat: parsing "": invalid syntax"#),
            ("-5", r#"strconv.ParseFloat: parsing "": invalid syntax"#),
            ("foo", r#"strconv.ParseFloat: parsing "": invalid syntax"#),
            ("1.2.3", r#"strconv.ParseFloat: parsing "1.2.3": invalid syntax"#),
            ("5s", "unhandled size name: s"),
            ("5 Foo ", "unhandled size name: foo"),
            ("16EiB", "too large: 16EiB"),
        ];
        for (text, error) in cases {
            assert_eq!(parse_size(text), Err(error.to_owned()));
        }
    }

    #[test]
    fn sizes_print_rounded() {
        let cases = [
            (0, "0B"),
            (9, "9B"),
            (10, "10B"),
            (999, "999B"),
            (1000, "1.0kB"),
            (5000, "5.0kB"),
            (5120, "5.1kB"),
            (12_345_000, "12MB"),
            (999_999, "1000kB"),
            (u64::MAX, "18EB"),
        ];
        for (n, text) in cases {
            assert_eq!(format_size(n), text);
        }
    }

    proptest! {
        #[test]
        fn any_size_prints(n in any::<u64>()) {
            let text = format_size(n);
            prop_assert!(text.ends_with('B'));
        }
    }
}
