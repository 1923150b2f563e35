//! What the patterns of pushed lines promise.

mod support;

use loki_core::{ErrorKind, PatternRequest, TenantId};
use support::{Lab, SECOND, START, maintain, push};

const SHOP: &str = r#"{app="shop"}"#;

#[test]
fn patterns_are_mined_where_they_are_asked_for() {
    let mut lab = Lab::default();
    let tenant = TenantId::single();
    let request = PatternRequest::new(SHOP, START, START + 600 * SECOND);
    let engine = lab.open().expect("opens");
    assert_eq!(
        engine.patterns(&tenant, &request).expect_err("off").kind(),
        ErrorKind::NotFound
    );
    drop(engine);

    lab.settings.pattern_ingester = true;
    let engine = lab.open().expect("opens");
    assert_eq!(engine.patterns(&tenant, &request).expect("answers"), []);
    for i in 0..100 {
        let time = START + i * SECOND;
        let texts = [
            format!("level=error request {i} failed for user {i}"),
            "one thing more to say".to_owned(),
        ];
        push(&engine, &tenant, "shop", &[(time, &texts[0])]).expect("stored");
        if i < 29 {
            push(&engine, &tenant, "shop", &[(time, &texts[1])]).expect("stored");
        }
        if i < 40 {
            push(&engine, &tenant, "web", &[(time, &texts[1])]).expect("stored");
        }
    }
    let found = engine.patterns(&tenant, &request).expect("answers");
    assert_eq!(found.len(), 1, "29 lines are too few: {found:?}");
    assert_eq!(found[0].pattern, "level=error request <_> failed for user <_>");
    assert_eq!(found[0].level, "error");
    let first = START / SECOND;
    assert_eq!(
        found[0].samples,
        (0..10).map(|k| (first + 10 * k, 10)).collect::<Vec<_>>()
    );

    let of_all = PatternRequest {
        query: r#"{app=~".+"}"#.to_owned(),
        ..request.clone()
    };
    let found = engine.patterns(&tenant, &of_all).expect("answers");
    let totals: Vec<u64> = found
        .iter()
        .map(|p| p.samples.iter().map(|(_, count)| count).sum())
        .collect();
    assert_eq!(totals, [100, 69]);
    assert_eq!(
        (&*found[1].pattern, &*found[1].level),
        ("one thing more to say", "unknown")
    );
    let wrong = PatternRequest {
        query: r#"{app="shop"} |= "x""#.to_owned(),
        ..request.clone()
    };
    assert_eq!(
        engine.patterns(&tenant, &wrong).expect_err("no selector").message(),
        "only label matchers are supported"
    );

    lab.clock.advance(3 * 3600 * SECOND + 50 * SECOND);
    maintain(&engine).expect("maintained");
    let found = engine.patterns(&tenant, &request).expect("answers");
    assert_eq!(found[0].samples.len(), 5, "what is older than three hours is gone");
}
