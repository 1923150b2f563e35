//! A life of an engine that deletes and has rules, with the disk failing at every possible moment: what was deleted and
//! acknowledged stays hidden, and nothing else is lost.

mod support;

use loki_core::files::Fault;
use loki_core::{Engine, NewDelete, RuleGroup, TenantId};
use std::collections::BTreeMap;
use support::{Lab, Life, SECOND, START, every_moment, lines, maintain, push};

const DAY: i64 = 24 * 3600 * SECOND;

/// Lines, requests and groups: by what was tried, whether it was acknowledged.
#[derive(Clone, Default, Hash)]
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

impl Life for Lived {
    const SESSIONS: usize = 2;

    /// Pushes, deletes, sets rules, flushes, waits and maintains.
    fn session(&mut self, lab: &Lab, session: usize) {
        lab.clock.set(START + 1000 * SECOND + session as i64 * 2 * DAY);
        let Ok(engine) = lab.open() else {
            lab.files.process_killed();
            return;
        };
        if session == 0 {
            for (n, word) in WORDS.into_iter().enumerate() {
                let line = format!("{word} {}", "x".repeat(n));
                let done = push(&engine, &TenantId::single(), "x", &[(START + n as i64 * SECOND, &line)]).is_ok();
                self.pushed.insert(line, done);
                if n == 0 {
                    let _ = engine.flush();
                }
            }
        }
        let word = WORDS[session];
        self.deleted.insert(word, delete(&engine, word));
        let group = RuleGroup {
            name: format!("g{session}"),
            ..RuleGroup::default()
        };
        let done = engine.set_rule_group(&TenantId::single(), "n", &group).is_ok();
        self.groups.insert(group.name, done);
        let _ = maintain(&engine);
        let _ = engine.close();
    }

    fn is_well(&self) -> bool {
        let done = [self.pushed.values(), self.groups.values()];
        done.into_iter()
            .flatten()
            .chain(self.deleted.values())
            .all(|done| *done)
    }

    fn check(&self, lab: &Lab, case: &str) {
        lab.clock.set(START + 1000 * SECOND + 2 * DAY);
        let engine = lab
            .open()
            .unwrap_or_else(|error| panic!("{case}: does not open: {error}"));
        let groups = engine.rule_groups(&TenantId::single(), None).unwrap_or_default();
        for name in self.groups.iter().filter(|(_, done)| **done).map(|(name, _)| name) {
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
            for (line, pushed) in &self.pushed {
                let is_deleted = |sure: bool| {
                    self.deleted
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
}

#[test]
fn a_failing_call_loses_nothing_and_brings_nothing_back() {
    every_moment::<Lived>(Fault::Fail);
}

#[test]
fn a_torn_write_loses_nothing_and_brings_nothing_back() {
    every_moment::<Lived>(Fault::Tear);
}

#[test]
fn a_dying_disk_loses_nothing_and_brings_nothing_back() {
    every_moment::<Lived>(Fault::Die);
}

#[test]
fn a_full_disk_loses_nothing_and_brings_nothing_back() {
    every_moment::<Lived>(Fault::Full);
}
