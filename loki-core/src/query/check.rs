//! The limits that a query is held against before it runs.

use super::scope::Scope;
use crate::{Error, ErrorKind, Limits, Period, QueryRequest};
use loki_logql::ast::{Expr, LogRange, Selector};
use loki_logql::visit::{Visitor, walk_log_range};
use loki_logql::{QueryResult, Time};

/// Holds a parsed query against the limits of its tenant.
///
/// # Errors
///
/// [`ErrorKind::LimitExceeded`] or [`ErrorKind::InvalidQuery`] with Loki's text.
pub(crate) fn check(expr: &Expr, request: &QueryRequest, limits: &Limits) -> Result<(), Error> {
    let exceeded = |text: String| Err(Error::new(ErrorKind::LimitExceeded, text));
    if matches!(expr, Expr::Variants(_)) && !limits.enable_multi_variant_queries {
        return exceeded("multi variant queries are disabled for this instance".to_owned());
    }
    let is_log = matches!(expr, Expr::Log(_));
    if is_log && matches!(request.time, Time::Instant(_)) {
        let text = "log queries are not supported as an instant query type, please change your query to a range query \
                    type";
        return Err(Error::new(ErrorKind::InvalidQuery, text));
    }
    let most = limits.max_entries_limit_per_query;
    if is_log && most > 0 && request.limit > most {
        let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query";
        return exceeded(format!("{text} ({} > {most})", request.limit));
    }
    let mut found = Found::default();
    found.visit_expr(expr);
    let most = limits.max_streams_matchers_per_query;
    for selector in &found.selectors {
        let count = selector.matchers.len();
        if most > 0 && count > most {
            let text = "max streams matchers per query exceeded, matchers-count > limit";
            return exceeded(format!("{text} ({count} > {most})"));
        }
        check_labels(selector, limits)?;
    }
    let longest = Period(found.ranges.iter().copied().max().unwrap_or(0));
    if limits.max_query_range > Period::ZERO && longest > limits.max_query_range {
        let most = limits.max_query_range;
        return exceeded(format!("[interval] value exceeds limit: [{longest}] > [{most}]"));
    }
    if limits.max_query_length > Period::ZERO {
        let longest = longest.as_nanos();
        let length = match request.time {
            Time::Range { start, end, .. } => end.saturating_sub(start).saturating_add(longest),
            Time::Instant(_) => longest,
        };
        if length > limits.max_query_length.as_nanos() {
            let length = loki_logql::units::format_duration(length);
            return exceeded(format!(
                "the query time range exceeds the limit (query length: {length}, limit: {})",
                limits.max_query_length
            ));
        }
    }
    Ok(())
}

fn check_labels(selector: &Selector, limits: &Limits) -> Result<(), Error> {
    let names: Vec<&str> = selector.matchers.iter().map(|matcher| matcher.name.as_str()).collect();
    let missing: Vec<&str> = limits
        .required_labels
        .iter()
        .map(String::as_str)
        .filter(|name| !names.contains(name))
        .collect();
    if !missing.is_empty() {
        let text = format!(
            "stream selector is missing required matchers [{}], labels present in the query were [{}]",
            missing.join(", "),
            names.join(" ")
        );
        return Err(Error::new(ErrorKind::LimitExceeded, text));
    }
    if names.len() < limits.minimum_labels_number {
        let text = format!(
            "stream selector has less label matchers than required: (present: [{}], number_present: {}, \
             required_number_label_matchers: {})",
            names.join(" "),
            names.len(),
            limits.minimum_labels_number
        );
        return Err(Error::new(ErrorKind::LimitExceeded, text));
    }
    Ok(())
}

/// Refuses a query that an administrator blocked.
///
/// # Errors
///
/// [`ErrorKind::LimitExceeded`] with Loki's text.
pub(crate) fn check_blocked(text: &str, expr: &Expr, limits: &Limits) -> Result<(), Error> {
    for blocked in &limits.blocked_queries {
        if !blocked.types.is_empty() && !blocked.types.split(',').any(|t| t.trim() == expr.kind()) {
            continue;
        }
        let by_hash = blocked.hash != 0 && blocked.hash == fnv1(text.as_bytes());
        let by_pattern = match blocked.pattern.as_str() {
            "" => blocked.hash == 0,
            ".*" => true,
            pattern if blocked.regex => {
                let whole = |p: &str| loki_index::Predicate::regex("", p).is_ok_and(|p| p.matches(text.trim()));
                loki_logql::matcher_regex(&format!(".*(?:{pattern}).*")).is_ok_and(|p| whole(&p))
            }
            pattern => pattern.trim() == text.trim(),
        };
        if by_hash || (by_pattern && blocked.hash == 0) {
            return Err(Error::new(ErrorKind::LimitExceeded, "query blocked by policy"));
        }
    }
    Ok(())
}

