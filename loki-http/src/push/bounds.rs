//! What a push may unfold to: bytes, and the many small things whose places in memory cost more than their bytes.

use super::Error;
use memchr::memchr2;

/// What one push may unfold to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of the message once decompressed.
    pub(crate) bytes: u64,
    /// Streams, entries and pairs of structured metadata together: each takes up to some hundred bytes in memory,
    /// and as few as two in a message.
    pub(crate) items: usize,
}

impl Bounds {
    /// What nearly every push keeps: many such are taken at once.
    pub(crate) const COMMON: Bounds = Bounds {
        bytes: 4 << 20,
        items: 1 << 17,
    };

    /// What any push must keep, which may unfold to `bytes`: such are taken one at a time.
    pub(crate) fn most(bytes: u64) -> Bounds {
        Bounds { bytes, items: 1 << 21 }
    }

    /// The smaller of both.
    pub(crate) fn min(self, other: Bounds) -> Bounds {
        Bounds {
            bytes: self.bytes.min(other.bytes),
            items: self.items.min(other.items),
        }
    }

    /// Refuses a message of JSON that holds too many objects, arrays and members.
    pub(crate) fn check_json(self, message: &[u8]) -> Result<(), Error> {
        // The shortest, `[],`, has three bytes.
        if message.len() / 3 > self.items && json_items(message, self.items) > self.items {
            return Err(Error::TooManyItems { max: self.items });
        }
        Ok(())
    }

    /// Refuses more than `items`.
    pub(crate) fn check(self, items: usize) -> Result<(), Error> {
        match items > self.items {
            true => Err(Error::TooManyItems { max: self.items }),
            false => Ok(()),
        }
    }
}

/// Objects, arrays and members in JSON, counted until there are more than `enough`. Of what is no JSON any number.
fn json_items(json: &[u8], enough: usize) -> usize {
    let mut items = 0;
    let mut rest = json;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => rest = behind_string(rest),
            b'{' | b'[' | b':' => items += 1,
            _ => {}
        }
        if items > enough {
            break;
        }
    }
    items
}

/// What follows the string that `rest` begins in.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        if rest[at] == b'"' {
            return &rest[at + 1..];
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_strings_is_no_item() {
        for (json, items) in [
            ("", 0),
            (
                r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"],["2","y"]]}]}"#,
                11,
            ),
            (r#"["[{:","\"[","\\",["#, 2),
            (r#"["open [ "#, 1),
            (r#"["\"#, 1),
        ] {
            assert_eq!(json_items(json.as_bytes(), usize::MAX), items, "{json}");
        }
        assert_eq!(json_items(b"[[[[", 2), 3);
    }

    #[test]
    fn a_message_with_more_than_its_bound_is_refused() {
        let bounds = Bounds { bytes: 100, items: 3 };
        assert_eq!(bounds.check_json(b"[[[                   "), Ok(()));
        let error = bounds.check_json(b"[[[[                  ").expect_err("four");
        assert_eq!(
            error.to_string(),
            "request body too large: more than 3 streams, entries and pairs"
        );
    }
}
