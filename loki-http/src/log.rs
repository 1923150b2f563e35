//! The program's own log: lines of logfmt or JSON on standard error, at a level that can be changed while it runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `ts=… level=info msg="…" key=value`.
    #[default]
    Logfmt,
    /// One JSON object.
    Json,
}

impl Level {
    /// The name as the configuration writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Level::Debug => LevelFilter::DEBUG,
            Level::Info => LevelFilter::INFO,
            Level::Warn => LevelFilter::WARN,
            Level::Error => LevelFilter::ERROR,
        }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        LEVELS
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| format!("unrecognized log level {text:?}"))
    }
}

/// Reads and changes the level of the running program; of a program that logs in its own way it changes nothing.
#[derive(Debug, Clone, Default)]
pub struct LevelHandle {
    filter: Option<reload::Handle<LevelFilter, Registry>>,
    lines: Arc<Lines>,
}

/// Lines written since the start, by level.
#[derive(Debug, Default)]
struct Lines([AtomicU64; LEVELS.len()]);

/// All levels, in the order of their numbers.
const LEVELS: [Level; 4] = [Level::Debug, Level::Info, Level::Warn, Level::Error];

impl LevelHandle {
    /// The level, where it is known.
    pub fn level(&self) -> Option<Level> {
        let filter = self.filter.as_ref()?.with_current(|filter| *filter).ok()?;
        LEVELS.into_iter().find(|level| level.filter() == filter)
    }

    /// Changes the level.
    pub fn set(&self, level: Level) {
        if let Some(handle) = &self.filter {
            // Fails only when the subscriber is gone; then there is no log to filter.
            let _ = handle.modify(|filter| *filter = level.filter());
        }
    }

    /// Lines written since the start, by level; of a program that logs in its own way none.
    pub(crate) fn lines(&self) -> [(Level, u64); LEVELS.len()] {
        LEVELS.map(|level| (level, self.lines.0[level as usize].load(Ordering::Relaxed)))
    }
}

/// Counts what passes the filter.
struct Count(Arc<Lines>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        self.0.0[level as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts the log of this process. Only the first call in a process takes effect.
pub fn init(level: Level, format: Format) -> LevelHandle {
    let (filter, handle) = reload::Layer::new(level.filter());
    let counted = Arc::new(Lines::default());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(Count(Arc::clone(&counted)));
    let started = match format {
        Format::Logfmt => registry.with(lines.event_format(Logfmt)).try_init(),
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    LevelHandle {
        filter: started.is_ok().then_some(handle),
        lines: counted,
    }
}

/// Prints events as logfmt.
struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        write!(
            out,
            "ts={:.6} level={level} caller={}",
            jiff::Timestamp::now(),
            event.metadata().target()
        )?;
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        writeln!(out, "{}", fields.0)
    }
}

/// ` name=value` for each field; the message is called `msg`.
struct Fields(String);

impl Fields {
    fn push(&mut self, field: &Field, value: &str) {
        let name = if field.name() == "message" { "msg" } else { field.name() };
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push('=');
        let is_plain = !value.is_empty()
            && value
                .bytes()
                .all(|byte| byte > b' ' && !matches!(byte, b'"' | b'=' | b'\\' | 0x7f));
        if is_plain {
            self.0.push_str(value);
        } else {
            self.0.push_str(&format!("{value:?}"));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_four_words() {
        assert_eq!("warn".parse(), Ok(Level::Warn));
        assert_eq!("zzz".parse::<Level>(), Err("unrecognized log level \"zzz\"".to_owned()));
    }

    #[test]
    fn lines_that_pass_the_filter_are_counted() {
        let lines = Arc::new(Lines::default());
        let handle = LevelHandle {
            filter: None,
            lines: Arc::clone(&lines),
        };
        let log = tracing_subscriber::registry()
            .with(LevelFilter::INFO)
            .with(Count(lines));
        tracing::subscriber::with_default(log, || {
            tracing::debug!("not written");
            tracing::info!("one");
            tracing::error!("two");
            tracing::error!("three");
        });
        let counts = handle.lines().map(|(level, count)| (level.as_str(), count));
        assert_eq!(counts, [("debug", 0), ("info", 1), ("warn", 0), ("error", 2)]);
    }

    #[test]
    fn a_program_with_its_own_log_has_no_level_to_change() {
        let handle = LevelHandle::default();
        handle.set(Level::Debug);
        assert_eq!(handle.level(), None);
    }
}
