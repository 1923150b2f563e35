use super::*;
use crate::Labels;
use crate::pipeline::extraction::Needs;
use crate::pipeline::names::Names;

fn parsed(line: &str) -> String {
    let mut names = Names::default();
    let extraction = Extraction::new(Needs::Everything, Vec::new(), false, &mut names);
    let mut labels = EntryLabels::new(names, &[]);
    assert!(parse(
        line.as_bytes(),
        &mut labels,
        &extraction,
        &mut JsonScratch::default()
    ));
    let mut out = Vec::new();
    labels.output(&mut out);
    Labels::from_pairs(out.iter().map(|&(name, value, _)| (name, value))).to_string()
}

fn nested(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

#[test]
fn deep_objects_are_read_up_to_a_bound() {
    let name = vec!["a"; MAX_DEPTH].join("_");
    assert_eq!(parsed(&nested(MAX_DEPTH)), format!("{{{name}=\"1\"}}"));
    assert!(parsed(&nested(MAX_DEPTH + 2)).starts_with("{__error__=\"JSONParserErr\""));
    assert!(parsed(&nested(100_000)).starts_with("{__error__=\"JSONParserErr\""));
}

#[test]
fn brackets_in_strings_close_nothing() {
    assert_eq!(
        parsed(r#"{"a":["]","}"],"b":{"c":"}","d":"\"}"}}"#),
        r#"{b_c="}", b_d="\"}"}"#
    );
}

#[test]
fn what_is_no_text_becomes_blank() {
    assert_eq!(parsed("{\"a\":\"x\u{fffd}y\"}"), r#"{a="x y"}"#);
}
