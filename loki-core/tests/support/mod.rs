//! What the tests of the engine share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use loki_core::files::{Fault, FaultyFiles, Files};
use loki_core::logql::{Direction, QueryResult};
use loki_core::{Clock, Engine, Error, ManualClock, Period, PushRequest, QueryRequest, Settings, TenantId};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

/// A second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;
/// The time at which the tests begin.
pub const START: i64 = 1_700_000_000 * SECOND;

/// An engine over a file system in memory, and the means to step its time and to open it again.
pub struct Lab {
    pub files: FaultyFiles,
    pub clock: Arc<ManualClock>,
    pub settings: Settings,
}

impl Default for Lab {
    fn default() -> Lab {
        let mut settings = Settings::default();
        // Tests look at all of time at once.
        settings.limits.max_query_length = Period::ZERO;
        Lab {
            files: FaultyFiles::default(),
            clock: Arc::new(ManualClock::new(START)),
            settings,
        }
    }
}

impl Lab {
    pub fn open(&self) -> Result<Engine, Error> {
        let files: Arc<dyn Files> = Arc::new(self.files.clone());
        Engine::open_with(
            "data",
            self.settings.clone(),
            files,
            Arc::<ManualClock>::clone(&self.clock),
        )
    }

    /// A lab with the same files and the same time, which goes its own way from here on.
    pub fn fork(&self) -> Lab {
        Lab {
            files: self.files.fork(),
            clock: Arc::new(ManualClock::new(self.clock.now())),
            settings: self.settings.clone(),
        }
    }

    /// The first file of the write-ahead log.
    pub fn log(&self) -> PathBuf {
        let is_log = |path: &PathBuf| path.extension().is_some_and(|e| e == "wal");
        self.files.paths().into_iter().find(is_log).expect("a log")
    }
}

/// A life of an engine in sessions, which remembers what was acknowledged.
pub trait Life: Clone + Default + Hash {
    /// How often the engine is opened.
    const SESSIONS: usize;

    /// Opens the engine, works, closes it, whatever fails.
    fn session(&mut self, lab: &Lab, session: usize);

    /// Whether everything was acknowledged.
    fn is_well(&self) -> bool;

    /// Asserts that a new engine over the same files finds what it should.
    fn check(&self, lab: &Lab, case: &str);
}

/// Lives with `fault` at each call of the file system in turn, and checks what is there after the process was killed
/// and after a power cut.
///
/// What comes before a session is lived once, and files that were checked are not checked again.
pub fn every_moment<L: Life>(fault: Fault) {
    let (lab, mut life) = (Lab::default(), L::default());
    let mut checked = HashSet::new();
    let mut moments = Vec::new();
    for session in 0..L::SESSIONS {
        let (before, lived) = (lab.fork(), life.clone());
        let calls = lab.files.calls();
        life.session(&lab, session);
        moments.push((before, lived, lab.files.calls() - calls));
    }
    assert!(life.is_well(), "nothing fails without a fault");
    life.check(&lab, "no fault");
    for (session, (before, lived, calls)) in moments.into_iter().enumerate() {
        for call in 0..calls {
            let (lab, mut life) = (before.fork(), lived.clone());
            lab.files.fail_at(call, fault);
            (session..L::SESSIONS).for_each(|session| life.session(&lab, session));
            let cut = lab.fork();
            cut.files.power_cut();
            lab.files.process_killed();
            for (what, lab) in [("a power cut", cut), ("the end of the process", lab)] {
                if checked.insert(digest(&lab.files, &life)) {
                    let case = format!("{fault:?} at call {call} of {calls} in session {session}, then {what}");
                    life.check(&lab, &case);
                }
            }
        }
    }
}

fn digest(files: &FaultyFiles, life: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    life.hash(&mut hasher);
    for path in files.paths() {
        path.hash(&mut hasher);
        files.read(&path).expect("it is there").hash(&mut hasher);
    }
    hasher.finish()
}

/// Pushes lines to the stream `{app="<app>"}`.
pub fn push(engine: &Engine, tenant: &TenantId, app: &str, lines: &[(i64, &str)]) -> Result<(), Error> {
    engine.push(
        tenant,
        &PushRequest::new().with_stream([("app", app)], lines.iter().copied()),
    )
}

/// All lines that a selector finds, oldest first, as (timestamp, line).
pub fn lines(engine: &Engine, tenant: &TenantId, query: &str) -> Vec<(i64, String)> {
    let request = QueryRequest::range(query, 0, START + 1_000_000 * SECOND)
        .limit(5000)
        .direction(Direction::Forward);
    let result = engine.query(tenant, &request).expect("the query is answered").result;
    let QueryResult::Streams(streams) = result else {
        panic!("{query} is a log query")
    };
    let mut found: Vec<(i64, String)> = streams
        .into_iter()
        .flat_map(|stream| stream.entries)
        .map(|entry| (entry.timestamp, String::from_utf8(entry.line).expect("tests push text")))
        .collect();
    found.sort();
    found
}

/// The sum of a metric query at one time.
pub fn value(engine: &Engine, tenant: &TenantId, query: &str, time: i64) -> f64 {
    let result = engine
        .query(tenant, &QueryRequest::instant(query, time))
        .expect("the query is answered")
        .result;
    let QueryResult::Vector(samples) = result else {
        panic!("{query} gives a vector")
    };
    samples.iter().map(|sample| sample.sample.value).sum()
}

/// Does all maintenance that is due at the engine's time.
pub fn maintain(engine: &Engine) -> Result<(), Error> {
    while engine.maintain(engine.now())?.worked {}
    Ok(())
}
