//! What explorers of logs ask: volumes, and what there is to filter by.

use crate::{Engine, Error, QueryResponse, SeriesRequest, TenantId};
use std::fmt;
use std::slice::from_ref;

/// How many bytes of lines streams hold, and how that is told.
///
/// ```
/// use loki_core::VolumeRequest;
/// let request = VolumeRequest::new(r#"{app=~".+"}"#, 0, 60_000_000_000);
/// assert_eq!((request.step, request.limit), (None, 100));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeRequest {
    /// A selector of matchers only; unlike that of a query it may select everything.
    pub selector: String,
    /// First timestamp, inclusive, in nanoseconds.
    pub start: i64,
    /// Last timestamp, inclusive, in nanoseconds.
    pub end: i64,
    /// Volumes of so many nanoseconds each, aligned to multiples of it; none: one volume for the whole range.
    pub step: Option<i64>,
    /// How many groups at most, the largest; of each step.
    pub limit: usize,
    /// The labels to group by; none: those that the selector names, and where it names none, all.
    pub target_labels: Vec<String>,
    /// What is a group.
    pub grouping: VolumeGrouping,
}

/// What the volumes of streams are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VolumeGrouping {
    /// Equal values of the target labels.
    #[default]
    Series,
    /// Each label name by itself.
    Labels,
}

impl VolumeRequest {
    /// The volumes over `start..=end` (nanoseconds) of the hundred largest groups.
    pub fn new(selector: impl Into<String>, start: i64, end: i64) -> VolumeRequest {
        VolumeRequest {
            selector: selector.into(),
            start,
            end,
            step: None,
            limit: 100,
            target_labels: Vec::new(),
            grouping: VolumeGrouping::Series,
        }
    }
}

/// A label with values that are more than numbers and ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedLabel {
    /// Its name.
    pub name: String,
    /// How many values it has.
    pub cardinality: u64,
}

/// In which lines fields are looked for.
///
/// ```
/// use loki_core::FieldRequest;
/// let request = FieldRequest::new(r#"{app="shop"}"#, 0, 60_000_000_000);
/// assert_eq!((request.line_limit, request.limit), (100, 1000));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRequest {
    /// A log query.
    pub query: String,
    /// First timestamp, inclusive, in nanoseconds.
    pub start: i64,
    /// Last timestamp, exclusive, in nanoseconds.
    pub end: i64,
    /// How many lines are looked at, the newest.
    pub line_limit: usize,
    /// How many fields, or values, at most.
    pub limit: usize,
}

impl FieldRequest {
    /// At most a thousand fields of the hundred newest lines in `start..end` (nanoseconds).
    pub fn new(query: impl Into<String>, start: i64, end: i64) -> FieldRequest {
        FieldRequest {
            query: query.into(),
            start,
            end,
            line_limit: 100,
            limit: 1000,
        }
    }
}

/// A field of lines, or their structured metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedField {
    /// The label that a parser makes of it.
    pub name: String,
    /// What its values look like.
    pub kind: FieldType,
    /// How many values it has.
    pub cardinality: u64,
    /// The parsers that find it; none for structured metadata.
    pub parsers: Vec<FieldParser>,
    /// The keys that lead to it in JSON.
    pub json_path: Vec<String>,
}

/// What the values of a field look like. Prints as Loki's API has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FieldType {
    Int,
    Float,
    Boolean,
    Duration,
    Bytes,
    #[default]
    String,
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldType::Int => "int",
            FieldType::Float => "float",
            FieldType::Boolean => "boolean",
            FieldType::Duration => "duration",
            FieldType::Bytes => "bytes",
            FieldType::String => "string",
        })
    }
}

/// A parser of LogQL that finds fields without being told where. Prints as in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FieldParser {
    Json,
    Logfmt,
}

impl fmt::Display for FieldParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldParser::Json => "json",
            FieldParser::Logfmt => "logfmt",
        })
    }
}

impl Engine {
    /// How many bytes of lines streams hold, in memory and in segments: a vector of volumes, the largest first, or a
    /// matrix where some group has several. Told from the headers of blocks: of one that reaches out of the range or
    /// of a step, the share of its time counts.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) where the tenant's limits do not allow it,
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) by too many groups,
    /// [`InvalidQuery`](crate::ErrorKind::InvalidQuery), [`Corrupt`](crate::ErrorKind::Corrupt).
    pub fn volume(&self, tenant: &TenantId, request: &VolumeRequest) -> Result<QueryResponse, Error> {
        self.reader(from_ref(tenant)).volume(request)
    }

    /// The labels of the selected streams that one would filter by, sorted by name: not those whose values are all
    /// numbers or UUIDs.
    ///
    /// # Errors
    ///
    /// As [`labels`](Engine::labels).
    pub fn detected_labels(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<Vec<DetectedLabel>, Error> {
        self.reader(from_ref(tenant)).detected_labels(request)
    }

    /// The fields of the newest lines of a log query, sorted by name: structured metadata, what the lines hold as
    /// JSON or logfmt, and what the parsers of the query extract.
    ///
    /// # Errors
    ///
    /// As [`query`](Engine::query).
    pub fn detected_fields(&self, tenant: &TenantId, request: &FieldRequest) -> Result<Vec<DetectedField>, Error> {
        self.reader(from_ref(tenant)).detected_fields(request)
    }

    /// The values of one of those fields, sorted. Sizes are printed in one form.
    ///
    /// # Errors
    ///
    /// As [`query`](Engine::query).
    pub fn detected_field_values(
        &self,
        tenant: &TenantId,
        name: &str,
        request: &FieldRequest,
    ) -> Result<Vec<String>, Error> {
        self.reader(from_ref(tenant)).detected_field_values(name, request)
    }
}
