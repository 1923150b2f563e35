//! Programs of a screen each that show one way to use the crates; see `examples/` beside this file.
//!
//! `cargo run -p loki-examples --example embed_engine`

/// Runs the program in the repository's README as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
