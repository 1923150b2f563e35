//! Compiled stages, and how one of them acts on an entry.

use super::decolorize::Decolorize;
use super::entry_labels::EntryLabels;
use super::entry_view::EntryView;
use super::extraction::Extraction;
use super::json::{self, JsonScratch};
use super::json_extract::{JsonPaths, PathScratch};
use super::keep_drop::{self, Item};
use super::label_filter::LabelFilter;
use super::label_format::{self, FormatScratch, Operation};
use super::line_filter::LineFilter;
use super::line_format::{LineFormat, TEMPLATE_ERROR};
use super::logfmt::{Logfmt, LogfmtKeys};
use super::names::NameId;
use super::pattern::Pattern;
use super::regexp::Regexp;
use super::unpack::{self, UnpackScratch, Unpacked};
use regex_automata::util::captures::Captures;

/// A compiled stage.
#[derive(Debug)]
pub(super) enum Op {
    LineFilters(Vec<LineFilter>),
    LabelFilter(LabelFilter),
    Json,
    JsonPaths(JsonPaths),
    Logfmt(Logfmt),
    LogfmtKeys(LogfmtKeys),
    /// With the place of its buffers.
    Regexp(Regexp, usize),
    Pattern(Pattern),
    Unpack,
    Decolorize(Decolorize),
    LineFormat(LineFormat),
    LabelFormat(Vec<Operation>),
    Drop(Vec<Item>),
    Keep(Vec<Item>),
}

/// The line of an entry on its way through the stages.
#[derive(Debug)]
pub(super) struct Line<'a> {
    source: &'a [u8],
    buffers: &'a mut LineBuffers,
    is_replaced: bool,
    pub(super) timestamp: i64,
    pub(super) now: i64,
}

/// Room for a replaced line, and for the one that replaces that.
#[derive(Debug, Default)]
pub(super) struct LineBuffers {
    current: Vec<u8>,
    next: Vec<u8>,
}

impl LineBuffers {
    /// The line that a stage has written last.
    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(source: &'a [u8], buffers: &'a mut LineBuffers, timestamp: i64, now: i64) -> Line<'a> {
        Line {
            source,
            buffers,
            is_replaced: false,
            timestamp,
            now,
        }
    }

    /// The line as it is now.
    pub(super) fn bytes(&self) -> &[u8] {
        if self.is_replaced {
            &self.buffers.current
        } else {
            self.source
        }
    }

    /// Whether a stage has written a line.
    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced
    }

    /// Replaces the line by what `write` writes, if that answers true.
    fn replace(&mut self, write: impl FnOnce(&[u8], &mut Vec<u8>) -> bool) {
        self.buffers.next.clear();
        let line = if self.is_replaced {
            &self.buffers.current
        } else {
            self.source
        };
        if write(line, &mut self.buffers.next) {
            std::mem::swap(&mut self.buffers.current, &mut self.buffers.next);
            self.is_replaced = true;
        }
    }
}

/// Buffers of the stages, reused from entry to entry.
#[derive(Debug)]
pub(super) struct Scratch {
    json: JsonScratch,
    paths: PathScratch,
    unpack: UnpackScratch,
    format: FormatScratch,
    text: Vec<u8>,
    names: Vec<NameId>,
    captures: Vec<Captures>,
}

impl Scratch {
    /// Buffers for these stages.
    pub(super) fn new(ops: &[Op]) -> Scratch {
        Scratch {
            json: JsonScratch::default(),
            paths: PathScratch::default(),
            unpack: UnpackScratch::default(),
            format: FormatScratch::default(),
            text: Vec::new(),
            names: Vec::new(),
            captures: ops
                .iter()
                .filter_map(|op| match op {
                    Op::Regexp(regexp, _) => Some(regexp.captures()),
                    _ => None,
                })
                .collect(),
        }
    }
}

impl Op {
    /// Runs the stage on an entry; false: the entry is dropped.
    pub(super) fn run(
        &self,
        line: &mut Line<'_>,
        labels: &mut EntryLabels,
        extraction: &Extraction,
        scratch: &mut Scratch,
    ) -> bool {
        match self {
            Op::LineFilters(filters) => return filters.iter().all(|filter| filter.keeps(line.bytes())),
            Op::LabelFilter(filter) => return filter.keeps(labels),
            Op::Json => return json::parse(line.bytes(), labels, extraction, &mut scratch.json),
            Op::JsonPaths(paths) => paths.parse(line.bytes(), labels, extraction, &mut scratch.paths),
            Op::Logfmt(logfmt) => return logfmt.parse(line.bytes(), labels, extraction, &mut scratch.text),
            Op::LogfmtKeys(keys) => keys.parse(line.bytes(), labels, extraction, &mut scratch.text),
            Op::Regexp(regexp, slot) => {
                return regexp.parse(line.bytes(), labels, extraction, &mut scratch.captures[*slot]);
            }
            Op::Pattern(pattern) => return pattern.parse(line.bytes(), labels, extraction),
            Op::Unpack => {
                let mut unpacked = Unpacked::Unchanged;
                line.replace(|line, out| {
                    unpacked = unpack::parse(line, labels, extraction, &mut scratch.unpack, out);
                    unpacked == Unpacked::Replaced
                });
                return unpacked != Unpacked::Dropped;
            }
            Op::Decolorize(decolorize) => line.replace(|line, out| decolorize.strip(line, out)),
            Op::LineFormat(format) => line_format(format, line, labels),
            Op::LabelFormat(operations) => {
                let times = (line.timestamp, line.now);
                label_format::format(operations, labels, line.bytes(), times, &mut scratch.format);
            }
            Op::Drop(items) => keep_drop::drop(items, labels),
            Op::Keep(items) => keep_drop::keep(items, labels, &mut scratch.names),
        }
        true
    }

    /// Whether the stage reads the line or its timestamp.
    pub(super) fn reads_line(&self) -> bool {
        match self {
            Op::LabelFilter(_) | Op::Drop(_) | Op::Keep(_) => false,
            Op::LabelFormat(operations) => operations.iter().any(|operation| match &operation.value {
                label_format::Value::Rename(_) => false,
                label_format::Value::Template(template) => template.reads_entry(),
            }),
            _ => true,
        }
    }

    /// Whether the stage does nothing where no label is needed.
    pub(super) fn only_extracts(&self) -> bool {
        matches!(
            self,
            Op::Json
                | Op::JsonPaths(_)
                | Op::Logfmt(_)
                | Op::LogfmtKeys(_)
                | Op::Regexp(..)
                | Op::Pattern(_)
                | Op::Unpack
        )
    }

    /// Whether the stage may replace the line, so that line filters behind it do not test the line as it is stored.
    pub(super) fn replaces_line(&self) -> bool {
        matches!(self, Op::Unpack | Op::Decolorize(_) | Op::LineFormat(_))
    }
}

fn line_format(format: &LineFormat, line: &mut Line<'_>, labels: &mut EntryLabels) {
    let (timestamp, now) = (line.timestamp, line.now);
    let mut error = None;
    line.replace(|line, out| {
        let entry = EntryView {
            labels,
            line,
            timestamp,
            now,
        };
        error = format.format(&entry, out).err();
        error.is_none()
    });
    if let Some(details) = error {
        labels.set_error(TEMPLATE_ERROR, Some(&details));
    }
}
