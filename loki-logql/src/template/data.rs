//! What a template reads.

use crate::VectorSample;
use std::borrow::Cow;

/// The entry that a template is executed over.
pub(crate) trait Data {
    /// The value of one output label, `__error__` and `__error_details__` among them.
    fn label(&self, name: &str) -> Option<Cow<'_, str>>;
    /// All output labels.
    fn labels(&self) -> Vec<(String, String)>;
    /// The current line.
    fn line(&self) -> &[u8];
    /// The entry's time in nanoseconds.
    fn timestamp(&self) -> i64;
    /// The time of the query in nanoseconds.
    fn now(&self) -> i64;
    /// Where the outside reaches this program; rules name it.
    fn external_url(&self) -> &str {
        ""
    }
    /// The series that a query finds at the time of the rule.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    fn query(&self, _query: &str) -> Result<Vec<VectorSample>, String> {
        Err("there is nothing to query here".to_owned())
    }
}
