//! A life of an engine with the disk failing at every possible moment: no acknowledged entry is lost or doubled.

mod support;

use loki_core::files::Fault;
use loki_core::{Engine, ErrorKind, PushEntry, PushLabels, PushRequest, PushStream, TenantId};
use std::collections::BTreeMap;
use support::{Lab, Life, SECOND, START, every_moment, lines, maintain, push};

/// Which lines were pushed with success, and which without.
#[derive(Clone, Default, Hash)]
struct Pushed {
    acknowledged: Vec<(&'static str, String)>,
    refused: Vec<(&'static str, String)>,
}

const TENANTS: [&str; 2] = ["a", "b"];

fn tenant(name: &str) -> TenantId {
    name.parse().expect("a tenant")
}

impl Pushed {
    /// Pushes a line to each tenant; whether all were taken, or the engine says that it takes no more.
    fn push(&mut self, engine: &Engine, n: usize) -> bool {
        let mut well = true;
        for name in TENANTS {
            let line = format!("{name} line {n} {}", "x".repeat(n * 20));
            let done = push(engine, &tenant(name), "x", &[(START + n as i64, &line)]);
            well &= done
                .as_ref()
                .err()
                .is_none_or(|error| error.kind() == ErrorKind::Closed);
            let list = if done.is_ok() {
                &mut self.acknowledged
            } else {
                &mut self.refused
            };
            list.push((name, line));
        }
        well
    }

    /// Asserts that an engine finds what was acknowledged, once, and nothing that was never pushed.
    fn find(&self, engine: &Engine, case: &str) {
        for name in TENANTS {
            let mut found: BTreeMap<String, u32> = BTreeMap::new();
            for (_, line) in lines(engine, &tenant(name), r#"{app!=""}"#) {
                *found.entry(line).or_default() += 1;
            }
            for (_, line) in self.acknowledged.iter().filter(|(to, _)| *to == name) {
                assert_eq!(found.remove(line), Some(1), "{case}: acknowledged {line:?}");
            }
            for (line, count) in found {
                let known = self.refused.iter().any(|(to, refused)| *to == name && *refused == line);
                assert!(known, "{case}: {line:?} was never pushed");
                assert_eq!(count, 1, "{case}: {line:?} is doubled");
            }
        }
    }
}

impl Life for Pushed {
    const SESSIONS: usize = 2;

    /// Pushes, flushes and compacts.
    fn session(&mut self, lab: &Lab, session: usize) {
        let Ok(engine) = lab.open() else {
            // The disk is gone, or a file could not be made: what is there must be enough for the next try.
            lab.files.process_killed();
            return;
        };
        for step in 0..4 {
            for name in TENANTS {
                let line = format!("{name} session {session} step {step} {}", "x".repeat(step * 40));
                // Every third push is older than the one before it.
                let timestamp = START + (session as i64 * 100 + if step % 3 == 2 { 0 } else { step as i64 }) * SECOND;
                let app = ["x", "y"][step % 2];
                let done = push(&engine, &tenant(name), app, &[(timestamp, &line)]);
                let list = if done.is_ok() {
                    &mut self.acknowledged
                } else {
                    &mut self.refused
                };
                list.push((name, line));
            }
            if step % 2 == 1 {
                let _ = engine.flush();
            }
            let _ = maintain(&engine);
        }
        let _ = engine.close();
    }

    fn is_well(&self) -> bool {
        self.refused.is_empty()
    }

    fn check(&self, lab: &Lab, case: &str) {
        let engine = lab
            .open()
            .unwrap_or_else(|error| panic!("{case}: does not open: {error}"));
        for round in ["as found", "flushed", "compacted"] {
            self.find(&engine, &format!("{case}, {round}"));
            match round {
                "as found" => engine.flush().expect("the disk is well again"),
                _ => maintain(&engine).expect("the disk is well again"),
            }
        }
    }
}

/// A life in which the disk is well again before its end, and nobody opens the engine anew.
#[derive(Clone, Default, Hash)]
struct Patient(Pushed);

impl Life for Patient {
    const SESSIONS: usize = 1;

    fn session(&mut self, lab: &Lab, _session: usize) {
        let engine = lab.open().unwrap_or_else(|_| {
            lab.files.heal();
            lab.open().expect("the disk is well again")
        });
        for n in 0..2 {
            self.0.push(&engine, n);
            let _ = engine.flush();
            let _ = maintain(&engine);
        }
        lab.files.heal();
        // These bring what is merged.
        for n in 2..4 {
            assert!(self.0.push(&engine, n), "push {n} is refused by a disk that is well");
            for done in [engine.flush(), maintain(&engine)] {
                // Where it is unknown what is on the disk only an open will tell.
                assert!(
                    done.as_ref().err().is_none_or(|e| e.kind() == ErrorKind::Closed),
                    "{done:?}"
                );
            }
        }
        self.0.find(&engine, "the disk is well again");
        let _ = engine.close();
    }

    fn is_well(&self) -> bool {
        self.0.is_well()
    }

    fn check(&self, lab: &Lab, case: &str) {
        let engine = lab
            .open()
            .unwrap_or_else(|error| panic!("{case}: does not open: {error}"));
        self.0.find(&engine, case);
    }
}

#[test]
fn a_call_that_failed_once_needs_no_restart() {
    every_moment::<Patient>(Fault::Fail);
    every_moment::<Patient>(Fault::Tear);
}

#[test]
fn a_disk_that_has_room_again_or_is_back_needs_no_restart() {
    every_moment::<Patient>(Fault::Full);
    every_moment::<Patient>(Fault::Die);
}

#[test]
fn a_failing_call_loses_and_doubles_nothing() {
    every_moment::<Pushed>(Fault::Fail);
}

#[test]
fn a_torn_write_loses_and_doubles_nothing() {
    every_moment::<Pushed>(Fault::Tear);
}

#[test]
fn a_dying_disk_loses_and_doubles_nothing() {
    every_moment::<Pushed>(Fault::Die);
}

#[test]
fn a_full_disk_loses_and_doubles_nothing() {
    every_moment::<Pushed>(Fault::Full);
}

#[test]
fn a_full_disk_refuses_pushes_and_answers_queries() {
    let lab = Lab::default();
    let engine = lab.open().expect("opens");
    let tenant = TenantId::single();
    push(&engine, &tenant, "x", &[(START, "before")]).expect("there is room");
    lab.files.fail_at(lab.files.calls(), Fault::Full);
    let error = push(&engine, &tenant, "x", &[(START + 1, "after")]).expect_err("the disk is full");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), [(START, "before".to_owned())]);
    lab.files.process_killed();
    push(&engine, &tenant, "x", &[(START + 1, "after")]).expect("there is room again");
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#).len(), 2);
}

