//! Templates of `line_format` and `label_format`: Go's `text/template` over the labels of an entry.
//!
//! A [`Template`] is parsed once for a query and executed for every entry over a [`Data`]. What a template can cost is
//! bounded: its nesting, its output, its steps. No template and no data makes it panic.
//!
//! - `lex`, `literal`, `parse`, `pipeline`, `node`: text to tree;
//! - `value`, `time`: what expressions give;
//! - `run`, `eval`, `method`: the evaluator;
//! - `functions`: what templates may call;
//! - `print`, `printf`, `number`: Go's `fmt`; `layout`: Go's time layouts;
//! - `decimal`, `json`: arithmetic and parsing behind functions.

mod data;
mod decimal;
mod eval;
mod functions;
mod json;
mod layout;
mod lex;
mod literal;
mod method;
mod node;
mod number;
mod parse;
mod pipeline;
mod print;
mod printf;
mod reads;
mod rule;
mod run;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub(crate) use data::Data;
pub use rule::{RuleData, RuleTemplate};
pub(crate) use run::Template;
