//! The rules that a push must keep, and what of it is accepted.

use super::level::Detector;
use super::name::label_name;
use super::refusal::{Discarded, Refusal, Refusals};
use super::stream_labels::{LabelCache, StreamLabels};
use crate::{Error, ErrorKind, Limits, PushEntry, PushFormat, PushRequest, TenantId};
use loki_chunk::{LINE_MAX_BYTES, METADATA_MAX_BYTES};
use loki_logql::Labels;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Structured metadata that the engine adds to every entry.
const DETECTED_LEVEL: &str = "detected_level";

/// What of a push keeps the rules.
#[derive(Debug, Default)]
pub(crate) struct Accepted<'r> {
    /// In the order pushed; none is empty.
    pub(crate) streams: Vec<AcceptedStream>,
    /// What they came in.
    pub(crate) format: PushFormat,
    entries: Vec<AcceptedEntry<'r>>,
    /// Of all entries, one behind the other.
    metadata: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    /// Bytes of lines and metadata.
    pub(crate) bytes: u64,
    /// Bytes of metadata.
    pub(crate) metadata_bytes: u64,
}

/// One stream of them.
#[derive(Debug)]
pub(crate) struct AcceptedStream {
    pub(crate) labels: Arc<StreamLabels>,
    entries: Range<usize>,
    /// Of `entries`, how many were not refused afterwards.
    kept: usize,
    /// Bytes of lines and metadata.
    pub(crate) bytes: u64,
    /// Bytes of metadata.
    metadata_bytes: u64,
}

impl AcceptedStream {
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.kept
    }
}

#[derive(Debug)]
struct AcceptedEntry<'r> {
    timestamp: i64,
    line: Cow<'r, [u8]>,
    metadata: Range<usize>,
    /// Whether a rule of the storage side refused it.
    refused: bool,
}

impl Accepted<'_> {
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.streams.iter().map(AcceptedStream::len).sum()
    }

    /// Hands the entries of `stream` to `each`: timestamp, line, metadata sorted by name.
    pub(crate) fn each<'s>(
        &'s self,
        stream: &AcceptedStream,
        mut each: impl FnMut(i64, &'s [u8], &[(&'s str, &'s str)]),
    ) {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for entry in self.entries[stream.entries.clone()]
            .iter()
            .filter(|entry| !entry.refused)
        {
            pairs.clear();
            pairs.extend(self.metadata[entry.metadata.clone()].iter().map(|(n, v)| (&**n, &**v)));
            each(entry.timestamp, &entry.line, &pairs);
        }
    }

    /// Takes out the streams that `keep` does not keep; `keep` is given the timestamps, too.
    pub(crate) fn retain_streams(&mut self, mut keep: impl FnMut(&AcceptedStream, &dyn Fn() -> Vec<i64>) -> bool) {
        let entries = &self.entries;
        let (mut bytes, mut metadata_bytes) = (0, 0);
        self.streams.retain(|stream| {
            let timestamps = || {
                entries[stream.entries.clone()]
                    .iter()
                    .map(|entry| entry.timestamp)
                    .collect()
            };
            let kept = keep(stream, &timestamps);
            if !kept {
                bytes += stream.bytes;
                metadata_bytes += stream.metadata_bytes;
            }
            kept
        });
        self.bytes -= bytes;
        self.metadata_bytes -= metadata_bytes;
    }

    /// Takes out the entries that are older than one before them; `newest` knows the newest of a stream so far.
    pub(crate) fn retain_ordered(
        &mut self,
        tenant: &TenantId,
        newest: &dyn Fn(&Labels) -> Option<i64>,
        discarded: &Discarded,
        refusals: &mut Refusals,
    ) {
        for stream in &mut self.streams {
            let mut newest = newest(&stream.labels.labels).unwrap_or(i64::MIN);
            let mut refused = Vec::new();
            for entry in &mut self.entries[stream.entries.clone()] {
                entry.refused = entry.timestamp < newest;
                if entry.refused {
                    refused.push(entry.timestamp);
                    discarded.count("out_of_order", 1, entry.line.len() as u64);
                }
                newest = newest.max(entry.timestamp);
            }
            if !refused.is_empty() {
                let total = stream.len();
                stream.kept -= refused.len();
                let text = stream_refusal(&refused, "entry out of order", tenant, total, &stream.labels.labels);
                refusals.add_storage(Error::new(ErrorKind::InvalidPush, text));
            }
        }
        self.streams.retain(|stream| stream.kept > 0);
    }
}

/// Entries that a text about a stream names at most, as Loki's `max_returned_stream_errors`.
const NAMED_ENTRIES: usize = 10;

