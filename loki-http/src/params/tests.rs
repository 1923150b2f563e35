use super::*;

const NOW: i64 = 1_795_255_970 * SECOND;

fn params(query: &str) -> Params {
    Params::parse(b"", query).expect("well-formed")
}

#[test]
fn timestamps_follow_the_documented_decision_procedure() {
    for (text, nanos) in [
        ("1600000000", 1_600_000_000 * SECOND),
        ("1600000000.", 1_600_000_000 * SECOND),
        ("1600000000.5", 1_600_000_000 * SECOND + SECOND / 2),
        ("1600000000.1239", 1_600_000_000 * SECOND + 124_000_000),
        ("1.6e9", 1_600_000_000 * SECOND),
        ("1600000000123456789", 1_600_000_000_123_456_789),
        ("1600000000123", 1_600_000_000_123),
        ("-1", -SECOND),
        ("9999999999", i64::MAX),
        ("2020-09-13T12:26:40.123456789Z", 1_600_000_000_123_456_789),
        ("2020-09-13T14:26:40+02:00", 1_600_000_000 * SECOND),
    ] {
        assert_eq!(timestamp(text), Ok(nanos), "{text}");
    }
    for (text, problem) in [
        (
            "2020-09-13",
            r#"strconv.ParseInt: parsing "2020-09-13": invalid syntax"#,
        ),
        ("16e8", r#"strconv.ParseInt: parsing "16e8": invalid syntax"#),
        (
            "99999999999999999999",
            r#"strconv.ParseInt: parsing "99999999999999999999": value out of range"#,
        ),
    ] {
        assert_eq!(timestamp(text).expect_err(text).to_string(), problem);
    }
}

#[test]
fn durations_are_seconds_or_prometheus_durations() {
    for (text, nanos) in [
        ("0.5", SECOND / 2),
        ("1e1", 10 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("250ms", SECOND / 4),
        ("1w", 604_800 * SECOND),
        ("-5", -5 * SECOND),
        ("0", 0),
    ] {
        assert_eq!(duration(text), Ok(nanos), "{text}");
    }
    for text in ["abc", "1.5h", "30m1h", "5s5s", "-5s", "h", "NaN"] {
        assert_eq!(
            duration(text).expect_err(text).to_string(),
            format!("cannot parse \"{text}\" to a valid duration")
        );
    }
    assert_eq!(
        duration("1e30").expect_err("too long").to_string(),
        r#"cannot parse "1e30" to a valid duration. It overflows int64"#
    );
}

#[test]
fn a_range_defaults_to_the_last_hour() {
    let range = |query: &str| params(query).range(NOW).map(|range| (range.start, range.end));
    assert_eq!(range(""), Ok((NOW - DEFAULT_SINCE, NOW)));
    assert_eq!(range("since=5m"), Ok((NOW - 300 * SECOND, NOW)));
    assert_eq!(range("start=1600000000&since=5m"), Ok((1_600_000_000 * SECOND, NOW)));
    assert_eq!(
        range("end=1600000000"),
        Ok((1_599_996_400 * SECOND, 1_600_000_000 * SECOND))
    );
    assert_eq!(
        range("start=1600000000&end=1600000000"),
        Ok((1_600_000_000 * SECOND, 1_600_000_000 * SECOND))
    );
    assert_eq!(
        range("end=9000000000"),
        Ok((NOW - DEFAULT_SINCE, 9_000_000_000 * SECOND))
    );
    assert_eq!(range("start=2&end=1"), Err(Error::EndBeforeStart));
}

#[test]
fn the_first_failing_check_gives_the_answer() {
    let bad = [
        (
            "start=abc",
            r#"could not parse 'start' parameter: strconv.ParseInt: parsing "abc": invalid syntax"#,
        ),
        (
            "end=abc",
            r#"could not parse 'end' parameter: strconv.ParseInt: parsing "abc": invalid syntax"#,
        ),
        (
            "since=abc",
            r#"could not parse 'since' parameter: not a valid duration string: "abc""#,
        ),
        ("limit=abc", r#"strconv.Atoi: parsing "abc": invalid syntax"#),
        ("direction=sideways", "invalid direction 'sideways'"),
        ("step=abc", r#"cannot parse "abc" to a valid duration"#),
        ("interval=-1", "interval must be >= 0"),
    ];
    for first in 0..bad.len() {
        let query = bad[first..]
            .iter()
            .map(|(query, _)| *query)
            .collect::<Vec<_>>()
            .join("&");
        assert_eq!(
            params(&query).range_query(NOW).expect_err(&query).to_string(),
            bad[first].1
        );
    }
    let problem = |query: &str| params(query).range_query(NOW).expect_err(query).to_string();
    assert_eq!(problem("limit=0"), "limit must be a positive value");
    assert_eq!(problem("limit=-1"), "limit must be a positive value");
    assert_eq!(
        problem("step=0"),
        "zero or negative query resolution step widths are not accepted. Try a positive integer"
    );
    assert_eq!(
        problem("start=0&end=11001&step=1"),
        "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
    );
    assert!(params("start=0&end=11000&step=1").range_query(NOW).is_ok());
}

#[test]
fn an_instant_query_checks_the_limit_before_the_time() {
    let problem = |query: &str| params(query).instant_query(NOW).expect_err(query).to_string();
    assert_eq!(problem("time=abc&limit=0"), "limit must be a positive value");
    assert_eq!(
        problem("time=abc&direction=sideways"),
        r#"strconv.ParseInt: parsing "abc": invalid syntax"#
    );
    let request = params("query=vector(1)").instant_query(NOW).expect("valid");
    assert_eq!(request.time, Time::Instant(NOW));
}

#[test]
fn the_default_step_makes_250_points_and_is_a_second_at_least() {
    let step = |seconds: i64| {
        params("").step(TimeRange {
            start: 0,
            end: seconds * SECOND,
        })
    };
    assert_eq!(step(10), Ok(SECOND));
    assert_eq!(step(3600), Ok(14 * SECOND));
}

#[test]
fn the_body_comes_before_the_url_and_empty_is_absent() {
    let params = Params::parse(b"query=body&empty=", "query=url&empty=x&a=1+2%2B%C3%A9").expect("well-formed");
    assert_eq!(params.value("query"), Some("body"));
    assert_eq!(params.value("empty"), None);
    assert_eq!(params.value("a"), Some("1 2+é"));
    assert_eq!(params.values("query").collect::<Vec<_>>(), ["body", "url"]);
}

#[test]
fn a_bad_escape_is_named() {
    for (query, escape) in [("a=%zz", "%zz"), ("a=x%4", "%4"), ("%", "%")] {
        assert_eq!(
            Params::parse(b"", query).expect_err(query),
            Error::Escape(escape.to_owned())
        );
    }
}

#[test]
fn both_names_of_selectors_are_joined() {
    let selectors = |query: &str| params(query).series_request(NOW).map(|request| request.selectors);
    assert_eq!(selectors(""), Ok(vec![]));
    assert_eq!(
        selectors("match=%7Ba%3D%22b%22%7D&match[]=x"),
        Ok(vec!["{a=\"b\"}".to_owned(), "x".to_owned()])
    );
    assert_eq!(
        params("step=1").stats_request(NOW).map(|request| request.selectors),
        Err(Error::NoQuery)
    );
}

#[test]
fn the_regexp_of_the_early_api_is_one_more_line_filter() {
    let request = params("query=%7Ba%3D%22b%22%7D&regexp=x%22%5Cd")
        .legacy_query(NOW)
        .expect("valid");
    assert_eq!(request.query, r#"{a="b"} |~ "x\"\\d""#);
}
