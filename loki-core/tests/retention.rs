//! Retention: what is too old, or too much, leaves queries, labels and the disk, and nothing else does.

mod support;

use loki_core::{ByteSize, Engine, Limits, Period, SeriesRequest, StreamRetention, TenantId};
use std::path::Path;
use support::{Lab, SECOND, START, lines, maintain, push};

const DAY: i64 = 24 * 3600 * SECOND;

fn tenant(name: &str) -> TenantId {
    name.parse().expect("a tenant")
}

/// Limits that keep entries for so many days, and those of selectors otherwise: selector, priority, days.
fn kept_for(days: i64, streams: &[(&str, i64, i64)]) -> Limits {
    let streams = streams.iter().map(|(selector, priority, days)| StreamRetention {
        selector: (*selector).to_owned(),
        priority: *priority,
        period: Period::hours(24 * days),
    });
    Limits {
        max_query_length: Period::ZERO,
        retention_period: Period::hours(24 * days),
        retention_stream: streams.collect(),
        ..Limits::default()
    }
}

fn apps(engine: &Engine, tenant: &TenantId) -> Vec<String> {
    let all = SeriesRequest {
        start: 0,
        end: START + 1000 * DAY,
        selectors: Vec::new(),
    };
    let names = engine.label_values(tenant, "app", &all).expect("answered");
    let series = engine.series(tenant, &all).expect("answered");
    let of_series: Vec<&str> = series.iter().filter_map(|labels| labels.value("app")).collect();
    assert_eq!(names, of_series, "label and series answers agree");
    names
}

fn segments(lab: &Lab) -> usize {
    let paths = lab.files.paths();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "segment"))
        .count()
}

/// Days from the start until the app is gone, looking every half day, for each app.
fn days_kept(limits: Limits, names: &[&str]) -> Vec<f64> {
    let mut lab = Lab::default();
    lab.settings.limits = limits;
    let (engine, tenant) = (lab.open().expect("opens"), TenantId::single());
    for app in names {
        push(&engine, &tenant, app, &[(START, "line")]).expect("stored");
    }
    engine.flush().expect("flushes");
    let mut days = vec![f64::INFINITY; names.len()];
    for half in 1..200 {
        lab.clock.set(START + half * DAY / 2 + SECOND);
        maintain(&engine).expect("maintained");
        let left = apps(&engine, &tenant);
        for (app, days) in names.iter().zip(&mut days) {
            if !left.iter().any(|known| known == app) && days.is_infinite() {
                *days = half as f64 / 2.0;
            }
        }
    }
    days
}

