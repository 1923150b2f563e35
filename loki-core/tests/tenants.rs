//! What a reader of several tenants sees.

mod support;

use loki_core::logql::QueryResult;
use loki_core::{
    Engine, ErrorKind, FieldRequest, Period, PushRequest, QueryRequest, SeriesRequest, TenantId, VolumeRequest,
};
use support::{Lab, SECOND, START, push};

fn names(names: &[&str]) -> Vec<TenantId> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

/// Tenants `a` and `b` with one stream each, and `c` whose stream has a label of the name that tenants are told by.
fn engine(lab: &Lab) -> Engine {
    let engine = lab.open().expect("opens");
    let tenants = names(&["a", "b", "c"]);
    push(&engine, &tenants[0], "x", &[(START, "a one"), (START + 1, "a two")]).expect("stored");
    engine.flush().expect("flushes");
    push(&engine, &tenants[1], "x", &[(START, "b one")]).expect("stored");
    let own = PushRequest::new().with_stream([("app", "y"), ("__tenant_id__", "own")], [(START, "c one")]);
    engine.push(&tenants[2], &own).expect("stored");
    engine
}

fn series(selectors: &[&str]) -> SeriesRequest {
    let selectors = selectors.iter().map(|&selector| selector.to_owned()).collect();
    SeriesRequest {
        start: START,
        end: START + SECOND,
        selectors,
    }
}

/// The streams of a log query with their numbers of lines.
fn streams(engine: &Engine, tenants: &[&str], query: &str) -> Vec<(String, usize)> {
    let request = QueryRequest::range(query, START, START + SECOND);
    let QueryResult::Streams(streams) = engine.reader(&names(tenants)).query(&request).expect("answers").result else {
        panic!("{query} is a log query")
    };
    let without_level = |text: String| text.replace("detected_level=\"unknown\", ", "");
    streams
        .into_iter()
        .map(|stream| (without_level(stream.labels.to_string()), stream.entries.len()))
        .collect()
}

fn counts(engine: &Engine, tenants: &[&str], query: &str) -> Vec<(String, f64)> {
    let request = QueryRequest::instant(query, START + SECOND);
    let QueryResult::Vector(samples) = engine.reader(&names(tenants)).query(&request).expect("answers").result else {
        panic!("{query} gives a vector")
    };
    samples
        .into_iter()
        .map(|sample| (sample.labels.to_string(), sample.sample.value))
        .collect()
}

