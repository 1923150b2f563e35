//! From the stages of a query to a pipeline that can be run.

use super::decolorize::Decolorize;
use super::entry_labels::MetadataName;
use super::extraction::{Extraction, Needs};
use super::json_extract::JsonPaths;
use super::keep_drop::Item;
use super::label_filter::{Condition, LabelFilter};
use super::label_format;
use super::line_filter::LineFilter;
use super::line_format::LineFormat;
use super::logfmt::{Logfmt, LogfmtKeys};
use super::names::{NameId, Names};
use super::needs::needs;
use super::pattern::Pattern;
use super::regexp::Regexp;
use super::search::Search;
use super::stage::Op;
use super::unwrap::Unwrap;
use crate::ast::{self, Grouping, LogRange, RangeOp, Stage, StageKind};
use crate::source::{ColumnSet, Found, LineClause, Literal};
use crate::{Error, ErrorKind};

/// The compiled stages of one selector of a query.
///
/// Made once, run by any number of [`Runner`](super::Runner)s at a time.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// Names that the query writes.
    pub(super) names: Names,
    /// Line filters that test lines as they are stored: done first, over many lines at once.
    pub(super) searches: Vec<Search>,
    pub(super) ops: Vec<Op>,
    pub(super) extraction: Extraction,
    pub(super) output: Output,
    /// Whether what becomes of an entry depends on nothing but its labels and metadata.
    pub(super) labels_only: bool,
    /// Whether metadata matters whatever its name.
    pub(super) reads_all_metadata: bool,
    literals: Vec<Vec<Literal>>,
    /// What the searches ask of lines, as far as a batch can be asked for it.
    pub(super) clauses: Vec<LineClause>,
    /// Whether lines that pass the clauses pass the searches.
    pub(super) is_told: bool,
}

/// What comes out of a pipeline.
#[derive(Debug)]
pub(super) enum Output {
    /// Lines.
    Lines,
    /// Numbers.
    Samples {
        value: SampleValue,
        /// The label filters behind `unwrap`.
        filters: Vec<LabelFilter>,
        labels: SampleLabels,
    },
}

/// The value of a sample.
#[derive(Debug)]
pub(super) enum SampleValue {
    /// 1.
    One,
    /// The length of the line.
    Bytes,
    /// The value of a label.
    Unwrap(Unwrap),
}

/// The labels of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SampleLabels {
    /// None.
    Nothing,
    /// These.
    By(Vec<NameId>),
    /// All but these.
    Without(Vec<NameId>),
}

impl Pipeline {
    /// The pipeline of a log query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stage`] where a stage means nothing.
    pub(crate) fn log(stages: &[Stage]) -> Result<Pipeline, Error> {
        let mut names = Names::default();
        let compiled = Compiled::new(stages.iter(), &mut names)?;
        let extraction = Extraction::new(Needs::Everything, compiled.conditions, false, &mut names);
        Ok(Pipeline::new(names, compiled.ops, extraction, Output::Lines))
    }

    /// The pipeline of the samples that `op` aggregates. `grouping` is what its labels are reduced to; `None`: nothing
    /// is taken away.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stage`] where a stage means nothing.
    pub(crate) fn samples(range: &LogRange, op: RangeOp, grouping: Option<&Grouping>) -> Result<Pipeline, Error> {
        let mut names = Names::default();
        let stages = &range.log.stages;
        let reads_lines = matches!(op, RangeOp::BytesOverTime | RangeOp::BytesRate);
        let useful = |&(i, stage): &(usize, &Stage)| {
            reads_lines || !matches!(stage.kind, StageKind::LineFormat(_)) || stages[i + 1..].iter().any(reads_line)
        };
        let compiled = Compiled::new(
            stages.iter().enumerate().filter(useful).map(|(_, stage)| stage),
            &mut names,
        )?;
        let mut ops = compiled.ops;
        let (unwrap, filters) = match &range.unwrap {
            Some(unwrap) => (Some(names.intern(&unwrap.label)), post_filters(unwrap, &mut names)?),
            None => (None, Vec::new()),
        };
        let labels = match grouping {
            _ if op == RangeOp::AbsentOverTime => SampleLabels::Nothing,
            Some(grouping) => {
                let mut listed: Vec<NameId> = grouping.labels.iter().map(|name| names.intern(name)).collect();
                listed.sort_unstable();
                listed.dedup();
                match (grouping.without, listed.is_empty()) {
                    (false, true) => SampleLabels::Nothing,
                    (false, false) => SampleLabels::By(listed),
                    (true, _) => SampleLabels::Without(listed),
                }
            }
            None => SampleLabels::Without(Vec::new()),
        };
        let labels = match labels {
            SampleLabels::Without(mut listed) => {
                listed.extend(unwrap);
                SampleLabels::Without(listed)
            }
            labels => labels,
        };
        let needs = match &labels {
            SampleLabels::Nothing => needs(&[], &ops, unwrap, &filters, &mut names),
            SampleLabels::By(listed) => needs(listed, &ops, unwrap, &filters, &mut names),
            SampleLabels::Without(_) => Needs::Everything,
        };
        let mut conditions = compiled.conditions;
        match (&labels, &range.unwrap) {
            (SampleLabels::By(_), _) => conditions.clear(),
            (_, Some(unwrap)) => {
                if let [filter] = unwrap.filters.as_slice()
                    && !is_combined(filter)
                {
                    conditions.push(condition(filter, &mut names).map_err(|message| stage_error(filter, message))?);
                }
            }
            _ => {}
        }
        let no_labels = labels == SampleLabels::Nothing;
        let extraction = Extraction::new(needs, conditions, no_labels, &mut names);
        if extraction.is_void() {
            ops.retain(|op| !op.only_extracts());
        }
        let value = match unwrap {
            Some(label) => SampleValue::Unwrap(Unwrap {
                label,
                conversion: range.unwrap.as_ref().and_then(|unwrap| unwrap.conversion),
            }),
            None if reads_lines => SampleValue::Bytes,
            None => SampleValue::One,
        };
        let output = Output::Samples { value, filters, labels };
        Ok(Pipeline::new(names, ops, extraction, output))
    }

