//! The canonical text of a query.
//!
//! [`line`] prints it on one line, which is also `Display` of the nodes; [`pretty`] breaks what is long, as `format_query`
//! does; [`word`] has the words and signs of operations.

mod line;
mod pretty;
pub(crate) mod word;
