//! Pipelines from the text of a query to its lines and samples.

use super::*;
use crate::ast::Expr;
use crate::source::{Columns, MetadataColumn};
use crate::{Labels, parse};
use std::collections::BTreeMap;

mod laws;
mod log;
mod metric;

/// The entries of one stream, column by column.
struct Entries {
    labels: Labels,
    timestamps: Vec<i64>,
    offsets: Vec<u32>,
    lines: Vec<u8>,
    /// Name, distinct values, symbols.
    metadata: Vec<(String, Vec<String>, Vec<u32>)>,
}

impl Entries {
    fn new<L: AsRef<[u8]>>(labels: &[(&str, &str)], lines: &[L]) -> Entries {
        let mut offsets = vec![0];
        let mut text = Vec::new();
        for line in lines {
            text.extend_from_slice(line.as_ref());
            offsets.push(u32::try_from(text.len()).unwrap());
        }
        Entries {
            labels: Labels::from_pairs(labels.iter().copied()),
            timestamps: (0..lines.len() as i64).collect(),
            offsets,
            lines: text,
            metadata: Vec::new(),
        }
    }

    /// The same entries with metadata: for each, its pairs.
    fn with_metadata(mut self, pairs: &[&[(&str, &str)]]) -> Entries {
        let mut columns: BTreeMap<&str, (Vec<String>, Vec<u32>)> = BTreeMap::new();
        for (i, pairs) in pairs.iter().enumerate() {
            for (name, value) in *pairs {
                let (values, symbols) = columns.entry(name).or_insert_with(|| (Vec::new(), vec![0; self.len()]));
                let place = values.iter().position(|known| known == value).unwrap_or_else(|| {
                    values.push(value.to_string());
                    values.len() - 1
                });
                symbols[i] = u32::try_from(place).unwrap() + 1;
            }
        }
        self.metadata = columns
            .into_iter()
            .map(|(name, (values, symbols))| (name.to_string(), values, symbols))
            .collect();
        self
    }

    fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Calls `with` with the columns.
    fn columns<T>(&self, with: impl FnOnce(&Columns<'_>) -> T) -> T {
        let metadata: Vec<MetadataColumn> = self
            .metadata
            .iter()
            .map(|(name, values, symbols)| MetadataColumn {
                name: name.clone(),
                values: values.iter().map(String::as_str).collect(),
                symbols: symbols.clone(),
            })
            .collect();
        with(&Columns {
            timestamps: &self.timestamps,
            offsets: &self.offsets,
            lines: &self.lines,
            metadata: &metadata,
        })
    }
}

/// The pipeline of the log query, or of the range aggregation and the grouping right around it.
fn pipeline(query: &str) -> Result<Pipeline, crate::Error> {
    match parse(query).expect(query) {
        Expr::Log(log) => Pipeline::log(&log.stages),
        Expr::Range(range) => Pipeline::samples(&range.range, range.op, range.grouping.as_ref()),
        Expr::Vector(vector) => match *vector.operand {
            Expr::Range(range) => {
                let nothing = crate::ast::Grouping {
                    without: false,
                    labels: Vec::new(),
                };
                Pipeline::samples(
                    &range.range,
                    range.op,
                    Some(vector.grouping.as_ref().unwrap_or(&nothing)),
                )
            }
            other => panic!("no range aggregation: {other:?}"),
        },
        other => panic!("no pipeline: {other:?}"),
    }
}

/// Number of the entry, line and labels of each entry that passes.
fn run_log(query: &str, entries: &Entries) -> Vec<(usize, Vec<u8>, String)> {
    let pipeline = pipeline(query).expect(query);
    let mut runner = pipeline.runner(0);
    let mut selected = Vec::new();
    let mut out = Vec::new();
    entries.columns(|columns| {
        runner.stream(&entries.labels);
        runner.select(columns, 0..entries.len(), &mut selected);
        for &i in &selected {
            let outcome = runner
                .line(columns, i as usize)
                .map(|outcome| (outcome.line.to_vec(), outcome.set));
            if let Some((line, set)) = outcome {
                out.push((i as usize, line, runner.sets().labels(set).to_string()));
            }
        }
    });
    out
}

/// Value and labels of each sample, or the error.
fn run_metric(query: &str, entries: &Entries) -> Result<Vec<(f64, String)>, String> {
    run_samples(&pipeline(query).expect(query), entries)
}

fn run_samples(pipeline: &Pipeline, entries: &Entries) -> Result<Vec<(f64, String)>, String> {
    let mut runner = pipeline.runner(0);
    let mut selected = Vec::new();
    let mut out = Vec::new();
    entries.columns(|columns| {
        runner.stream(&entries.labels);
        runner.select(columns, 0..entries.len(), &mut selected);
        for &i in &selected {
            if let Some(sample) = runner.sample(columns, i as usize).map_err(|error| error.to_string())? {
                out.push((sample.value, runner.sets().labels(sample.set).to_string()));
            }
        }
        Ok(out)
    })
}
