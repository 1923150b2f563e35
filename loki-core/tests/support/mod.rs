//! What the tests of the engine share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use loki_core::files::{FaultyFiles, Files};
use loki_core::logql::{Direction, QueryResult};
use loki_core::{Engine, Error, ManualClock, Period, PushRequest, QueryRequest, Settings, TenantId};
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

    /// The first file of the write-ahead log.
    pub fn log(&self) -> PathBuf {
        let is_log = |path: &PathBuf| path.extension().is_some_and(|e| e == "wal");
        self.files.paths().into_iter().find(is_log).expect("a log")
    }
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
