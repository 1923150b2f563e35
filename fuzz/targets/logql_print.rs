//! A query that was read prints, and its canonical form is a fixed point: what it reads as prints the same.

/// Parses `data` as a query and prints it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(query) = loki_logql::parse(text) else { return };
    let canonical = query.to_string();
    assert!(!query.pretty().is_empty());
    // Not every form can be read again: infinite numbers and odd label names have no literal. Sizes are rounded, so
    // the first form may differ from the second; the second may not differ from the third.
    let Ok(again) = loki_logql::parse(&canonical) else {
        return;
    };
    let second = again.to_string();
    if let Ok(third) = loki_logql::parse(&second) {
        assert_eq!(third.to_string(), second, "{text}");
    }
}
