//! Rules: kept, evaluated, delivered.

mod support;

use loki_core::{
    AlertNotice, AlertState, Clock, Engine, ErrorKind, Notify, Period, Rule, RuleGroup, RuleHealth, RuleSample,
    RuleStatus, RuleStorage, Settings, TenantId,
};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Lab, SECOND, START, lines, maintain, push};

/// How long a test waits for other threads before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Remembers what it is told.
#[derive(Debug, Default)]
struct Told {
    takes_samples: bool,
    alerts: Mutex<Vec<AlertNotice>>,
    samples: Mutex<Vec<RuleSample>>,
}

impl Notify for Told {
    fn alerts(&self, _tenant: &TenantId, alerts: &[AlertNotice]) {
        self.alerts.lock().expect("no panic").extend_from_slice(alerts);
    }

    fn samples(&self, _tenant: &TenantId, samples: &[RuleSample]) -> bool {
        self.samples.lock().expect("no panic").extend_from_slice(samples);
        self.takes_samples
    }
}

impl Told {
    fn take_alerts(&self) -> Vec<AlertNotice> {
        std::mem::take(&mut *self.alerts.lock().expect("no panic"))
    }

    fn take_samples(&self) -> Vec<RuleSample> {
        std::mem::take(&mut *self.samples.lock().expect("no panic"))
    }
}

fn alerting(pending_for: i64) -> Rule {
    Rule {
        alert: "Errors".to_owned(),
        expr: r#"sum by (app) (count_over_time({app=~".+"} |= "error" [1m])) > 1"#.to_owned(),
        pending_for: Period::seconds(pending_for),
        labels: [("severity".to_owned(), "page".to_owned())].into(),
        annotations: [(
            "summary".to_owned(),
            "{{ $value }} errors of {{ $labels.app }}".to_owned(),
        )]
        .into(),
        ..Rule::default()
    }
}

fn group(name: &str, rules: Vec<Rule>) -> RuleGroup {
    RuleGroup {
        name: name.to_owned(),
        interval: Period::seconds(60),
        rules,
        ..RuleGroup::default()
    }
}

/// An engine with a group in the namespace `n`, and who is told of it.
fn with_rules(lab: &Lab, group: &RuleGroup) -> (Engine, Arc<Told>) {
    let engine = lab.open().expect("opens");
    let told = Arc::new(Told::default());
    engine.set_notify(Arc::<Told>::clone(&told));
    engine.set_rule_group(&TenantId::single(), "n", group).expect("valid");
    (engine, told)
}

/// Moves the time by a minute and does what is due.
fn minute(lab: &Lab, engine: &Engine) {
    lab.clock.advance(60 * SECOND);
    maintain(engine).expect("maintained");
}

fn errors(lab: &Lab, engine: &Engine) {
    let now = engine.now();
    let _ = lab;
    push(
        engine,
        &TenantId::single(),
        "x",
        &[(now - SECOND, "error 1"), (now - 2 * SECOND, "error 2")],
    )
    .expect("stored");
}

#[test]
fn groups_are_kept_replaced_and_removed_across_restarts() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let (engine, _) = with_rules(&lab, &group("b", vec![alerting(0)]));
    engine.set_rule_group(&tenant, "n", &group("a", vec![])).expect("valid");
    engine.set_rule_group(&tenant, "m", &group("c", vec![])).expect("valid");
    engine
        .set_rule_group(&tenant, "n", &group("a", vec![alerting(1)]))
        .expect("valid");
    drop(engine);
    lab.files.power_cut();
    let engine = lab.open().expect("opens");
    let all = engine.rule_groups(&tenant, None).expect("there");
    assert_eq!(all["n"], [group("b", vec![alerting(0)]), group("a", vec![alerting(1)])]);
    assert_eq!(engine.rule_groups(&tenant, Some("m")).expect("there").len(), 1);
    engine.remove_rule_group(&tenant, "n", "b").expect("there");
    assert_eq!(
        engine.rule_group(&tenant, "n", "b").expect_err("gone").message(),
        "group does not exist"
    );
    engine.remove_rule_namespace(&tenant, "n").expect("there");
    let error = engine.remove_rule_namespace(&tenant, "n").expect_err("gone");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::NotFound, "group namespace does not exist")
    );
    engine.remove_rule_group(&tenant, "m", "c").expect("there");
    assert_eq!(
        engine.rule_groups(&tenant, None).expect_err("empty").message(),
        "no rule groups found"
    );
}

