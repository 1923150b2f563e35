//! Reading of parameters as Loki documents it: times, durations, limits, directions, and the order in which they fail.

mod delete;
mod explore;
mod rfc3339;

pub(crate) use rfc3339::rfc3339;

use loki_core::logql::{Direction, Time};
use loki_core::{PatternRequest, Period, QueryRequest, SeriesRequest, TailRequest};

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// How far back a request looks that does not say.
const DEFAULT_SINCE: i64 = 3600 * SECOND;
/// Lines of a log query that does not say.
const DEFAULT_LIMIT: usize = 100;
/// Points that one series may have.
const MAX_POINTS: i64 = 11_000;
/// Points that the default step aims at.
const DEFAULT_POINTS: i64 = 250;

/// The parameters of a request in the order of their precedence: those of the body before those of the URL.
#[derive(Debug, Default, Clone)]
pub(crate) struct Params(Vec<(String, String)>);

/// What is wrong with a parameter; prints as Loki answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("invalid URL escape {0:?}")]
    Escape(String),
    #[error("could not parse '{name}' parameter: {problem}")]
    Range { name: &'static str, problem: Box<Error> },
    #[error("strconv.{function}: parsing {text:?}: {problem}")]
    Integer {
        function: &'static str,
        text: String,
        problem: &'static str,
    },
    #[error("not a valid duration string: {0:?}")]
    Period(String),
    #[error("cannot parse {0:?} to a valid duration")]
    Duration(String),
    #[error("cannot parse {0:?} to a valid duration. It overflows int64")]
    LongDuration(String),
    #[error("end timestamp must not be before or equal to start time")]
    EndBeforeStart,
    #[error("limit must be a positive value")]
    Limit,
    #[error("invalid direction '{0}'")]
    Direction(String),
    #[error("zero or negative query resolution step widths are not accepted. Try a positive integer")]
    Step,
    #[error(
        "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
    )]
    TooManyPoints,
    #[error("interval must be >= 0")]
    Interval,
    #[error("invalid aggregation option")]
    Aggregation,
    #[error("parse error : syntax error: unexpected $end")]
    NoQuery,
    #[error("start time not set")]
    NoDeleteStart,
    #[error("invalid {0} time: require unix seconds or RFC3339 format")]
    DeleteTime(&'static str),
    #[error("invalid max_interval: valid time units are 's', 'm', 'h'")]
    MaxInterval,
}