#[test]
fn of_several_rules_the_highest_priority_counts_and_of_equal_ones_the_shortest() {
    let rules = [
        (r#"{app=~"a|b|c"}"#, 1, 3),
        (r#"{app=~"b|c"}"#, 2, 9),
        (r#"{app="c"}"#, 2, 6),
        (r#"{app="d"}"#, 1, 40),
    ];
    let days = days_kept(kept_for(20, &rules), &["a", "b", "c", "d", "e"]);
    // A segment is rewritten for retention once what is too old in it is worth it: a day late at most.
    for (app, (days, period)) in days.iter().zip([3.0, 9.0, 6.0, 40.0, 20.0]).enumerate() {
        assert!(
            (period..=period + 1.0).contains(days),
            "app {app}: {days} days, asked for {period}"
        );
    }
}

#[test]
fn without_a_period_nothing_goes() {
    assert_eq!(days_kept(kept_for(0, &[]), &["a"]), [f64::INFINITY]);
    let days = days_kept(kept_for(0, &[(r#"{app="a"}"#, 1, 2)]), &["a", "b"]);
    assert!(days[0] <= 3.0 && days[1].is_infinite(), "{days:?}");
}

#[test]
fn each_tenant_keeps_as_long_as_its_own_limits_say_also_across_restarts() {
    let mut lab = Lab::default();
    lab.settings.limits = kept_for(30, &[]);
    let (short, long) = (tenant("short"), tenant("long"));
    lab.settings.overrides = [(short.clone(), kept_for(2, &[]))].into();
    lab.clock.set(START + 10 * DAY + SECOND);
    let engine = lab.open().expect("opens");
    for who in [&short, &long] {
        push(
            &engine,
            who,
            "x",
            &[(START, "secret of the first day"), (START + 10 * DAY, "later")],
        )
        .expect("stored");
    }
    engine.flush().expect("flushes");
    assert_eq!(segments(&lab), 2);
    drop(engine);
    lab.clock.set(START + 11 * DAY);
    let engine = lab.open().expect("opens");
    maintain(&engine).expect("maintained");
    let texts = |who| {
        lines(&engine, who, r#"{app="x"}"#)
            .into_iter()
            .map(|(_, line)| line)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&short), ["later"]);
    assert_eq!(texts(&long), ["secret of the first day", "later"]);
    lab.clock.set(START + 13 * DAY);
    maintain(&engine).expect("maintained");
    assert_eq!((texts(&short), apps(&engine, &short)), (vec![], vec![]));
    assert_eq!(apps(&engine, &long), ["x"]);
    let left: Vec<_> = lab.files.paths();
    let of_short = left
        .iter()
        .filter(|path| path.starts_with(Path::new("data/tenants/short/segments")));
    assert_eq!(of_short.count(), 0, "{left:?}");
}

#[test]
fn beyond_the_total_size_the_oldest_go_whoevers_they_are_until_the_rest_fits() {
    let mut lab = Lab::default();
    // Lines that cannot be compressed, so that sizes are known.
    let noise = |seed: u64| {
        let mut state = seed;
        (0..20_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                char::from(b'!' + (state >> 33) as u8 % 90)
            })
            .collect::<String>()
    };
    lab.settings.retention_bytes = ByteSize(100_000);
    let tenants = [tenant("a"), tenant("b")];
    let mut engine = lab.open().expect("opens");
    for n in 0..12u64 {
        let at = START + n as i64 * DAY;
        lab.clock.set(at + SECOND);
        let who = &tenants[n as usize % 2];
        push(&engine, who, &format!("app-{n:02}"), &[(at, &noise(n))]).expect("stored");
        engine.flush().expect("flushes");
        maintain(&engine).expect("maintained");
        let bytes: u64 = engine.metrics().tenants.iter().map(|tenant| tenant.segment_bytes).sum();
        assert!(bytes <= 100_000, "{bytes} bytes after {n}");
        if n == 6 {
            drop(engine);
            engine = lab.open().expect("opens");
        }
    }
    let mut left: Vec<String> = tenants.iter().flat_map(|who| apps(&engine, who)).collect();
    left.sort();
    assert!((3..=5).contains(&left.len()), "{left:?}");
    let newest: Vec<String> = (12 - left.len()..12).map(|n| format!("app-{n:02}")).collect();
    assert_eq!(left, newest, "the newest are left");
    assert!(segments(&lab) <= left.len());
}

#[test]
fn what_is_removed_leaves_the_disk() {
    let needle = "a line that nobody shall find again";
    let mut lab = Lab::default();
    lab.settings.encoding = loki_core::chunk::Encoding::None;
    lab.settings.limits = kept_for(2, &[]);
    lab.clock.set(START + 10 * DAY + SECOND);
    let engine = lab.open().expect("opens");
    let tenant = TenantId::single();
    push(&engine, &tenant, "gone", &[(START, needle)]).expect("stored");
    push(&engine, &tenant, "stays", &[(START + 10 * DAY, "another")]).expect("stored");
    let is_on_disk = || {
        let files: &dyn loki_core::files::Files = &lab.files;
        let holds = |path: &Path| {
            let bytes = files.read(path).expect("it is there");
            bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
        };
        lab.files.paths().iter().any(|path| holds(path))
    };
    assert!(is_on_disk(), "in the log");
    engine.flush().expect("flushes");
    assert!(is_on_disk(), "in a segment");
    maintain(&engine).expect("maintained");
    assert!(!is_on_disk());
    assert_eq!(apps(&engine, &tenant), ["stays"]);
}
