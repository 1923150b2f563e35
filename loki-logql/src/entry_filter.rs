//! Which entries a log query keeps, for those who hold the entries themselves.

use crate::ast::{LogExpr, Matcher};
use crate::pipeline::Pipeline;
use crate::source::Columns;
use crate::{Error, Labels};
use std::ops::Range;

/// The stages of a log query as a test of entries: it says which ones pass, and nothing of what they would look like.
///
/// ```
/// use loki_logql::ast::Expr;
/// use loki_logql::source::Columns;
/// use loki_logql::{EntryFilter, Labels, parse};
///
/// let Expr::Log(query) = parse(r#"{app="shop"} |= "b""#)? else { unreachable!() };
/// let filter = EntryFilter::compile(&query)?;
/// let columns = Columns { timestamps: &[1, 2], offsets: &[0, 2, 4], lines: b"aabb", metadata: &[] };
/// let mut passing = Vec::new();
/// filter.select(&Labels::from_pairs([("app", "shop")]), &columns, 0..2, &mut passing);
/// assert_eq!(passing, [1]);
/// # Ok::<(), loki_logql::Error>(())
/// ```
#[derive(Debug)]
pub struct EntryFilter {
    matchers: Vec<Matcher>,
    pipeline: Pipeline,
    passes_all: bool,
}

impl EntryFilter {
    /// Compiles the stages of `query`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stage`](crate::ErrorKind::Stage) where a stage means nothing.
    pub fn compile(query: &LogExpr) -> Result<EntryFilter, Error> {
        Ok(EntryFilter {
            matchers: query.selector.matchers.clone(),
            pipeline: Pipeline::log(&query.stages)?,
            passes_all: query.stages.is_empty(),
        })
    }

    /// The conditions on stream labels; [`select`](EntryFilter::select) does not look at them.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether there is no stage: every entry of a stream passes.
    pub fn passes_all(&self) -> bool {
        self.passes_all
    }

    /// Puts into `passing`, ascending, which of the entries in `range` of the stream with these labels pass. All
    /// columns must be there.
    pub fn select(&self, stream: &Labels, columns: &Columns<'_>, range: Range<usize>, passing: &mut Vec<u32>) {
        // The present is for templates, which change what an entry looks like.
        let mut runner = self.pipeline.runner(0);
        runner.stream(stream);
        runner.select(columns, range, passing);
        passing.retain(|&entry| runner.line(columns, entry as usize).is_some());
    }
}