/// A span of time in nanoseconds, both ends as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Params {
    /// The parameters of a form body and of a query string, the body's first.
    pub(crate) fn parse(form: &[u8], query: &str) -> Result<Params, Error> {
        let mut pairs = Vec::new();
        for part in [form, query.as_bytes()] {
            for pair in part.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
                let equals = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
                let value = pair.get(equals + 1..).unwrap_or_default();
                pairs.push((unescape(&pair[..equals])?, unescape(value)?));
            }
        }
        Ok(Params(pairs))
    }

    /// The first value of `name`; an empty one is none.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values of `name`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// `start`, `end` and `since` by their documented defaults.
    pub(crate) fn range(&self, now: i64) -> Result<TimeRange, Error> {
        let named = |name: &'static str| {
            move |problem| Error::Range {
                name,
                problem: Box::new(problem),
            }
        };
        let time = |name: &'static str| self.value(name).map(timestamp).transpose().map_err(named(name));
        let start = time("start")?;
        let end = time("end")?.unwrap_or(now);
        let since = self.value("since").map(period).transpose().map_err(named("since"))?;
        let start = start.unwrap_or_else(|| end.min(now).saturating_sub(since.unwrap_or(DEFAULT_SINCE)));
        if end < start {
            return Err(Error::EndBeforeStart);
        }
        Ok(TimeRange { start, end })
    }

    fn limit(&self) -> Result<usize, Error> {
        let Some(text) = self.value("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let limit = integer(text, "Atoi")?;
        usize::try_from(limit).ok().filter(|&n| n > 0).ok_or(Error::Limit)
    }

    fn direction(&self) -> Result<Direction, Error> {
        match self.value("direction") {
            None => Ok(Direction::Backward),
            Some(text) if text.eq_ignore_ascii_case("backward") => Ok(Direction::Backward),
            Some(text) if text.eq_ignore_ascii_case("forward") => Ok(Direction::Forward),
            Some(text) => Err(Error::Direction(text.to_owned())),
        }
    }

    /// `step` for a series over `range`, checked against the number of points it gives.
    pub(crate) fn step(&self, range: TimeRange) -> Result<i64, Error> {
        let length = range.end.saturating_sub(range.start);
        let step = match self.value("step") {
            None => (length / SECOND / DEFAULT_POINTS).max(1) * SECOND,
            Some(text) => duration(text)?,
        };
        if step <= 0 {
            return Err(Error::Step);
        }
        if length / step > MAX_POINTS {
            return Err(Error::TooManyPoints);
        }
        Ok(step)
    }

    fn interval(&self) -> Result<i64, Error> {
        let interval = self.value("interval").map(duration).transpose()?.unwrap_or(0);
        if interval < 0 {
            return Err(Error::Interval);
        }
        Ok(interval)
    }

    fn query(&self) -> String {
        self.value("query").unwrap_or_default().to_owned()
    }

    /// What `query_range` is asked.
    pub(crate) fn range_query(&self, now: i64) -> Result<QueryRequest, Error> {
        let range = self.range(now)?;
        let limit = self.limit()?;
        let direction = self.direction()?;
        let step = self.step(range)?;
        let interval = self.interval()?;
        let mut request = QueryRequest::range(self.query(), range.start, range.end)
            .step(step)
            .limit(limit)
            .direction(direction);
        request.interval = interval;
        Ok(request)
    }

    /// What `query` is asked.
    pub(crate) fn instant_query(&self, now: i64) -> Result<QueryRequest, Error> {
        let limit = self.limit()?;
        let time = self.value("time").map(timestamp).transpose()?.unwrap_or(now);
        let direction = self.direction()?;
        Ok(QueryRequest::instant(self.query(), time)
            .limit(limit)
            .direction(direction))
    }

    /// The query of the early API: with `regexp` as one more line filter.
    fn legacy_text(&self) -> String {
        let mut query = self.query();
        if let Some(regexp) = self.value("regexp") {
            query.push_str(" |~ ");
            query.push_str(&serde_json::Value::from(regexp).to_string());
        }
        query
    }

    /// What the early `/api/prom/query` is asked: a log query over a range, `regexp` being one more line filter.
    pub(crate) fn legacy_query(&self, now: i64) -> Result<QueryRequest, Error> {
        let range = self.range(now)?;
        let limit = self.limit()?;
        let direction = self.direction()?;
        let query = self.legacy_text();
        let mut request = QueryRequest::range(query, range.start, range.end)
            .limit(limit)
            .direction(direction);
        // A log query has no steps; without this one the range could not exceed 11,000 of them.
        if let Time::Range { step, .. } = &mut request.time {
            *step = range.end.saturating_sub(range.start).max(1);
        }
        Ok(request)
    }

    /// What `tail` is asked.
    pub(crate) fn tail_request(&self, now: i64) -> Result<TailRequest, Error> {
        let TimeRange { start, .. } = self.range(now)?;
        let limit = self.limit()?;
        let delay = self.value("delay_for").map(|text| integer(text, "Atoi")).transpose()?;
        let mut request = TailRequest::new(self.query(), start);
        request.limit = limit;
        request.delay = Period(delay.unwrap_or(0).saturating_mul(SECOND));
        Ok(request)
    }

    /// What the early `/api/prom/tail` is asked.
    pub(crate) fn legacy_tail_request(&self, now: i64) -> Result<TailRequest, Error> {
        let query = self.legacy_text();
        Ok(TailRequest {
            query,
            ..self.tail_request(now)?
        })
    }

    /// What `patterns` is asked: the streams of one selector, which must be there.
    pub(crate) fn pattern_request(&self, now: i64) -> Result<PatternRequest, Error> {
        let range = self.range(now)?;
        let step = self.step(range)?;
        let query = self.value("query").ok_or(Error::NoQuery)?.to_owned();
        Ok(PatternRequest {
            query,
            start: range.start,
            end: range.end,
            step,
        })
    }

    /// What `labels` and label values are asked: the streams of one selector, or all.
    pub(crate) fn label_request(&self, now: i64) -> Result<SeriesRequest, Error> {
        let TimeRange { start, end } = self.range(now)?;
        let selectors = self.value("query").map(str::to_owned).into_iter().collect();
        Ok(SeriesRequest { start, end, selectors })
    }

    /// What `series` is asked: the streams of any of several selectors, or all.
    pub(crate) fn series_request(&self, now: i64) -> Result<SeriesRequest, Error> {
        let TimeRange { start, end } = self.range(now)?;
        let selectors = self
            .values("match")
            .chain(self.values("match[]"))
            .map(str::to_owned)
            .collect();
        Ok(SeriesRequest { start, end, selectors })
    }

    /// What `index/stats` is asked: the streams of one selector, which must be there.
    pub(crate) fn stats_request(&self, now: i64) -> Result<SeriesRequest, Error> {
        let range = self.range(now)?;
        self.step(range)?;
        Ok(SeriesRequest {
            start: range.start,
            end: range.end,
            selectors: vec![self.value("query").ok_or(Error::NoQuery)?.to_owned()],
        })
    }
}

