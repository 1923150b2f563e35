//! Names and values of structured metadata, as they are kept.

use std::borrow::Cow;

/// The name under which a pushed name is kept: runs of anything but letters and digits become one `_`, a leading digit
/// gets a prefix, `__x__` stays.
///
/// # Errors
///
/// Loki's text where nothing is left of the name.
pub(super) fn name(pushed: &str) -> Result<Cow<'_, str>, String> {
    if pushed.is_empty() {
        return Err("label name is empty".to_owned());
    }
    let reserved = pushed.len() > 4 && pushed.starts_with("__") && pushed.ends_with("__");
    if reserved && pushed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(Cow::Borrowed(pushed));
    }
    let digit = pushed.starts_with(|c: char| c.is_ascii_digit());
    if !digit && is_kept(pushed) {
        return Ok(Cow::Borrowed(pushed));
    }
    let mut kept = String::with_capacity(pushed.len() + 4);
    if digit {
        kept.push_str("key_");
    }
    for c in pushed.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => kept.push(c),
            _ if kept.ends_with('_') => {}
            _ => kept.push('_'),
        }
    }
    if kept.bytes().all(|b| b == b'_') {
        return Err(format!(
            "normalization for label name \"{pushed}\" resulted in invalid name \"_\""
        ));
    }
    Ok(Cow::Owned(kept))
}

/// Whether a name that starts with no digit is kept as it is.
fn is_kept(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_')
        && !bytes.windows(2).any(|pair| pair == b"__")
        && bytes != b"_"
}

/// The value that is kept of a pushed value.
pub(super) fn value<'a>(pushed: &'a str) -> Cow<'a, str> {
    if pushed.contains('\u{fffd}') {
        Cow::Owned(pushed.replace('\u{fffd}', " "))
    } else {
        Cow::Borrowed(pushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_loki_keeps_them() {
        for (pushed, kept) in [
            ("k8s.pod.name", "k8s_pod_name"),
            ("a..b", "a_b"),
            ("a__b", "a_b"),
            ("_a", "_a"),
            ("__a", "_a"),
            ("-a", "_a"),
            ("a_", "a_"),
            ("a__", "a_"),
            ("a-", "a_"),
            ("h\u{e9}llo", "h_llo"),
            ("a \u{e9} b", "a_b"),
            ("1st", "key_1st"),
            ("9", "key_9"),
            ("\u{f1}1", "_1"),
            ("__meta__", "__meta__"),
            ("__1__", "__1__"),
            ("plain", "plain"),
        ] {
            assert_eq!(name(pushed).as_deref(), Ok(kept), "{pushed}");
        }
    }

    #[test]
    fn names_of_separators_alone_are_refused() {
        assert_eq!(name("").expect_err("empty"), "label name is empty");
        for pushed in ["\u{e9}", "_", "__", "\u{65e5}\u{672c}"] {
            let expected = format!("normalization for label name \"{pushed}\" resulted in invalid name \"_\"");
            assert_eq!(name(pushed).expect_err(pushed), expected);
        }
    }
}
