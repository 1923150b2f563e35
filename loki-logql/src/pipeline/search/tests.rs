use super::*;
use crate::ast::{self, LineFilterOp, LineOperand};
use crate::{Span, Text};

fn found(op: LineFilterOp, operands: &[&str], lines: &[&str]) -> Vec<u32> {
    let filter = ast::LineFilter {
        op,
        operands: operands
            .iter()
            .map(|text| LineOperand::Text(Text::from(*text)))
            .collect(),
        span: Span::default(),
    };
    let mut offsets = vec![0];
    for line in lines {
        offsets.push(offsets[offsets.len() - 1] + line.len() as u32);
    }
    let text = lines.concat();
    let columns = Columns {
        timestamps: &[],
        offsets: &offsets,
        lines: text.as_bytes(),
        metadata: &[],
    };
    let search = Search::new(LineFilter::compile(&filter).expect("a valid filter").swap_remove(0));
    let mut selected = Vec::new();
    search.select(&columns, 0..lines.len(), &mut selected);
    selected
}

#[test]
fn a_hit_across_two_entries_is_none() {
    assert_eq!(
        found(LineFilterOp::Contains, &["ab"], &["xa", "b", "ab", "a", "ba", "b"]),
        [2]
    );
    assert_eq!(found(LineFilterOp::NotContains, &["ab"], &["xa", "b", "ab"]), [0, 1]);
}

#[test]
fn a_short_needle_is_found_where_a_long_one_straddles() {
    assert_eq!(
        found(LineFilterOp::Contains, &["abcd", "bc"], &["abc", "d", "bcd"]),
        [0, 2]
    );
}

#[test]
fn entries_without_bytes_are_never_hit() {
    assert_eq!(
        found(LineFilterOp::Contains, &["a"], &["", "", "a", "", "a", ""]),
        [2, 4]
    );
    assert_eq!(
        found(LineFilterOp::NotContains, &["a"], &["", "", "a", "", "a", ""]),
        [0, 1, 3, 5]
    );
}

#[test]
fn characters_with_an_ascii_lower_case_are_found() {
    let lines = ["\u{212a}elvin", "kelvin", "KELVIN", "x"];
    assert_eq!(found(LineFilterOp::Regex, &["(?i)kel"], &lines), [0, 1, 2]);
    assert_eq!(found(LineFilterOp::Regex, &["(?i)elv"], &lines), [0, 1, 2]);
}

#[test]
fn galloping_finds_the_entry_of_any_byte() {
    let offsets = [0u32, 3, 3, 4, 10, 10, 11, 40];
    for position in 0..40 {
        let entry = entry_at(&offsets, 0, position);
        assert!((offsets[entry] as usize..offsets[entry + 1] as usize).contains(&position));
    }
}