    fn new(names: Names, ops: Vec<Op>, extraction: Extraction, output: Output) -> Pipeline {
        let mut searches = Vec::new();
        let mut rest = Vec::new();
        let mut is_stored_line = true;
        for op in ops {
            match op {
                // What stands before it may set labels and errors: of no matter to the line, or to an entry it drops.
                Op::LineFilters(filters) if is_stored_line => searches.extend(
                    filters
                        .into_iter()
                        .filter(|filter| !filter.keeps_all())
                        .map(Search::new),
                ),
                op => {
                    is_stored_line &= !op.replaces_line();
                    rest.push(op);
                }
            }
        }
        let mut literals = Vec::new();
        searches.iter().for_each(|search| search.literals(&mut literals));
        searches.sort_by_key(Search::cost);
        let (mut clauses, mut is_told) = (Vec::new(), true);
        for search in &searches {
            is_told &= search.clauses(&mut clauses);
        }
        let replaces = rest.iter().any(Op::replaces_line);
        Pipeline {
            labels_only: !replaces && !rest.iter().any(Op::reads_line),
            // A sample with an error that was asked for has all labels. What unpack stores under another name it decides by
            // names as they are written.
            reads_all_metadata: extraction.preserves_errors() || rest.iter().any(|op| matches!(op, Op::Unpack)),
            names,
            searches,
            ops: rest,
            extraction,
            output,
            literals,
            clauses,
            is_told,
        }
    }

    /// The columns that have to be read of any stream, where a batch has found this of the searches.
    pub(crate) fn columns(&self, found: Found) -> ColumnSet {
        let lines = if self.labels_only && self.select_columns(found) == ColumnSet::NONE {
            match &self.output {
                Output::Lines => ColumnSet::LINES,
                Output::Samples {
                    value: SampleValue::Bytes,
                    ..
                } => ColumnSet::OFFSETS,
                Output::Samples { .. } => ColumnSet::NONE,
            }
        } else {
            ColumnSet::LINES
        };
        let metadata = match &self.output {
            Output::Samples {
                value: SampleValue::One | SampleValue::Bytes,
                labels: SampleLabels::Nothing,
                ..
            } if self.ops.is_empty() => ColumnSet::NONE,
            _ => ColumnSet::METADATA,
        };
        let times = if self.ops.iter().any(Op::reads_line) || matches!(self.output, Output::Lines) {
            ColumnSet::TIMESTAMPS
        } else {
            ColumnSet::NONE
        };
        lines | metadata | times
    }

    /// Whether metadata of this name can matter to what comes out, but for the text of a failure: it is read, or it takes a
    /// name from what a parser extracts.
    pub(super) fn reads_metadata(&self, name: MetadataName) -> bool {
        match name {
            MetadataName::Label(name) => self.reads_all_metadata || self.extraction.wants(name),
            MetadataName::Error | MetadataName::ErrorDetails => true,
        }
    }

    /// The columns that [`Runner::select`](super::Runner::select) reads: enough to tell whether the others are worth
    /// reading.
    pub(crate) fn select_columns(&self, found: Found) -> ColumnSet {
        if self.searches.is_empty() || found == Found::Exactly {
            ColumnSet::NONE
        } else {
            ColumnSet::LINES
        }
    }

