//! Names that clients give, as labels and structured metadata keep them.

use crate::{Error, ErrorKind};
use std::borrow::Cow;

/// The name under which a name of any characters is kept: a label name.
///
/// Runs of anything but ASCII letters and digits become one `_`, a leading digit gets the prefix `key_`, and the outer
/// underscores of `__x__` stay. [`Engine::push`](crate::Engine::push) does this to names of structured metadata;
/// whoever makes labels of foreign names, such as the attributes of OpenTelemetry, does it before the push.
///
/// ```
/// use loki_core::label_name;
/// assert_eq!(label_name("k8s.pod.name")?, "k8s_pod_name");
/// assert_eq!(label_name("1st")?, "key_1st");
/// assert!(label_name("日本").is_err());
/// # Ok::<(), loki_core::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::InvalidMetadata`] where nothing is left of the name.
pub fn label_name(given: &str) -> Result<Cow<'_, str>, Error> {
    if is_kept(given) {
        return Ok(Cow::Borrowed(given));
    }
    if given.is_empty() {
        return Err(Error::new(ErrorKind::InvalidMetadata, "label name is empty"));
    }
    let reserved = given.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    let mut kept = String::with_capacity(given.len() + 4);
    if given.starts_with(|c: char| c.is_ascii_digit()) {
        kept.push_str("key_");
    }
    let mut is_separated = false;
    let outer = if reserved.is_some() { "__" } else { "" };
    kept.push_str(outer);
    for c in reserved.unwrap_or(given).chars() {
        if c.is_ascii_alphanumeric() {
            kept.push(c);
        } else if !is_separated {
            kept.push('_');
        }
        is_separated = !c.is_ascii_alphanumeric();
    }
    kept.push_str(outer);
    if kept.bytes().all(|byte| byte == b'_') {
        let text = format!("normalization for label name {given:?} resulted in invalid name {kept:?}");
        return Err(Error::new(ErrorKind::InvalidMetadata, text));
    }
    Ok(Cow::Owned(kept))
}

/// Whether a name is kept as it is, as most are.
fn is_kept(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_plain = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'_';
    bytes.first().is_some_and(|first| !first.is_ascii_digit())
        && bytes.iter().all(is_plain)
        && !bytes.windows(2).any(|pair| pair == b"__")
        && bytes != b"_"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_kept_as_loki_keeps_them() {
        for (given, kept) in [
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
            ("__a.b__", "__a_b__"),
            ("plain", "plain"),
        ] {
            assert_eq!(label_name(given).expect(given), kept, "{given}");
        }
    }

    #[test]
    fn names_of_separators_alone_are_refused() {
        assert_eq!(label_name("").expect_err("empty").message(), "label name is empty");
        for (given, left) in [
            ("\u{e9}", "_"),
            ("_", "_"),
            ("__", "_"),
            ("\u{65e5}\u{672c}", "_"),
            ("____", "____"),
        ] {
            let expected = format!("normalization for label name \"{given}\" resulted in invalid name \"{left}\"");
            assert_eq!(label_name(given).expect_err(given).message(), expected);
        }
    }

    proptest! {
        #[test]
        fn a_kept_name_is_a_label_name_and_stays_what_it_is(given in "[a_.é0-9-]{1,8}") {
            if let Ok(kept) = label_name(&given) {
                prop_assert!(!kept.starts_with(|c: char| c.is_ascii_digit()));
                prop_assert!(kept.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
                let again = label_name(&kept).expect("was kept");
                prop_assert_eq!(again, &*kept);
            }
        }
    }
}
