//! Parses the query given as argument, prints it as `format_query` does and says which labels select its streams.
//!
//! `cargo run --example parse_query '{app="api"} |= "error" | json'`

use loki_logql::ast::Selector;
use loki_logql::visit::Visitor;

/// The selectors of a query.
#[derive(Default)]
struct Selectors(Vec<String>);

impl Visitor for Selectors {
    fn visit_selector(&mut self, selector: &Selector) {
        self.0.push(selector.to_string());
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
fn main() {
    let default = r#"sum by (app) (rate({env="prod"} |= "error" [5m])) / sum by (app) (rate({env="prod"}[5m]))"#;
    let query = std::env::args().nth(1).unwrap_or_else(|| default.to_owned());
    let parsed = match loki_logql::parse(&query) {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("{}", error.render(&query));
            std::process::exit(1);
        }
    };
    println!("{}", parsed.pretty());

    let mut selectors = Selectors::default();
    selectors.visit_expr(&parsed);
    println!("reads {}", selectors.0.join(" and "));

    let again = loki_logql::parse(&parsed.to_string()).expect("the canonical form of a query is a query");
    assert_eq!(again.to_string(), parsed.to_string());
}
