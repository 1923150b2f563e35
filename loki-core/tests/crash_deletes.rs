//! A life of an engine that deletes and has rules, with the disk failing at every possible moment: what was deleted and
//! acknowledged stays hidden, and nothing else is lost.

mod support;

use loki_core::files::Fault;
use loki_core::{Engine, NewDelete, RuleGroup, TenantId};
use std::collections::BTreeMap;
use support::{Lab, SECOND, START, lines, maintain, push};

const DAY: i64 = 24 * 3600 * SECOND;

/// Lines, requests and groups: by what was tried, whether it was acknowledged.
#[derive(Default)]
struct Lived {
    pushed: BTreeMap<String, bool>,
    deleted: BTreeMap<&'static str, bool>,
    groups: BTreeMap<String, bool>,
}

const WORDS: [&str; 3] = ["red", "green", "blue"];

fn delete(engine: &Engine, word: &str) -> bool {
    let query = format!(r#"{{app="x"}} |= "{word}""#).parse().expect("a query");
    let new = NewDelete {
        query,
        start: START,
        end: Some(START + 100 * SECOND),
        max_interval: None,
    };
    engine.delete(&TenantId::single(), &new).is_ok()
}

/// Pushes, deletes, sets rules, flushes, waits and maintains, whatever fails.
fn live(lab: &Lab, lived: &mut Lived) {
    for (session, word) in WORDS.into_iter().take(2).enumerate() {
        lab.clock.set(START + 1000 * SECOND + session as i64 * 2 * DAY);
        let Ok(engine) = lab.open() else {
            lab.files.process_killed();
            continue;
        };
        if session == 0 {
            for (n, word) in WORDS.into_iter().enumerate() {
                let line = format!("{word} {}", "x".repeat(n));
                let done = push(&engine, &TenantId::single(), "x", &[(START + n as i64 * SECOND, &line)]).is_ok();
                lived.pushed.insert(line, done);
                if n == 0 {
                    let _ = engine.flush();
                }
            }
        }
        lived.deleted.insert(word, delete(&engine, word));
        let group = RuleGroup {
            name: format!("g{session}"),
            ..RuleGroup::default()
        };
        let done = engine.set_rule_group(&TenantId::single(), "n", &group).is_ok();
        lived.groups.insert(group.name, done);
        let _ = maintain(&engine);
        let _ = engine.close();
    }
}

/// What a new engine over the same files finds.
fn check(lab: &Lab, lived: &Lived, case: &str) {
    lab.clock.set(START + 1000 * SECOND + 2 * DAY);
    let engine = lab
        .open()
        .unwrap_or_else(|error| panic!("{case}: does not open: {error}"));
    let groups = engine.rule_groups(&TenantId::single(), None).unwrap_or_default();
    for name in lived.groups.iter().filter(|(_, done)| **done).map(|(name, _)| name) {
        assert!(
            groups.values().flatten().any(|group| group.name == *name),
            "{case}: {name} is lost"
        );
    }
    for round in ["as found", "flushed", "swept"] {
        let found: Vec<String> = lines(&engine, &TenantId::single(), r#"{app="x"}"#)
            .into_iter()
            .map(|(_, line)| line)
            .collect();
        for (line, pushed) in &lived.pushed {
            let is_deleted = |sure: bool| {
                lived
                    .deleted
                    .iter()
                    .any(|(word, done)| line.starts_with(word) && (*done || !sure))
            };
            if is_deleted(true) {
                assert!(!found.contains(line), "{case}, {round}: {line:?} is back");
            } else if *pushed && !is_deleted(false) {
                assert!(found.contains(line), "{case}, {round}: {line:?} is lost");
            }
        }
        match round {
            "as found" => engine.flush().expect("the disk is well again"),
            _ => {
                lab.clock.advance(2 * DAY);
                maintain(&engine).expect("the disk is well again");
            }
        }
    }
}

fn every_moment(fault: Fault) {
    let calls = {
        let (lab, mut lived) = (Lab::default(), Lived::default());
        live(&lab, &mut lived);
        let done = [lived.pushed.values(), lived.groups.values()]
            .into_iter()
            .flatten()
            .all(|done| *done);
        assert!(
            done && lived.deleted.values().all(|done| *done),
            "nothing fails without a fault"
        );
        check(&lab, &lived, "no fault");
        lab.files.calls()
    };
    for call in 0..calls {
        for power_cut in [false, true] {
            let (lab, mut lived) = (Lab::default(), Lived::default());
            lab.files.fail_at(call, fault);
            live(&lab, &mut lived);
            if power_cut {
                lab.files.power_cut();
            } else {
                lab.files.process_killed();
            }
            check(
                &lab,
                &lived,
                &format!("{fault:?} at call {call} of {calls}, power cut: {power_cut}"),
            );
        }
    }
}

#[test]
fn a_failing_call_loses_nothing_and_brings_nothing_back() {
    every_moment(Fault::Fail);
}

#[test]
fn a_torn_write_loses_nothing_and_brings_nothing_back() {
    every_moment(Fault::Tear);
}

#[test]
fn a_dying_disk_loses_nothing_and_brings_nothing_back() {
    every_moment(Fault::Die);
}

#[test]
fn a_full_disk_loses_nothing_and_brings_nothing_back() {
    every_moment(Fault::Full);
}
