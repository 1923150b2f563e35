//! Label sets: sorted by name, names unique.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A label set: names unique, sorted by their bytes. Cheap to clone.
///
/// Prints as `{a="b", c="d"}`, values quoted as Go quotes strings.
///
/// ```
/// use loki_logql::Labels;
/// let labels = Labels::from_pairs([("b", "2"), ("a", "1")]);
/// assert_eq!(labels.to_string(), r#"{a="1", b="2"}"#);
/// assert_eq!(labels.value("b"), Some("2"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// The set of these pairs. Of a repeated name the last value stays.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let mut all: Vec<(Box<str>, Box<str>)> = pairs
            .into_iter()
            .map(|(n, v)| (n.as_ref().into(), v.as_ref().into()))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        // Stable sort: of equal names the last one given stands last.
        all.reverse();
        all.dedup_by(|a, b| a.0 == b.0);
        all.reverse();
        Labels(all.into())
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + DoubleEndedIterator + Clone {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    /// The value of `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(n, _)| (**n).cmp(name))
            .ok()
            .map(|i| &*self.0[i].1)
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// By name, then value, label by label; a prefix sorts first.
impl Ord for Labels {
    fn cmp(&self, other: &Labels) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Labels) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{name}={}", crate::quote::quote(value.as_bytes()))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