/// The text of a rule of the storage side: the refused entries of one stream.
pub(crate) fn stream_refusal(
    refused: &[i64],
    reason: &str,
    tenant: &TenantId,
    total: usize,
    labels: &Labels,
) -> String {
    let mut text = String::new();
    for &timestamp in refused.iter().take(NAMED_ENTRIES) {
        text.push_str(&format!(
            "entry with timestamp {} ignored, reason: '{reason}',\n",
            go_time(timestamp)
        ));
    }
    text.push_str(&format!(
        "user '{tenant}', total ignored: {} out of {total} for stream: {labels}",
        refused.len()
    ));
    text
}

/// Holds a push against the rules.
///
/// # Errors
///
/// Where the whole push is refused: labels that are none, metadata names that are none, nothing to store. Entries and
/// streams that break a rule are left out and counted in the [`Refusals`].
pub(crate) fn accept<'r>(
    request: &'r PushRequest<'_>,
    tenant: &TenantId,
    limits: &Limits,
    cache: &LabelCache,
    discarded: &Discarded,
    now: i64,
) -> Result<(Accepted<'r>, Refusals), Error> {
    let mut resolved = Vec::with_capacity(request.streams.len());
    for stream in &request.streams {
        let labels = cache.resolve(&stream.labels, limits).inspect_err(|_| {
            let bytes = request
                .streams
                .iter()
                .flat_map(|s| &s.entries)
                .map(|e| e.line.len() as u64)
                .sum();
            let entries = request.streams.iter().map(|s| s.entries.len() as u64).sum();
            discarded.count("invalid_labels", entries, bytes);
        })?;
        resolved.push(labels);
    }
    if request.streams.is_empty() {
        return Err(nothing());
    }
    let count: usize = request.streams.iter().map(|stream| stream.entries.len()).sum();
    let mut acceptor = Acceptor {
        tenant,
        limits,
        discarded,
        now,
        blocked: blocked(tenant, limits, now),
        detector: (limits.discover_log_levels && limits.allow_structured_metadata).then(|| Detector::new(limits)),
        accepted: Accepted {
            entries: Vec::with_capacity(count),
            // Most have their level and nothing else.
            metadata: Vec::with_capacity(count),
            format: request.format,
            ..Accepted::default()
        },
        refusals: Refusals::default(),
    };
    for (stream, labels) in request.streams.iter().zip(resolved) {
        acceptor.stream(labels, &stream.entries)?;
    }
    let mut refusals = acceptor.refusals;
    if let Some(error) = acceptor.blocked {
        refusals.set_blocked(error);
    }
    Ok((acceptor.accepted, refusals))
}

/// The error of a push without streams.
fn nothing() -> Error {
    Error::new(
        ErrorKind::EmptyPush,
        "error at least one valid stream is required for ingestion",
    )
}

/// What is answered where an administrator blocked the tenant's pushes.
fn blocked(tenant: &TenantId, limits: &Limits, now: i64) -> Option<Error> {
    let until: jiff::Timestamp = limits.block_ingestion_until.parse().ok()?;
    let until = i64::try_from(until.as_nanosecond()).ok().filter(|&until| now < until)?;
    let (time, status) = (seconds(until), limits.block_ingestion_status_code);
    let text = format!("ingestion blocked for user '{tenant}' until '{time}' with status code '{status}'");
    Some(Error::new(ErrorKind::Blocked(status), text))
}

struct Acceptor<'a, 'r> {
    tenant: &'a TenantId,
    limits: &'a Limits,
    discarded: &'a Discarded,
    now: i64,
    /// Where the tenant's pushes are blocked, what is answered.
    blocked: Option<Error>,
    detector: Option<Detector<'a>>,
    accepted: Accepted<'r>,
    refusals: Refusals,
}

