//! No text makes the parser panic, and an error is about a part of the text.

/// Parses `data` as a query.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = loki_logql::parse(text) {
        if let Some(span) = error.span() {
            assert!(text.get(span.range()).is_some(), "{error}: {span:?}");
        }
        assert!(error.render(text).starts_with(&error.to_string()));
    }
}