#[test]
fn streams_of_several_tenants_say_whose_they_are() {
    let engine = engine(&Lab::default());
    let found = streams(&engine, &["c", "a", "b", "a"], r#"{app=~".+"}"#);
    assert_eq!(
        found,
        [
            (r#"{__tenant_id__="a", app="x", service_name="x"}"#.to_owned(), 2),
            (r#"{__tenant_id__="b", app="x", service_name="x"}"#.to_owned(), 1),
            (
                r#"{__tenant_id__="c", app="y", original___tenant_id__="own", service_name="y"}"#.to_owned(),
                1
            ),
        ]
    );
    let alone = streams(&engine, &["b", "b"], r#"{app=~".+"}"#);
    assert_eq!(alone, [(r#"{app="x", service_name="x"}"#.to_owned(), 1)]);
}

#[test]
fn matchers_on_the_tenant_choose_tenants() {
    let engine = engine(&Lab::default());
    for (query, entries) in [
        (r#"{__tenant_id__="a", app="x"}"#, 2),
        (r#"{__tenant_id__!="a", app="x"}"#, 1),
        (r#"{__tenant_id__=~"a|b", app="x"}"#, 3),
        (r#"{app="x", __tenant_id__!~"a|b"}"#, 0),
        (r#"{__tenant_id__="a"}"#, 2),
        (r#"{app="x"} | __tenant_id__="b""#, 1),
    ] {
        let found = streams(&engine, &["a", "b"], query);
        assert_eq!(
            found.iter().map(|(_, entries)| entries).sum::<usize>(),
            entries,
            "{query}"
        );
    }
}

#[test]
fn samples_of_several_tenants_are_grouped_and_summed() {
    let engine = engine(&Lab::default());
    assert_eq!(
        counts(
            &engine,
            &["a", "b"],
            r#"sum by (__tenant_id__) (count_over_time({app="x"}[1h]))"#
        ),
        [
            (r#"{__tenant_id__="a"}"#.to_owned(), 2.0),
            (r#"{__tenant_id__="b"}"#.to_owned(), 1.0)
        ]
    );
    assert_eq!(
        counts(&engine, &["a", "b"], r#"sum(count_over_time({app="x"}[1h]))"#),
        [("{}".to_owned(), 3.0)]
    );
}

#[test]
fn names_values_series_and_sizes_are_those_of_all() {
    let engine = engine(&Lab::default());
    let reader = engine.reader(&names(&["a", "b", "c"]));
    let values = |name| reader.label_values(name, &series(&[])).expect("answers");
    assert_eq!(
        reader.labels(&series(&[])).expect("answers"),
        ["__tenant_id__", "app", "service_name"]
    );
    assert_eq!(values("app"), ["x", "y"]);
    assert_eq!(values("__tenant_id__"), ["a", "b", "c"]);
    assert_eq!(values("original___tenant_id__"), ["own"]);
    let of_c = reader.series(&series(&[r#"{__tenant_id__="c"}"#])).expect("answers");
    assert_eq!(
        of_c.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [r#"{__tenant_id__="c", app="y", original___tenant_id__="own", service_name="y"}"#]
    );
    let stats = reader.index_stats(&series(&[r#"{app=~".+"}"#])).expect("answers");
    assert_eq!((stats.streams, stats.entries), (3, 4));
    let volume = reader
        .volume(&VolumeRequest::new(r#"{app=~".+"}"#, START, START + SECOND))
        .expect("answers");
    let QueryResult::Vector(samples) = volume.result else {
        panic!("one volume each")
    };
    let samples: Vec<_> = samples.iter().map(|s| (s.labels.to_string(), s.sample.value)).collect();
    assert_eq!(
        samples,
        [(r#"{app="x"}"#.to_owned(), 15.0), (r#"{app="y"}"#.to_owned(), 5.0)]
    );
    let fields = reader
        .detected_fields(&FieldRequest::new(r#"{app="x"}"#, START, START + SECOND))
        .expect("answers");
    assert_eq!(
        fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(),
        ["detected_level"]
    );
}

#[test]
fn one_tenant_is_labelled_where_that_is_asked_for() {
    let engine = engine(&Lab::default());
    let reader = engine.reader(&names(&["b"])).labelled();
    let found = reader.series(&series(&[])).expect("answers");
    assert_eq!(
        found[0].to_string(),
        r#"{__tenant_id__="b", app="x", service_name="x"}"#
    );
}

#[test]
fn the_strictest_of_the_tenants_limits_holds() {
    let mut lab = Lab::default();
    let mut limits = lab.settings.limits.clone();
    limits.max_entries_limit_per_query = 10;
    limits.max_query_lookback = Period::minutes(1);
    lab.settings
        .overrides
        .extend(names(&["b"]).into_iter().map(|tenant| (tenant, limits.clone())));
    let engine = engine(&lab);
    let request = QueryRequest::range(r#"{app="x"}"#, START, START + SECOND).limit(11);
    assert!(engine.reader(&names(&["a"])).query(&request).is_ok());
    let error = engine
        .reader(&names(&["a", "b"]))
        .query(&request)
        .expect_err("too many lines");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    lab.clock.advance(120 * SECOND);
    assert_eq!(
        engine
            .reader(&names(&["a"]))
            .series(&series(&[]))
            .expect("answers")
            .len(),
        1
    );
    assert!(
        engine
            .reader(&names(&["a", "b"]))
            .series(&series(&[]))
            .expect("answers")
            .is_empty()
    );
}