impl<'r> Acceptor<'_, 'r> {
    fn stream(&mut self, labels: Arc<StreamLabels>, entries: &'r [PushEntry<'_>]) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Some(refusal) = &labels.refusal {
            let bytes = entries.iter().map(|entry| entry.line.len() as u64).sum();
            self.refusals
                .add(self.tenant, refusal, self.discarded, entries.len() as u64, bytes);
            return Ok(());
        }
        if self.blocked.is_some() {
            return self.discard_blocked(entries);
        }
        let first = self.accepted.entries.len();
        let (bytes_before, metadata_before) = (self.accepted.bytes, self.accepted.metadata_bytes);
        let mut previous: Option<(i64, i64)> = None;
        for (i, entry) in entries.iter().enumerate() {
            let mut timestamp = entry.timestamp;
            if self.limits.increment_duplicate_timestamp {
                if let Some((pushed, kept)) = previous
                    && pushed == timestamp
                    && entries[i - 1].line != entry.line
                {
                    timestamp = kept.saturating_add(1);
                }
                previous = Some((entry.timestamp, timestamp));
            }
            self.entry(&labels, entry, timestamp)?;
        }
        let range = first..self.accepted.entries.len();
        if !range.is_empty() {
            let bytes = self.accepted.bytes - bytes_before;
            let metadata_bytes = self.accepted.metadata_bytes - metadata_before;
            let kept = range.len();
            self.accepted.streams.push(AcceptedStream {
                labels,
                entries: range,
                kept,
                bytes,
                metadata_bytes,
            });
        }
        Ok(())
    }

    /// Counts the entries of a stream that is well and blocked. Names of metadata that are none refuse the push all the same.
    fn discard_blocked(&mut self, entries: &'r [PushEntry<'_>]) -> Result<(), Error> {
        let mut bytes = 0;
        for entry in entries {
            self.metadata(&entry.metadata)?;
            let metadata = self.accepted.metadata.drain(..);
            bytes += entry.line.len() + metadata.map(|(name, value)| name.len() + value.len()).sum::<usize>();
        }
        self.discarded
            .count("blocked_ingestion", entries.len() as u64, bytes as u64);
        Ok(())
    }

    fn entry(&mut self, labels: &StreamLabels, entry: &'r PushEntry<'_>, timestamp: i64) -> Result<(), Error> {
        let start = self.accepted.metadata.len();
        self.metadata(&entry.metadata)?;
        let pushed_bytes: usize = self.accepted.metadata[start..]
            .iter()
            .map(|(n, v)| n.len() + v.len())
            .sum();
        let line = self.truncated(&entry.line);
        if let Some(refusal) = self.broken_rule(labels, entry, &line, pushed_bytes, start) {
            self.accepted.metadata.truncate(start);
            let bytes = entry.line.len() + pushed_bytes;
            self.refusals
                .add(self.tenant, &refusal, self.discarded, 1, bytes as u64);
            return Ok(());
        }
        self.detect_level(labels, &line, start);
        let added = &self.accepted.metadata[start..];
        let metadata_bytes = added.iter().map(|(n, v)| (n.len() + v.len()) as u64).sum::<u64>();
        self.accepted.metadata_bytes += metadata_bytes;
        // What the engine adds itself counts against nobody's rate.
        self.accepted.bytes += (line.len() + pushed_bytes) as u64;
        let metadata = start..self.accepted.metadata.len();
        self.accepted.entries.push(AcceptedEntry {
            timestamp,
            line,
            metadata,
            refused: false,
        });
        Ok(())
    }

    /// Puts the metadata of an entry behind the others: names kept as they can be, sorted, each once.
    fn metadata(&mut self, pushed: &'r [(Cow<'_, str>, Cow<'_, str>)]) -> Result<(), Error> {
        let start = self.accepted.metadata.len();
        for (name, value) in pushed {
            // A character that was none when the client wrote it shows as a blank.
            let value = match value.contains('\u{fffd}') {
                true => Cow::Owned(value.replace('\u{fffd}', " ")),
                false => Cow::Borrowed(&**value),
            };
            self.accepted.metadata.push((label_name(name)?, value));
        }
        let list = &mut self.accepted.metadata;
        if list.len() > start {
            list[start..].sort_by(|a, b| a.0.cmp(&b.0));
            let mut kept = start;
            for i in start..list.len() {
                // Of a repeated name the last counts, which the stable sort put last; an empty value is none.
                let repeated = list.get(i + 1).is_some_and(|next| next.0 == list[i].0);
                if !repeated && !list[i].1.is_empty() {
                    list.swap(kept, i);
                    kept += 1;
                }
            }
            list.truncate(kept);
        }
        Ok(())
    }

    fn truncated(&self, line: &'r [u8]) -> Cow<'r, [u8]> {
        let most = self.limits.max_line_size.0 as usize;
        if most == 0 || line.len() <= most || !self.limits.max_line_size_truncate {
            return Cow::Borrowed(line);
        }
        let identifier = self.limits.max_line_size_truncate_identifier.as_bytes();
        self.discarded
            .count("line_too_long_truncated", 1, (line.len() - most) as u64);
        let mut cut = line[..most.saturating_sub(identifier.len())].to_vec();
        cut.extend_from_slice(identifier);
        Cow::Owned(cut)
    }

    /// The first rule that an entry breaks.
    fn broken_rule(
        &self,
        labels: &StreamLabels,
        entry: &PushEntry<'_>,
        line: &[u8],
        metadata_bytes: usize,
        metadata_start: usize,
    ) -> Option<Refusal> {
        let limits = self.limits;
        let stream = &labels.labels;
        let shown = seconds;
        let oldest = self.now.saturating_sub(limits.reject_old_samples_max_age.as_nanos());
        if limits.reject_old_samples && entry.timestamp < oldest {
            let text = format!(
                "entry for stream '{stream}' has timestamp too old: {}, oldest acceptable timestamp is: {}",
                shown(entry.timestamp),
                shown(oldest)
            );
            return Some(Refusal::new("greater_than_max_sample_age", text));
        }
        if entry.timestamp > self.now.saturating_add(limits.creation_grace_period.as_nanos()) {
            let text = format!(
                "entry for stream '{stream}' has timestamp too new: {}",
                shown(entry.timestamp)
            );
            return Some(Refusal::new("too_far_in_future", text));
        }
        // A block holds no longer line, whatever the tenant's limit says.
        let most = match limits.max_line_size.0 {
            0 => LINE_MAX_BYTES as u64,
            most => most.min(LINE_MAX_BYTES as u64),
        };
        if line.len() as u64 > most {
            let text = format!(
                "max entry size '{most}' bytes exceeded for stream '{stream}' while adding an entry with length '{}' bytes",
                line.len()
            );
            return Some(Refusal::new("line_too_long", text));
        }
        let count = self.accepted.metadata.len() - metadata_start;
        if count == 0 {
            return None;
        }
        let setting = |what: &str, name: &str| {
            format!(
                "stream '{stream}' {what}. Please see `limits_config.{name}` or contact your Loki administrator to \
                 increase it"
            )
        };
        if !limits.allow_structured_metadata {
            let text = format!(
                "stream '{stream}' includes structured metadata, but this feature is disallowed. Please see \
                 `limits_config.allow_structured_metadata` or contact your Loki administrator to enable it"
            );
            return Some(Refusal::new("disallowed_structured_metadata", text));
        }
        // Half of what a block holds leaves room for what the engine adds.
        let most = match limits.max_structured_metadata_size.0 {
            0 => METADATA_MAX_BYTES as u64 / 2,
            most => most.min(METADATA_MAX_BYTES as u64 / 2),
        };
        if metadata_bytes as u64 > most {
            let what = format!("has structured metadata too large: '{metadata_bytes}' bytes, limit: '{most}' bytes");
            return Some(Refusal::new(
                "structured_metadata_too_large",
                setting(&what, "max_structured_metadata_size"),
            ));
        }
        let most = limits.max_structured_metadata_entries_count;
        if most > 0 && count > most {
            let what = format!("has too many structured metadata labels: '{count}', limit: '{most}'");
            let text = setting(&what, "max_structured_metadata_entries_count");
            return Some(Refusal::new("structured_metadata_too_many", text));
        }
        None
    }

    /// Adds `detected_level` to the metadata from `start` on, in its place.
    fn detect_level(&mut self, labels: &StreamLabels, line: &[u8], start: usize) {
        let Some(detector) = &self.detector else { return };
        let list = &mut self.accepted.metadata;
        let place = list[start..].partition_point(|(name, _)| &**name < DETECTED_LEVEL) + start;
        if let Some((_, value)) = list.get_mut(place).filter(|(name, _)| name == DETECTED_LEVEL) {
            if let Some(level) = super::level::normal(value) {
                *value = Cow::Borrowed(level);
            }
            return;
        }
        let level: Cow<'r, str> = if let Some(level) = &labels.level {
            // Of a known word the static text; of another the label's own.
            super::level::normal(level).map_or_else(|| Cow::Owned(level.clone()), Cow::Borrowed)
        } else {
            let value = |name: &str| list[start..].iter().find(|(n, _)| n == name).map(|(_, v)| &**v);
            match if list.len() > start {
                detector.of_metadata(&value)
            } else {
                None
            } {
                Some(level) => super::level::normal(level).map_or_else(|| Cow::Owned(level.to_owned()), Cow::Borrowed),
                None => Cow::Borrowed(detector.of_line(line)),
            }
        };
        list.insert(place, (Cow::Borrowed(DETECTED_LEVEL), level));
    }
}

/// A timestamp as RFC 3339 in whole seconds.
fn seconds(timestamp: i64) -> String {
    match jiff::Timestamp::from_second(timestamp.div_euclid(1_000_000_000)) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => timestamp.to_string(),
    }
}

/// A timestamp as Go prints a time: `2006-01-02 15:04:05.999999999 +0000 UTC`.
fn go_time(timestamp: i64) -> String {
    let (seconds, nanos) = (timestamp.div_euclid(1_000_000_000), timestamp.rem_euclid(1_000_000_000));
    let Ok(time) = jiff::Timestamp::from_second(seconds) else {
        return timestamp.to_string();
    };
    let fraction = if nanos == 0 {
        String::new()
    } else {
        format!(".{nanos:09}")
    };
    format!(
        "{}{} +0000 UTC",
        time.strftime("%Y-%m-%d %H:%M:%S"),
        fraction.trim_end_matches('0')
    )
}