#[test]
fn damage_in_the_log_costs_only_what_is_damaged_and_the_file_is_set_aside() {
    let lab = Lab::default();
    let tenant = TenantId::single();
    let engine = lab.open().expect("opens");
    for n in 0..3 {
        push(&engine, &tenant, "x", &[(START + n, &format!("line {n}"))]).expect("stored");
    }
    engine.close().expect("closes");
    drop(engine);
    let path = lab.log();
    lab.files.damage(&path, |bytes| {
        let place = bytes
            .windows(6)
            .position(|window| window == b"line 1")
            .expect("the second push");
        bytes[place] ^= 1;
    });
    let engine = lab.open().expect("opens");
    let report = engine.recovery().clone();
    assert_eq!((report.records, report.damaged.len()), (2, 1));
    let kept = [(START, "line 0".to_owned()), (START + 2, "line 2".to_owned())];
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), kept);
    drop(engine);
    assert!(
        lab.files
            .paths()
            .iter()
            .any(|path| path.parent().is_some_and(|folder| folder.ends_with("damaged")))
    );
    let engine = lab.open().expect("opens again");
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), kept);
    assert!(engine.recovery().damaged.is_empty());
}

#[test]
fn what_is_pushed_never_comes_back_as_a_push_of_its_own() {
    // A frame of version 1, whose layout anybody can know, with a push to another tenant.
    let lab = Lab::default();
    let (tenant, victim) = (TenantId::single(), tenant("victim"));
    let mut record = vec![1, 6];
    record.extend(b"victim\x01\x03app\x01x\x01\x00\x06forged\x00");
    let length = (record.len() as u32).to_le_bytes();
    let crc = crc32fast::hash(&[&length[..], &record].concat()).to_le_bytes();
    let forged = [b"LkWl", &length[..], &crc, &record].concat();
    let engine = lab.open().expect("opens");
    let stream = PushStream {
        labels: PushLabels::Text(r#"{app="x"}"#.into()),
        entries: vec![PushEntry {
            timestamp: START,
            line: forged.into(),
            metadata: Vec::new(),
        }],
    };
    engine
        .push(
            &tenant,
            &PushRequest {
                streams: vec![stream],
                ..PushRequest::default()
            },
        )
        .expect("stored");
    push(&engine, &tenant, "x", &[(START, "next")]).expect("stored");
    drop(engine);
    let path = lab.log();
    lab.files.damage(&path, |bytes| {
        let place = bytes
            .windows(4)
            .position(|window| window == b"LkWl")
            .expect("the forged frame");
        bytes[place - 20] ^= 1;
    });
    let engine = lab.open().expect("opens");
    assert_eq!(engine.recovery().damaged.len(), 1);
    assert_eq!(lines(&engine, &tenant, r#"{app="x"}"#), [(START, "next".to_owned())]);
    assert!(lines(&engine, &victim, r#"{app="x"}"#).is_empty());
}
