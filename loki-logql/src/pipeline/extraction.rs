//! What parsers extract: everything, or only what a query reads; and the label filters that are tried meanwhile.

use super::entry_labels::{ERROR, EntryLabels};
use super::label_filter::Condition;
use super::names::{NameId, Names};

/// What a parser does after it has set a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Go on.
    More,
    /// Stop: nothing that follows is read.
    Enough,
    /// Drop the entry: a label filter rejects it.
    Drop,
}

/// The labels that parsers have to extract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needs {
    /// All.
    Everything,
    /// None: most parsers do nothing.
    Nothing,
    /// These.
    Names(Vec<NameId>),
}

/// How parsers extract: shared by all parsers of a pipeline.
#[derive(Debug)]
pub(super) struct Extraction {
    needs: Needs,
    /// By name, for the names of the query.
    by_name: Vec<Hint>,
    /// The label filters of the pipeline that stand alone, tried as soon as their label is extracted.
    filters: Vec<Condition>,
    /// Whether the query reads `__error__`, so that errors of parsers do not fail it.
    preserves_errors: bool,
    /// The name `__error__`.
    error: NameId,
    /// Whether json stops before it tries a label filter on the label that completes the needed ones.
    stops_first: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Hint {
    needed: bool,
    /// The first of the label filters on this name.
    filter: Option<usize>,
}

impl Extraction {
    /// How to extract for a query that reads `needs` and has these label filters; `no_labels`: and whose samples have
    /// no labels.
    pub(super) fn new(needs: Needs, filters: Vec<Condition>, no_labels: bool, names: &mut Names) -> Extraction {
        let error = names.intern(ERROR);
        let mut by_name = vec![Hint::default(); names.len()];
        for (i, filter) in filters.iter().enumerate().filter(|(_, filter)| !filter.is_trivial()) {
            by_name[filter.name.index()].filter.get_or_insert(i);
        }
        let mut preserves_errors = false;
        if let Needs::Names(needed) = &needs {
            needed.iter().for_each(|name| by_name[name.index()].needed = true);
            preserves_errors = needed.contains(&error);
        }
        Extraction {
            needs,
            by_name,
            filters,
            preserves_errors,
            error,
            stops_first: no_labels,
        }
    }

    /// The name `__error__`.
    pub(super) fn error(&self) -> NameId {
        self.error
    }

    /// The names without which no parser may stop.
    pub(super) fn needed(&self) -> &[NameId] {
        match &self.needs {
            Needs::Names(names) => names,
            Needs::Everything | Needs::Nothing => &[],
        }
    }

    /// Whether the query reads `__error__`.
    pub(super) fn preserves_errors(&self) -> bool {
        self.preserves_errors
    }

    /// Whether nothing is needed at all.
    pub(super) fn is_void(&self) -> bool {
        self.needs == Needs::Nothing
    }

    /// Whether a parser stage has nothing left to do for this entry.
    pub(super) fn is_done(&self, labels: &EntryLabels) -> bool {
        self.is_void() || labels.is_complete()
    }

    /// Whether a label that a line calls `name` is to be extracted.
    #[inline]
    pub(super) fn wants(&self, name: NameId) -> bool {
        match self.needs {
            Needs::Everything => true,
            _ => self.by_name.get(name.index()).is_some_and(|hint| hint.needed),
        }
    }

    /// Where to store what a line calls `name`: `None` where it is not wanted or already there. The first wins.
    pub(super) fn target(&self, labels: &mut EntryLabels, name: NameId) -> Option<NameId> {
        if !self.wants(name) {
            return None;
        }
        let target = labels.free_name(name);
        (!labels.is_extracted(target)).then_some(target)
    }

    /// What follows from the label `name` having been set.
    pub(super) fn after(&self, labels: &EntryLabels, name: NameId) -> Next {
        if self.excludes(labels, name) {
            return Next::Drop;
        }
        if labels.is_complete() { Next::Enough } else { Next::More }
    }

    /// The same for json, which in a query without labels stops before it tries a filter.
    pub(super) fn after_json(&self, labels: &EntryLabels, name: NameId) -> Next {
        if self.stops_first && labels.is_complete() {
            return Next::Enough;
        }
        self.after(labels, name)
    }

    fn excludes(&self, labels: &EntryLabels, name: NameId) -> bool {
        let hint = self.by_name.get(name.index()).and_then(|hint| hint.filter);
        hint.is_some_and(|i| self.filters[i].excludes(labels))
    }

    /// Records the error of a parser.
    pub(super) fn fail(&self, labels: &mut EntryLabels, error: &str, details: Option<&str>) {
        labels.set_error(error, details);
        if self.preserves_errors {
            labels.preserve_error();
        }
    }
}