/// `+` and `%XX` undone; what is no UTF-8 then becomes U+FFFD.
fn unescape(text: &[u8]) -> Result<String, Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = tail.get(..2).and_then(|pair| Some(hex(pair[0])? << 4 | hex(pair[1])?));
                let refuse = || {
                    Error::Escape(
                        String::from_utf8_lossy(&text[text.len() - tail.len() - 1..][..(tail.len() + 1).min(3)])
                            .into_owned(),
                    )
                };
                rest = tail.get(2..).unwrap_or_default();
                digits.ok_or_else(refuse)?
            }
            other => other,
        });
    }
    Ok(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A base-10 signed 64-bit integer, with the error of Go's function of that name.
fn integer(text: &str, function: &'static str) -> Result<i64, Error> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| Error::Integer {
        function,
        text: text.to_owned(),
        problem: match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        },
    })
}

/// A time in nanoseconds: seconds with a point, short integers as seconds, long ones as nanoseconds, RFC 3339.
pub(crate) fn timestamp(text: &str) -> Result<i64, Error> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        // Loki keeps milliseconds of a fraction.
        let millis = (seconds.fract() * 1000.0).round() as i64;
        return Ok((seconds.trunc() as i64)
            .saturating_mul(SECOND)
            .saturating_add(millis.saturating_mul(1_000_000)));
    }
    match integer(text, "ParseInt") {
        Ok(number) if text.len() <= 10 => Ok(number.saturating_mul(SECOND)),
        Ok(number) => Ok(number),
        Err(error) => rfc3339(text).ok_or(error),
    }
}

/// A Prometheus duration in nanoseconds: whole numbers, units from large to small.
fn period(text: &str) -> Result<i64, Error> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 24 * 3600 * SECOND),
        ("w", 7 * 24 * 3600 * SECOND),
        ("d", 24 * 3600 * SECOND),
        ("h", 3600 * SECOND),
        ("m", 60 * SECOND),
        ("s", SECOND),
        ("ms", 1_000_000),
    ];
    let refuse = || Error::Period(text.to_owned());
    if text == "0" {
        return Ok(0);
    }
    let (mut rest, mut units, mut total) = (text, &UNITS[..], 0i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
        let number: i64 = rest[..digits].parse().map_err(|_| refuse())?;
        rest = &rest[digits..];
        let length = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let at = units
            .iter()
            .position(|(unit, _)| *unit == &rest[..length])
            .ok_or_else(refuse)?;
        total = number
            .checked_mul(units[at].1)
            .and_then(|nanos| total.checked_add(nanos))
            .ok_or_else(refuse)?;
        units = &units[at + 1..];
        rest = &rest[length..];
    }
    if text.is_empty() { Err(refuse()) } else { Ok(total) }
}

/// A number of seconds or a Prometheus duration, in nanoseconds.
fn duration(text: &str) -> Result<i64, Error> {
    if let Ok(seconds) = text.parse::<f64>()
        && !seconds.is_nan()
    {
        let nanos = seconds * SECOND as f64;
        return if nanos.abs() >= i64::MAX as f64 {
            Err(Error::LongDuration(text.to_owned()))
        } else {
            Ok(nanos as i64)
        };
    }
    period(text).map_err(|_| Error::Duration(text.to_owned()))
}

/// `encodingFlags` of a request: how labels of log lines are to be told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EncodingFlags(pub(crate) Vec<String>);

impl EncodingFlags {
    /// From the value of `X-Loki-Response-Encoding-Flags`.
    pub(crate) fn parse(header: &str) -> EncodingFlags {
        EncodingFlags(
            header
                .split(',')
                .map(str::trim)
                .filter(|flag| !flag.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether stream labels, structured metadata and parsed labels are wanted apart.
    pub(crate) fn categorize(&self) -> bool {
        self.0.iter().any(|flag| flag == "categorize-labels")
    }
}

#[cfg(test)]
mod tests;