#[test]
fn limits_hold_for_groups_and_rules() {
    let mut lab = Lab::default();
    lab.settings.limits.ruler_max_rules_per_rule_group = 1;
    lab.settings.limits.ruler_max_rule_groups_per_tenant = 1;
    let (engine, _) = with_rules(&lab, &group("a", vec![alerting(0)]));
    let error = engine.set_rule_group(&TenantId::single(), "n", &group("a", vec![alerting(0), alerting(1)]));
    let text = "per-user rules per rule group limit (limit: 1 actual: 2) exceeded";
    assert_eq!(error.expect_err("too many").message(), text);
    let error = engine.set_rule_group(&TenantId::single(), "n", &group("b", vec![]));
    assert_eq!(
        error.expect_err("too many").message(),
        "per-user rule groups limit (limit: 1 actual: 2) exceeded"
    );
}

#[test]
fn an_alert_waits_fires_and_is_resolved() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let (engine, told) = with_rules(&lab, &group("g", vec![alerting(60)]));
    maintain(&engine).expect("maintained");
    assert_eq!(engine.rules(&tenant).expect("open")[0].rules[0].health, RuleHealth::Ok);
    minute(&lab, &engine);
    errors(&lab, &engine);
    minute(&lab, &engine);
    // The group comes at its own offset within the minute, so the lines may be a minute old: they are pushed anew.
    errors(&lab, &engine);
    let mut states = Vec::new();
    for _ in 0..3 {
        errors(&lab, &engine);
        lab.clock.advance(30 * SECOND);
        errors(&lab, &engine);
        lab.clock.advance(30 * SECOND);
        errors(&lab, &engine);
        maintain(&engine).expect("maintained");
        states.push(engine.rules(&tenant).expect("open")[0].rules[0].state());
    }
    assert_eq!(states.last(), Some(&Some(AlertState::Firing)), "{states:?}");
    let fired = told.take_alerts();
    let notice = fired.first().expect("it fires");
    assert_eq!(
        notice.alert.labels.to_string(),
        r#"{alertname="Errors", app="x", severity="page"}"#
    );
    assert_eq!(notice.alert.state, AlertState::Firing);
    assert!(
        notice
            .alert
            .annotations
            .value("summary")
            .is_some_and(|text| text.ends_with(" errors of x"))
    );
    assert!(notice.ends_at > engine.now());
    let names: Vec<String> = told.take_samples().into_iter().map(|sample| sample.name).collect();
    assert!(
        names.contains(&"ALERTS".to_owned()) && names.contains(&"ALERTS_FOR_STATE".to_owned()),
        "{names:?}"
    );
    for _ in 0..3 {
        minute(&lab, &engine);
    }
    let resolved = told.take_alerts();
    assert!(
        resolved.iter().any(|notice| notice.alert.state == AlertState::Resolved),
        "{resolved:?}"
    );
    assert_eq!(engine.rules(&tenant).expect("open")[0].rules[0].alerts, []);
}

#[test]
fn a_waiting_alert_goes_on_after_a_restart() {
    let lab = Lab::default();
    let (engine, _) = with_rules(&lab, &group("g", vec![alerting(120)]));
    for _ in 0..20 {
        lab.clock.advance(10 * SECOND);
        errors(&lab, &engine);
    }
    drop(engine);
    let engine = lab.open().expect("opens");
    let told = Arc::new(Told::default());
    engine.set_notify(Arc::<Told>::clone(&told));
    maintain(&engine).expect("maintained");
    assert_eq!(
        told.take_alerts().len(),
        1,
        "it has been active for longer than it has to wait"
    );
}