/// 32-bit FNV-1 (Fowler, Noll, Vo).
fn fnv1(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| {
        hash.wrapping_mul(0x0100_0193) ^ u32::from(byte)
    })
}

#[derive(Debug, Default)]
struct Found {
    selectors: Vec<Selector>,
    ranges: Vec<i64>,
}

impl Visitor for Found {
    fn visit_selector(&mut self, selector: &Selector) {
        self.selectors.push(selector.clone());
    }

    fn visit_log_range(&mut self, range: &LogRange) {
        self.ranges.push(range.range);
        walk_log_range(self, range);
    }
}

/// The times of a request as a tenant may ask for them: not before the lookback, and aligned to the step where the
/// configuration splits queries.
pub(crate) fn clamp(time: Time, is_log: bool, limits: &Limits, now: i64) -> Time {
    let Time::Range {
        mut start,
        mut end,
        step,
    } = time
    else {
        return time;
    };
    start = start.max(oldest(limits, now));
    end = end.max(start);
    if !is_log && limits.split_queries_by_interval > Period::ZERO && step > 0 {
        // Splitting cuts a range at multiples of the step, and rounds its ends outwards to them.
        start = start.div_euclid(step).checked_mul(step).unwrap_or(start);
        end = end.checked_add(step - 1).map_or(end, |end| end.div_euclid(step) * step);
    }
    Time::Range { start, end, step }
}

/// The first time that a query may look at, whatever it asks for.
pub(crate) fn oldest(limits: &Limits, now: i64) -> i64 {
    if limits.max_query_lookback > Period::ZERO {
        now.saturating_sub(limits.max_query_lookback.as_nanos())
    } else {
        i64::MIN
    }
}

/// Whether a query asks for nothing but what lies before the lookback of its tenant.
pub(crate) fn is_forgotten(time: Time, limits: &Limits, now: i64) -> bool {
    let end = match time {
        Time::Range { end, .. } => end,
        Time::Instant(at) => at,
    };
    end < oldest(limits, now)
}

/// The error of a query that ran too long.
pub(crate) fn timed_out() -> Error {
    Error::new(
        ErrorKind::TimedOut,
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over \
         regex match) to reduce the amount of data processed",
    )
}

/// Lines or samples in an answer.
pub(crate) fn entries_returned(result: &QueryResult) -> u64 {
    (match result {
        QueryResult::Streams(streams) => streams.iter().map(|stream| stream.entries.len()).sum(),
        QueryResult::Vector(samples) => samples.len(),
        QueryResult::Matrix(series) => series.iter().map(|series| series.samples.len()).sum(),
        QueryResult::Scalar(_) => 1,
    }) as u64
}

/// How far back a query reaches into memory in Loki's defaults (`query_ingesters_within`), in nanoseconds.
const RECENT: i64 = 3 * 3600 * 1_000_000_000;

/// Whether an error of a stage stays unseen: Loki compiles stages where data is opened, so a query of old times that
/// selects no stream answers nothing instead.
///
/// # Errors
///
/// As [`Scope::selects_any`].
pub(crate) fn is_unseen(
    error: &loki_logql::Error,
    expr: &Expr,
    scope: &Scope,
    time: Time,
    now: i64,
) -> Result<bool, Error> {
    let mut found = Found::default();
    found.visit_expr(expr);
    let (start, end) = match time {
        Time::Range { start, end, .. } => (start, end),
        Time::Instant(at) => (at, at),
    };
    if !matches!(error.kind(), loki_logql::ErrorKind::Stage { .. }) || end > now.saturating_sub(RECENT) {
        return Ok(false);
    }
    let longest = found.ranges.iter().copied().max().unwrap_or(0);
    for selector in &found.selectors {
        if scope.selects_any(&selector.matchers, start.saturating_sub(longest), end.saturating_add(1))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The answer to a query that finds nothing.
pub(crate) fn nothing(expr: &Expr, time: Time) -> QueryResult {
    match (expr, time) {
        (Expr::Log(_), _) => QueryResult::Streams(Vec::new()),
        (_, Time::Instant(_)) => QueryResult::Vector(Vec::new()),
        (_, Time::Range { .. }) => QueryResult::Matrix(Vec::new()),
    }
}
