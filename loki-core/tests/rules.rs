//! Rules: kept, evaluated, delivered.

mod support;

use loki_core::{
    AlertNotice, AlertState, Engine, ErrorKind, Notify, Period, Rule, RuleGroup, RuleHealth, RuleSample, TenantId,
};
use std::sync::{Arc, Mutex};
use support::{Lab, SECOND, START, lines, maintain, push};

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