#[test]
fn recorded_samples_go_to_whoever_takes_them_and_else_become_lines() {
    let record = Rule {
        record: "errors:count".to_owned(),
        expr: r#"sum by (app) (count_over_time({app="x"}[1h]))"#.to_owned(),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        ..Rule::default()
    };
    for takes_samples in [false, true] {
        let lab = Lab::default();
        let (engine, _) = with_rules(&lab, &group("g", vec![record.clone()]));
        let told = Arc::new(Told {
            takes_samples,
            ..Told::default()
        });
        engine.set_notify(Arc::<Told>::clone(&told));
        push(
            &engine,
            &TenantId::single(),
            "x",
            &[(START - SECOND, "a"), (START - 2 * SECOND, "b")],
        )
        .expect("stored");
        maintain(&engine).expect("maintained");
        let samples = told.take_samples();
        assert_eq!(
            (samples[0].name.as_str(), samples[0].value),
            ("errors:count", Some(2.0))
        );
        assert_eq!(samples[0].labels.to_string(), r#"{app="x", team="a"}"#);
        let kept = lines(
            &engine,
            &TenantId::single(),
            r#"{recording_rule="errors:count", team="a"}"#,
        );
        let expected: &[(i64, String)] = if takes_samples {
            &[]
        } else {
            &[(START, "value=2".to_owned())]
        };
        assert_eq!(kept, expected);
    }
}

#[test]
fn a_rule_that_fails_says_why_and_the_others_go_on() {
    let lab = Lab::default();
    let log = Rule {
        expr: r#"{app="x"}"#.to_owned(),
        ..alerting(0)
    };
    let number = Rule {
        alert: "Always".to_owned(),
        expr: "1 + 1".to_owned(),
        ..Rule::default()
    };
    let limited = RuleGroup {
        limit: 1,
        ..group("g", vec![log, number])
    };
    let (engine, told) = with_rules(&lab, &limited);
    maintain(&engine).expect("maintained");
    let rules = engine.rules(&TenantId::single()).expect("open").remove(0).rules;
    assert_eq!(
        rules[0].health,
        RuleHealth::Failed("rule result is not a vector or scalar".to_owned())
    );
    assert_eq!(rules[1].health, RuleHealth::Ok);
    assert_eq!(
        told.take_alerts()[0].alert.labels.to_string(),
        r#"{alertname="Always"}"#
    );
}

#[test]
fn more_alerts_than_the_limit_are_none() {
    let lab = Lab::default();
    let limited = RuleGroup {
        limit: 1,
        ..group("g", vec![alerting(0)])
    };
    let (engine, told) = with_rules(&lab, &limited);
    for app in ["x", "y"] {
        push(
            &engine,
            &TenantId::single(),
            app,
            &[(START - SECOND, "error 1"), (START - 2 * SECOND, "error 2")],
        )
        .expect("stored");
    }
    maintain(&engine).expect("maintained");
    let rule = engine
        .rules(&TenantId::single())
        .expect("open")
        .remove(0)
        .rules
        .remove(0);
    assert_eq!(
        rule.health,
        RuleHealth::Failed("exceeded limit of 1 with 2 alerts".to_owned())
    );
    assert_eq!((rule.alerts, told.take_alerts()), (vec![], vec![]));
}

fn recording() -> Rule {
    Rule {
        record: "errors:count".to_owned(),
        expr: r#"sum by (app) (count_over_time({app=~".+"} |= "error" [1m]))"#.to_owned(),
        ..Rule::default()
    }
}

fn only_rule(engine: &Engine) -> RuleStatus {
    engine
        .rules(&TenantId::single())
        .expect("open")
        .remove(0)
        .rules
        .remove(0)
}

#[test]
fn a_recorded_series_ends_when_its_query_finds_it_no_more() {
    let lab = Lab::default();
    let (engine, _) = with_rules(&lab, &group("g", vec![recording()]));
    let told = Arc::new(Told {
        takes_samples: true,
        ..Told::default()
    });
    engine.set_notify(Arc::<Told>::clone(&told));
    errors(&lab, &engine);
    maintain(&engine).expect("maintained");
    let found: Vec<Option<f64>> = told.take_samples().iter().map(|sample| sample.value).collect();
    assert_eq!(found, [Some(2.0)]);
    lab.clock.advance(120 * SECOND);
    maintain(&engine).expect("maintained");
    let ended = told.take_samples();
    assert_eq!((ended.len(), ended[0].value), (1, None));
    assert_eq!(ended[0].labels.to_string(), r#"{app="x"}"#);
    minute(&lab, &engine);
    assert_eq!(told.take_samples(), [], "it ends once");
}

#[test]
fn more_series_than_the_limit_are_none() {
    let lab = Lab::default();
    let limited = RuleGroup {
        limit: 1,
        ..group("g", vec![recording()])
    };
    let (engine, told) = with_rules(&lab, &limited);
    for app in ["x", "y"] {
        push(&engine, &TenantId::single(), app, &[(START - SECOND, "error")]).expect("stored");
    }
    maintain(&engine).expect("maintained");
    let failed = RuleHealth::Failed("exceeded limit of 1 with 2 series".to_owned());
    assert_eq!((only_rule(&engine).health, told.take_samples()), (failed, vec![]));
}

#[test]
fn an_alert_fires_on_for_as_long_as_its_rule_says() {
    let lab = Lab::default();
    let rule = Rule {
        keep_firing_for: Period::seconds(150),
        ..alerting(0)
    };
    let (engine, told) = with_rules(&lab, &group("g", vec![rule]));
    errors(&lab, &engine);
    maintain(&engine).expect("maintained");
    assert_eq!(only_rule(&engine).state(), Some(AlertState::Firing));
    // The first minute may still find the lines: the group comes at an offset of its own.
    minute(&lab, &engine);
    let mut minutes = 0;
    while only_rule(&engine).state() == Some(AlertState::Firing) {
        minute(&lab, &engine);
        minutes += 1;
        assert!(minutes < 10, "it never ends");
    }
    assert!((3..=4).contains(&minutes), "{minutes}");
    assert_eq!(
        told.take_alerts().last().map(|notice| notice.alert.state),
        Some(AlertState::Resolved)
    );
}

#[test]
fn samples_stand_at_even_distances_and_what_was_missed_is_counted() {
    let lab = Lab::default();
    let number = Rule {
        record: "one".to_owned(),
        expr: "vector(1)".to_owned(),
        ..Rule::default()
    };
    let (engine, told) = with_rules(&lab, &group("g", vec![number]));
    maintain(&engine).expect("maintained");
    told.take_samples();
    let mut times = Vec::new();
    for seconds in [61, 59, 77, 185, 60] {
        lab.clock.advance(seconds * SECOND);
        maintain(&engine).expect("maintained");
        times.extend(told.take_samples().iter().map(|sample| sample.timestamp_ms));
    }
    let distances: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(distances.iter().all(|distance| distance % 60_000 == 0), "{distances:?}");
    let metrics = engine.metrics().tenants.remove(0).rule_groups.remove(0);
    let passed = (times[times.len() - 1] - times[0]) / 60_000;
    assert_eq!(metrics.iterations_missed as i64, passed + 1 - times.len() as i64);
    assert!(metrics.iterations_missed >= 2, "{metrics:?}");
    assert_eq!(
        (metrics.iterations, metrics.evaluations),
        (times.len() as u64 + 1, times.len() as u64 + 1)
    );
    assert_eq!((metrics.evaluation_failures, metrics.rules), (0, 1));
}

/// A clock on which every look takes a second.
#[derive(Debug)]
struct Slow(AtomicI64);

impl Clock for Slow {
    fn now(&self) -> i64 {
        self.0.fetch_add(SECOND, Ordering::Relaxed)
    }
}

#[test]
fn a_rule_that_takes_too_long_is_stopped_and_the_others_go_on() {
    let mut settings = Settings::default();
    settings.limits.query_timeout = Period::seconds(20);
    let clock = Arc::new(Slow(AtomicI64::new(START)));
    let files = Arc::new(loki_core::files::FaultyFiles::default());
    let engine = Engine::open_with("data", settings, files, clock).expect("opens");
    // Many blocks: the deadline is looked at between them.
    for app in 0..100 {
        push(&engine, &TenantId::single(), &format!("app-{app}"), &[(START, "error")]).expect("stored");
    }
    let slow = Rule {
        expr: r#"sum(count_over_time({app=~".+"} |~ "e.ror" [1h]))"#.to_owned(),
        ..recording()
    };
    let quick = Rule {
        record: "one".to_owned(),
        expr: "vector(1)".to_owned(),
        ..Rule::default()
    };
    engine
        .set_rule_group(&TenantId::single(), "n", &group("g", vec![slow, quick]))
        .expect("valid");
    engine.maintain_rules(engine.now()).expect("open");
    let rules = engine.rules(&TenantId::single()).expect("open").remove(0).rules;
    let RuleHealth::Failed(problem) = &rules[0].health else {
        panic!("{:?}", rules[0]);
    };
    assert!(
        problem.contains("timed out") || problem.contains("timeout"),
        "{problem}"
    );
    assert_eq!(rules[1].health, RuleHealth::Ok);
    let metrics = engine.metrics().tenants.remove(0).rule_groups.remove(0);
    assert_eq!((metrics.evaluations, metrics.evaluation_failures), (2, 1));
}

/// Waits in the middle of an evaluation until it is let go.
#[derive(Debug)]
struct Stuck {
    entered: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Notify for Stuck {
    fn alerts(&self, _tenant: &TenantId, _alerts: &[AlertNotice]) {}

    fn samples(&self, _tenant: &TenantId, _samples: &[RuleSample]) -> bool {
        self.entered.lock().expect("no panic").send(()).expect("the test waits");
        // It fails when the test is over.
        let _ = self.go_on.lock().expect("no panic").recv();
        true
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "other threads are waited for, not a clock")]
fn a_slow_rule_holds_up_neither_flushes_nor_other_groups() {
    let mut lab = Lab::default();
    lab.settings.chunk_idle_period = Period::seconds(1);
    let number = |name: &str, expr: &str| Rule {
        record: name.to_owned(),
        expr: expr.to_owned(),
        ..Rule::default()
    };
    let (engine, _) = with_rules(&lab, &group("slow", vec![number("one", "vector(1)")]));
    let (entered, was_entered) = channel();
    let (let_go, go_on) = channel();
    engine.set_notify(Arc::new(Stuck {
        entered: Mutex::new(entered),
        go_on: Mutex::new(go_on),
    }));
    push(&engine, &TenantId::single(), "x", &[(START, "line")]).expect("stored");
    let background = loki_core::background(&engine, |error| panic!("{error}")).expect("starts");
    was_entered.recv_timeout(PATIENCE).expect("the slow rule is evaluated");
    // A log query is no rule: it fails without asking anybody.
    let other = group("other", vec![number("x", r#"{app="x"}"#)]);
    engine.set_rule_group(&TenantId::single(), "n", &other).expect("valid");
    lab.clock.advance(10 * SECOND);
    let start = Instant::now();
    let is_done = || {
        let groups = engine.rules(&TenantId::single()).expect("open");
        engine.metrics().flushes > 0 && groups[0].last_evaluation.is_some()
    };
    while !is_done() {
        assert!(start.elapsed() < PATIENCE, "the slow rule holds up the rest");
        std::thread::yield_now();
    }
    let slow = engine.rules(&TenantId::single()).expect("open").remove(1);
    assert_eq!((slow.name.as_str(), slow.last_evaluation), ("slow", None));
    drop(let_go);
    drop(background);
}

#[test]
fn templates_ask_queries_and_say_in_place_what_fails() {
    let lab = Lab::default();
    let total = r#"{{ query "sum(count_over_time({app=~\".+\"}[1m]))" | first | value }} in all"#;
    let rule = Rule {
        annotations: [("total", total), ("bad", r#"{{ query "{" }}"#)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..alerting(0)
    };
    let (engine, told) = with_rules(&lab, &group("g", vec![rule]));
    errors(&lab, &engine);
    push(&engine, &TenantId::single(), "y", &[(START - SECOND, "fine")]).expect("stored");
    maintain(&engine).expect("maintained");
    let annotations = told.take_alerts().remove(0).alert.annotations;
    assert_eq!(annotations.value("total"), Some("3 in all"));
    let bad = annotations.value("bad").expect("it has a text");
    assert!(
        bad.starts_with("<error expanding template: template: __alert_Errors:1:") && bad.contains("parse error"),
        "{bad}"
    );
}

#[test]
fn groups_that_are_given_stand_beside_those_that_are_kept_or_in_their_place() {
    let mut lab = Lab::default();
    let tenant = TenantId::single();
    let (engine, _) = with_rules(&lab, &group("kept", vec![]));
    drop(engine);
    let given = |name: &str| [("files".to_owned(), vec![group(name, vec![recording()])])].into();
    let names = |engine: &Engine| {
        let groups = engine.rules(&tenant).expect("open").into_iter();
        groups
            .map(|group| format!("{}/{}", group.namespace, group.name))
            .collect::<Vec<_>>()
    };
    for (storage, expected) in [
        (RuleStorage::Kept, vec!["n/kept"]),
        (RuleStorage::Given, vec!["files/b"]),
        (RuleStorage::Both, vec!["files/b", "n/kept"]),
    ] {
        lab.settings.rule_storage = storage;
        let engine = lab.open().expect("opens");
        engine.give_rule_groups(&tenant, given("a")).expect("valid");
        assert_eq!(names(&engine).len(), expected.len());
        engine.give_rule_groups(&tenant, given("b")).expect("valid");
        assert_eq!(names(&engine), expected);
        let changed = engine.set_rule_group(&tenant, "files", &group("mine", vec![]));
        let added = engine.set_rule_group(&tenant, "n", &group("more", vec![]));
        match storage {
            RuleStorage::Kept => assert!(changed.is_ok() && added.is_ok()),
            RuleStorage::Given => {
                let kinds = [changed, added].map(|done| done.expect_err("refused").kind());
                assert_eq!(kinds, [ErrorKind::Forbidden; 2]);
            }
            RuleStorage::Both => {
                assert_eq!(changed.expect_err("refused").kind(), ErrorKind::Forbidden);
                added.expect("it is kept");
                assert_eq!(names(&engine), ["files/b", "n/kept", "n/more"]);
                engine.remove_rule_group(&tenant, "n", "more").expect("it is kept");
                assert_eq!(names(&engine), ["files/b", "n/kept"]);
            }
        }
        if storage == RuleStorage::Kept {
            engine.remove_rule_namespace(&tenant, "files").expect("it is kept");
            engine.remove_rule_group(&tenant, "n", "more").expect("it is kept");
        }
    }
    let bad = [("f".to_owned(), vec![group("g", vec![recording(), Rule::default()])])].into();
    let error = lab
        .open()
        .expect("opens")
        .give_rule_groups(&tenant, bad)
        .expect_err("a bad rule");
    assert!(
        error
            .message()
            .starts_with(r#"f: group "g", rule 2, "": one of 'record' or 'alert' must be set"#),
        "{error}"
    );
}