    /// What every line that passes is known to hold: an AND of ORs of substrings.
    pub(crate) fn literals(&self) -> &[Vec<Literal>] {
        &self.literals
    }

    /// Whether every entry gives a sample, 1 or the length of its line: then its stream and metadata decide the labels.
    pub(crate) fn keeps_all(&self) -> bool {
        let is_plain = matches!(
            self.output,
            Output::Samples {
                value: SampleValue::One | SampleValue::Bytes,
                ..
            }
        );
        is_plain && self.searches.is_empty() && self.ops.is_empty()
    }
}

/// Stages one by one, and those of them that are label filters on one label.
struct Compiled {
    ops: Vec<Op>,
    conditions: Vec<Condition>,
}

impl Compiled {
    fn new<'a>(stages: impl Iterator<Item = &'a Stage>, names: &mut Names) -> Result<Compiled, Error> {
        let mut ops = Vec::new();
        let mut conditions = Vec::new();
        let mut regexps = 0;
        for stage in stages {
            let op = compile(&stage.kind, names, &mut regexps)
                .map_err(|message| stage_error(stage, message).at(stage.span))?;
            if let StageKind::LabelFilter(filter) = &stage.kind
                && !is_combined(filter)
            {
                conditions.push(condition(filter, names).map_err(|message| stage_error(stage, message))?);
            }
            ops.push(op);
        }
        Ok(Compiled { ops, conditions })
    }
}

fn compile(stage: &StageKind, names: &mut Names, regexps: &mut usize) -> Result<Op, String> {
    Ok(match stage {
        StageKind::LineFilters(filters) => {
            let filters: Result<Vec<_>, _> = filters.iter().map(LineFilter::compile).collect();
            Op::LineFilters(filters?.into_iter().flatten().collect())
        }
        StageKind::Json { extractions } if extractions.is_empty() => Op::Json,
        StageKind::Json { extractions } => Op::JsonPaths(JsonPaths::compile(extractions, names)?),
        StageKind::Logfmt {
            strict,
            keep_empty,
            extractions,
        } if extractions.is_empty() => Op::Logfmt(Logfmt {
            strict: *strict,
            keep_empty: *keep_empty,
        }),
        StageKind::Logfmt {
            strict, extractions, ..
        } => Op::LogfmtKeys(LogfmtKeys::compile(*strict, extractions, names)?),
        StageKind::Regexp(pattern) => {
            let slot = *regexps;
            *regexps += 1;
            Op::Regexp(Regexp::compile(pattern.as_bytes(), names)?, slot)
        }
        StageKind::Pattern(pattern) => Op::Pattern(Pattern::compile(pattern.as_bytes(), names)?),
        StageKind::Unpack => Op::Unpack,
        StageKind::Decolorize => Op::Decolorize(Decolorize::new()),
        StageKind::LineFormat(template) => Op::LineFormat(LineFormat::compile(template.as_bytes(), names)?),
        StageKind::LabelFormat(operations) => Op::LabelFormat(label_format::compile(operations, names)?),
        StageKind::Drop(items) => Op::Drop(Item::compile(items, names)?),
        StageKind::Keep(items) => Op::Keep(Item::compile(items, names)?),
        StageKind::LabelFilter(filter) => Op::LabelFilter(LabelFilter::compile(filter, names)?),
    })
}

fn post_filters(unwrap: &ast::Unwrap, names: &mut Names) -> Result<Vec<LabelFilter>, Error> {
    unwrap
        .filters
        .iter()
        .map(|filter| LabelFilter::compile(filter, names).map_err(|message| stage_error(filter, message)))
        .collect()
}

fn condition(filter: &ast::LabelFilter, names: &mut Names) -> Result<Condition, String> {
    Condition::compile(filter, names)
}

fn is_combined(filter: &ast::LabelFilter) -> bool {
    matches!(filter, ast::LabelFilter::And(..) | ast::LabelFilter::Or(..))
}

/// Whether a stage makes an earlier `line_format` matter to a query that does not count bytes.
fn reads_line(stage: &Stage) -> bool {
    matches!(
        stage.kind,
        StageKind::LineFilters(_)
            | StageKind::Json { .. }
            | StageKind::Logfmt { .. }
            | StageKind::Regexp(_)
            | StageKind::Pattern(_)
            | StageKind::Unpack
    )
}

fn stage_error(stage: &impl std::fmt::Display, message: String) -> Error {
    Error::new(ErrorKind::Stage {
        stage: stage.to_string(),
        message,
    })
}
