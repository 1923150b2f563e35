//! Laws that hold for any entries.

use super::*;
use crate::source::LineClause;
use proptest::prelude::*;
use proptest::sample::select;

/// Lines of which many are nearly JSON or logfmt.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\\",
        "\"a\"",
        "\"b\":",
        "\"x\":{",
        "1",
        "-",
        "true",
        "null",
        " ",
        "a",
        "b=",
        "x",
        "=",
        "app",
        "\"app\":",
        "\\u00",
        "\\ud83d",
        "é",
        "error",
        "ERROR",
        "K",
        "\u{212a}",
        "\n",
        "_entry",
        "\"_entry\":\"",
        "10.1.2.3",
        "::1",
        "<",
        ">",
        "\x1b[",
        "m",
    ]);
    let bytes = prop_oneof![9 => pieces.prop_map(|s| s.as_bytes().to_vec()), 1 => any::<u8>().prop_map(|b| vec![b])];
    let broken = prop::collection::vec(bytes, 0..14).prop_map(|pieces| pieces.concat());
    let value = select(vec![
        "1",
        "\"x\"",
        "\"\"",
        "\"a b\"",
        "null",
        "{\"b\":2}",
        "\"error\"",
        "\"5s\"",
        "[1]",
    ]);
    let member = (select(vec!["a", "b", "app", "x", "lvl"]), value);
    let members = prop::collection::vec(member, 0..5);
    let good = members.prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    });
    prop_oneof![2 => broken, 1 => good]
}

fn filter() -> impl Strategy<Value = String> {
    let op = select(vec!["|=", "!=", "|~", "!~", "|>", "!>"]);
    let operand = select(vec![
        "a",
        "err",
        "error",
        "b=",
        "(?i)error",
        "(?i)k",
        "(?i)x",
        "a|b",
        "a.b",
        "<_>a",
        "a<_>",
        "",
        "e",
        "\\n",
        ".+",
        "[ab]x?",
    ]);
    (op, prop::collection::vec(operand, 1..3)).prop_map(|(op, operands)| {
        let operands: Vec<String> = operands.iter().map(|operand| format!("`{operand}`")).collect();
        format!("{op} {}", operands.join(" or "))
    })
}

