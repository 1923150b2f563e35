//! `| unwrap`: the value of a label as the sample.

use super::entry_labels::EntryLabels;
use super::names::NameId;
use crate::ast::Conversion;
use crate::go;

const EXTRACTION_ERROR: &str = "SampleExtractionErr";
const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// A compiled `unwrap`.
#[derive(Debug)]
pub(super) struct Unwrap {
    pub(super) label: NameId,
    pub(super) conversion: Option<Conversion>,
}

impl Unwrap {
    /// The sample of an entry: `None` where the label is missing or empty, 0 and an error where it is no number.
    pub(super) fn sample(&self, labels: &mut EntryLabels) -> Option<f64> {
        let text = labels.value(self.label).filter(|text| !text.is_empty())?;
        match convert(self.conversion, text) {
            Ok(sample) => Some(sample),
            Err(details) => {
                labels.set_error(EXTRACTION_ERROR, Some(&details));
                Some(0.0)
            }
        }
    }
}

fn convert(conversion: Option<Conversion>, text: &str) -> Result<f64, String> {
    match conversion {
        None => go::parse_float(text),
        Some(Conversion::Bytes) => go::parse_size(text).map(|bytes| bytes as f64),
        Some(Conversion::Duration | Conversion::DurationSeconds) => {
            go::parse_duration(text).map(seconds)
        }
    }
}

/// Whole seconds and the rest apart, as Go does: the sum is exact where one division would round.
fn seconds(nanoseconds: i64) -> f64 {
    const WHOLE: i64 = NANOSECONDS_PER_SECOND as i64;
    (nanoseconds / WHOLE) as f64 + (nanoseconds % WHOLE) as f64 / NANOSECONDS_PER_SECOND
}
