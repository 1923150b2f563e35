//! What is pushed: streams of entries, borrowed from the body that they came in.

use crate::Error;
use crate::ingest::parse_labels;
use std::borrow::Cow;

/// Entries to store, by stream.
///
/// ```
/// use loki_core::PushRequest;
/// let request = PushRequest::new().with_stream([("app", "shop")], [(1_700_000_000_000_000_000, "hello")]);
/// assert_eq!(request.streams.len(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct PushRequest<'a> {
    /// In the order pushed.
    pub streams: Vec<PushStream<'a>>,
    /// What they came in, which is counted apart.
    pub format: PushFormat,
}

/// The protocol that a push came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushFormat {
    /// Loki's own, and any other.
    #[default]
    Loki,
    /// OpenTelemetry's.
    Otlp,
}

impl PushFormat {
    /// All of them.
    pub const ALL: [PushFormat; 2] = [PushFormat::Loki, PushFormat::Otlp];

    /// The name that Loki's metrics have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            PushFormat::Loki => "loki",
            PushFormat::Otlp => "otlp",
        }
    }
}

impl<'a> From<Vec<PushStream<'a>>> for PushRequest<'a> {
    fn from(streams: Vec<PushStream<'a>>) -> PushRequest<'a> {
        PushRequest {
            streams,
            format: PushFormat::default(),
        }
    }
}

/// Entries of one stream.
#[derive(Debug, Clone)]
pub struct PushStream<'a> {
    /// Which stream.
    pub labels: PushLabels<'a>,
    /// In the order pushed.
    pub entries: Vec<PushEntry<'a>>,
}

/// Names and values.
pub type PushPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The labels of a pushed stream.
#[derive(Debug, Clone)]
pub enum PushLabels<'a> {
    /// As a selector: `{app="shop"}`.
    Text(Cow<'a, str>),
    /// As pairs in any order; names are checked like those of the text form.
    Pairs(PushPairs<'a>),
}

/// One entry to store.
#[derive(Debug, Clone)]
pub struct PushEntry<'a> {
    /// Nanoseconds since the Unix epoch.
    pub timestamp: i64,
    /// The line; any bytes.
    pub line: Cow<'a, [u8]>,
    /// Structured metadata in any order.
    pub metadata: PushPairs<'a>,
}

impl<'a> PushLabels<'a> {
    /// The pairs: of the text form sorted by name, without those of empty values.
    ///
    /// ```
    /// use loki_core::PushLabels;
    /// let pairs = PushLabels::Text(r#"{env="dev", app="shop"}"#.into()).parse()?;
    /// assert_eq!(pairs, [("app".into(), "shop".into()), ("env".into(), "dev".into())]);
    /// # Ok::<(), loki_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidPush`](crate::ErrorKind::InvalidPush) where the text is none.
    pub fn parse(self) -> Result<PushPairs<'a>, Error> {
        match self {
            PushLabels::Pairs(pairs) => Ok(pairs),
            PushLabels::Text(text) => {
                let owned = |(name, value): (String, String)| (name.into(), value.into());
                Ok(parse_labels(&text)?.into_iter().map(owned).collect())
            }
        }
    }
}

impl<'a> PushRequest<'a> {
    /// A request without streams.
    pub fn new() -> PushRequest<'a> {
        PushRequest::default()
    }

    /// Adds a stream of plain lines: its label pairs, then `(nanoseconds, line)` each.
    #[must_use]
    pub fn with_stream(
        mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        lines: impl IntoIterator<Item = (i64, &'a str)>,
    ) -> PushRequest<'a> {
        self.streams.push(PushStream {
            labels: PushLabels::Pairs(labels.into_iter().map(|(n, v)| (n.into(), v.into())).collect()),
            entries: lines
                .into_iter()
                .map(|(timestamp, line)| PushEntry {
                    timestamp,
                    line: line.as_bytes().into(),
                    metadata: Vec::new(),
                })
                .collect(),
        });
        self
    }
}
