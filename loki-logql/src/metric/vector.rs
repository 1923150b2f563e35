//! The value of an expression at one step: samples of series that are known by number.

use crate::Labels;

/// A series has the number [`UNKNOWN`] in tables where none was given yet.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// The samples of one expression at one step.
///
/// Series keep their number over all steps, so that what follows from labels (groups, match keys) is found out once a
/// series and not once a sample. Two numbers may have equal labels, where `label_replace` made them so.
#[derive(Debug, Default)]
pub(super) struct Vector {
    /// Labels by number: of every series that ever had a sample, and maybe of more.
    pub(super) series: Vec<Labels>,
    /// The present samples, in the order of evaluation.
    pub(super) samples: Vec<(u32, f64)>,
}

impl Vector {
    /// Appends a sample of series `id`.
    pub(super) fn push(&mut self, id: u32, value: f64) {
        self.samples.push((id, value));
    }

    /// Numbers the series as `other` does.
    pub(super) fn share_series(&mut self, other: &Vector) {
        let known = self.series.len();
        self.series.extend_from_slice(&other.series[known..]);
    }

    /// Enters a series.
    pub(super) fn add_series(&mut self, labels: Labels) -> u32 {
        let id = u32::try_from(self.series.len()).expect("memory ends before 2^32 series");
        self.series.push(labels);
        id
    }
}

/// A table by number of series that grows as numbers appear.
#[derive(Debug, Default)]
pub(super) struct ById(Vec<u32>);

impl ById {
    /// What is entered for `id`; if nothing, what `find` says, which is entered.
    pub(super) fn get_or_find(&mut self, id: u32, find: impl FnOnce() -> u32) -> u32 {
        let place = id as usize;
        if place >= self.0.len() {
            self.0.resize(place + 1, UNKNOWN);
        }
        if self.0[place] == UNKNOWN {
            self.0[place] = find();
        }
        self.0[place]
    }
}