fn parser() -> impl Strategy<Value = &'static str> {
    select(vec![
        "| json",
        "| json a, y=\"x.b\", z=\"x[0]\"",
        "| logfmt",
        "| logfmt --strict --keep-empty",
        "| logfmt a, y=\"b\"",
        "| regexp `(?P<a>[a-z]+).(?P<b>.*)`",
        "| pattern `<a> <b>`",
        "| unpack",
        "| decolorize",
        "| json | logfmt",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn selecting_is_filtering_line_by_line(
        lines in prop::collection::vec(line().prop_filter("changes under decolorize", |line| !line.contains(&0x1b) && !line.contains(&0x9b)), 0..40),
        filters in prop::collection::vec(filter(), 1..4),
        cut in 0usize..8,
    ) {
        let entries = Entries::new(&[("app", "s")], &lines);
        let query = format!("{{a=\"b\"}} {}", filters.join(" "));
        // Behind a stage that may replace the line, filters are run one line at a time.
        let one_by_one = format!("{{a=\"b\"}} | decolorize {}", filters.join(" "));
        let start = cut.min(lines.len());
        let range = start..lines.len() - cut.min(lines.len() - start);
        let (fast, slow) = (pipeline(&query).unwrap(), pipeline(&one_by_one).unwrap());
        let (mut fast, mut slow) = (fast.runner(0), slow.runner(0));
        let (mut selected, mut all) = (Vec::new(), Vec::new());
        entries.columns(|columns| {
            fast.select(columns, range.clone(), &mut selected);
            slow.select(columns, range.clone(), &mut all);
            all.retain(|&i| slow.line(columns, i as usize).is_some());
        });
        prop_assert_eq!(selected, all, "{}", query);
    }

    #[test]
    fn literals_are_in_every_line_that_passes(
        lines in prop::collection::vec(line(), 0..40),
        filters in prop::collection::vec(filter(), 1..3),
    ) {
        let query = format!("{{a=\"b\"}} {}", filters.join(" "));
        let entries = Entries::new(&[("app", "s")], &lines);
        let pipeline = pipeline(&query).unwrap();
        for (_, line, _) in run_log(&query, &entries) {
            for any in pipeline.literals() {
                let holds = any.iter().any(|literal| {
                    let line = if literal.ignore_case { line.to_ascii_lowercase() } else { line.clone() };
                    memchr::memmem::find(&line, &literal.bytes).is_some()
                });
                prop_assert!(holds, "{} {:?} {:?}", query, any, line);
            }
        }
    }

    #[test]
    fn clauses_hold_of_every_line_that_passes_and_of_no_other_where_they_tell_all(
        lines in prop::collection::vec(line(), 0..40),
        filters in prop::collection::vec(filter(), 1..4),
    ) {
        let entries = Entries::new(&[("app", "s")], &lines);
        let query = format!("{{a=\"b\"}} {}", filters.join(" "));
        let pipeline = pipeline(&query).unwrap();
        let (mut runner, mut passing) = (pipeline.runner(0), Vec::new());
        entries.columns(|columns| runner.select(columns, 0..lines.len(), &mut passing));
        for (i, line) in lines.iter().enumerate() {
            let holds = |clause: &LineClause| clause.needles.iter().any(|needle| needle.is_in(line)) != clause.negated;
            let told = pipeline.clauses.iter().all(holds);
            let passes = passing.contains(&(i as u32));
            prop_assert!(told || !passes, "{} {:?}", query, line);
            prop_assert!(!told || passes || !pipeline.is_told, "{} {:?}", query, line);
        }
    }

    #[test]
    fn any_bytes_can_be_parsed(lines in prop::collection::vec(line(), 0..12), parser in parser()) {
        let entries = Entries::new(&[("app", "s"), ("x", "1")], &lines);
        let out = run_log(&format!("{{a=\"b\"}} {parser}"), &entries);
        prop_assert_eq!(out.len(), lines.len());
    }

    #[test]
    fn an_entry_does_not_know_its_neighbours(lines in prop::collection::vec(line(), 0..12), parser in parser()) {
        let query = format!("{{a=\"b\"}} {parser} | label_format c=a | drop b");
        let stream = &[("app", "s"), ("x", "1")];
        let together = run_log(&query, &Entries::new(stream, &lines));
        let alone: Vec<_> = lines.iter().flat_map(|line| run_log(&query, &Entries::new(stream, &[line]))).collect();
        prop_assert_eq!(together.len(), alone.len());
        for (a, b) in together.iter().zip(&alone) {
            prop_assert_eq!((&a.1, &a.2), (&b.1, &b.2));
        }
    }

    /// Where no line is broken, what is left out is exactly what is not asked for.
    #[test]
    fn extracting_what_is_needed_is_projecting_everything(
        lines in prop::collection::vec(line(), 0..12),
        parser in select(vec!["| json", "| logfmt", "| regexp `(?P<a>[a-z]+).(?P<b>.*)`", "| pattern `<a> <b>`"]),
        filter in select(vec!["", "| a!=\"x\"", "| b=\"2\" or app_extracted=\"1\""]),
    ) {
        let entries = Entries::new(&[("app", "s")], &lines);
        let stages = format!("{{a=\"b\"}} {parser} | __error__=\"\" {filter}");
        let everything = run_metric(&format!("count_over_time({stages} [1m])"), &entries).unwrap();
        let names = ["a", "app"];
        let restricted = run_metric(&format!("sum by (a, app) (count_over_time({stages} [1m]))"), &entries).unwrap();
        prop_assume!(everything.len() == restricted.len());
        for ((_, all), (_, some)) in everything.iter().zip(&restricted) {
            let all = crate::parse_selector(all).unwrap().matchers.into_iter();
            let expected = Labels::from_pairs(
                all.filter(|matcher| names.contains(&matcher.name.as_str()))
                    .map(|matcher| (matcher.name, matcher.value.to_str().into_owned())),
            );
            prop_assert_eq!(some, &expected.to_string());
        }
    }

    /// Labels, values and errors, the text of an error included.
    #[test]
    fn leaving_out_metadata_that_nothing_reads_changes_nothing(
        entries in prop::collection::vec((line(), prop::collection::vec(0u32..3, 6)), 0..12),
        parser in parser(),
        stage in select(vec![
            "", "| a!=\"x\"", "| b=\"2\" or m=\"x\"", "| drop a", "| keep a, m", "| label_format a=m", "| x > 1",
            "| label_format a=`{{.b}}-{{.a_extracted}}`", "| __error__=\"\"", "| line_format `{{.m}}` | logfmt",
        ]),
        aggregation in select(vec![
            "sum(count_over_time(Q [1m]))", "sum by (a) (count_over_time(Q [1m]))", "sum by (app, m) (count_over_time(Q [1m]))",
            "sum by (app_extracted) (count_over_time(Q [1m]))", "max_over_time(Q | unwrap a [1m]) by (b)",
            "count_over_time(Q [1m])", "sum by (__error__) (count_over_time(Q [1m]))",
        ]),
    ) {
        let names = ["__error__", "a", "a_extracted", "app", "m", "x"];
        let pairs: Vec<Vec<(&str, &str)>> = entries
            .iter()
            .map(|(_, values)| {
                let pairs = names.into_iter().zip(values);
                pairs.filter(|&(_, &value)| value > 0).map(|(name, &value)| (name, ["x", "2"][value as usize - 1])).collect()
            })
            .collect();
        let refs: Vec<&[(&str, &str)]> = pairs.iter().map(Vec::as_slice).collect();
        let lines: Vec<&[u8]> = entries.iter().map(|(line, _)| &line[..]).collect();
        let query = aggregation.replace('Q', &format!("{{a=\"b\"}} {parser} {stage}"));
        let mut full = pipeline(&query).unwrap();
        full.reads_all_metadata = true;
        for entry in 0..lines.len() {
            // One by one: the first error ends a query.
            let entries = Entries::new(&[("app", "s")], &lines[entry..=entry]).with_metadata(&refs[entry..=entry]);
            let expected = run_samples(&full, &entries);
            prop_assert_eq!(run_metric(&query, &entries), expected, "{}", query);
        }
    }

    #[test]
    fn metadata_met_before_changes_nothing(
        values in prop::collection::vec((0u32..3, 0u32..3), 1..20),
    ) {
        let texts = ["x", "y"];
        let pairs: Vec<Vec<(&str, &str)>> = values
            .iter()
            .map(|&(a, b)| {
                [("app", a), ("m", b)]
                    .into_iter()
                    .filter(|&(_, value)| value > 0)
                    .map(|(name, value)| (name, texts[value as usize - 1]))
                    .collect()
            })
            .collect();
        let refs: Vec<&[(&str, &str)]> = pairs.iter().map(Vec::as_slice).collect();
        let lines = vec!["line"; values.len()];
        let entries = Entries::new(&[("app", "s")], &lines).with_metadata(&refs);
        let out = run_log("{a=\"b\"} | m!=\"y\" | drop nothing", &entries);
        let expected: Vec<(usize, Vec<u8>, String)> = pairs
            .iter()
            .enumerate()
            .filter(|(_, pairs)| !pairs.contains(&("m", "y")))
            .map(|(i, pairs)| {
                let named = pairs.iter().map(|&(n, v)| (if n == "app" { "app_extracted" } else { n }, v));
                let labels = Labels::from_pairs(named.chain([("app", "s")]));
                (i, b"line".to_vec(), labels.to_string())
            })
            .collect();
        prop_assert_eq!(out, expected);
    }
}
