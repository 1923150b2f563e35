//! The work that is due now and then: flush, compact, expire.

use crate::compact::{Choice, Goals, choose, rewrite};
use crate::engine::Inner;
use crate::tenants::TenantState;
use crate::{Engine, Error, Limits, Period, Settings, TenantId};
use loki_logql::Labels;
use loki_logql::ast::{MatchOp, Matcher};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// What a call of [`Engine::maintain`] did, and when it wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance {
    /// Whether something was done; then more may be due at once.
    pub worked: bool,
    /// The next time (nanoseconds) at which something will be due, as far as can be told.
    pub next: i64,
}

impl Engine {
    /// Does one step of the work that is due at `now`: a flush, a merge, a drop of what is too old. Pushes and queries
    /// go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io): nothing is lost, the step is tried again by a later call.
    /// [`Corrupt`](crate::ErrorKind::Corrupt), [`Closed`](crate::ErrorKind::Closed).
    pub fn maintain(&self, now: i64) -> Result<Maintenance, Error> {
        let inner = &*self.0;
        inner.check_open()?;
        let settings = inner.settings();
        let next_sync = inner.wal.tick(now)?;
        inner.patterns.forget(now);
        let mut worked = false;
        if inner.flush_is_due(&settings, now) {
            inner.flush()?;
            worked = true;
        } else {
            let _turn = inner.compact_turn.lock().unwrap_or_else(PoisonError::into_inner);
            for (tenant, state) in inner.tenants.all() {
                if inner.compact(&settings, &tenant, &state, now)? {
                    worked = true;
                    break;
                }
            }
        }
        let later = now.saturating_add(settings.retention_interval.as_nanos());
        let due = [next_sync, inner.next_flush(&settings)].into_iter().flatten();
        let next = if worked {
            now
        } else {
            due.fold(later, i64::min).max(now)
        };
        Ok(Maintenance { worked, next })
    }
}

impl Inner {
    /// Does one step for one tenant; answers whether there was one to do.
    fn compact(&self, settings: &Settings, tenant: &TenantId, state: &TenantState, now: i64) -> Result<bool, Error> {
        let retention = Retention::new(settings.limits(tenant), now);
        let live = state.store.live();
        let metas: Vec<_> = live.iter().map(|segment| segment.meta().clone()).collect();
        let goals = Goals {
            target_bytes: settings.target_segment_bytes.0,
            cutoff: retention.earliest(),
        };
        match choose(&metas, goals) {
            Choice::Nothing => return Ok(false),
            Choice::Drop(old) => state.store.replace(&old, None, |_| Ok(()))?,
            Choice::Merge(numbers) => {
                let chosen: Vec<_> = live
                    .iter()
                    .filter(|s| numbers.contains(&s.meta().number))
                    .map(Arc::clone)
                    .collect();
                state.store.replace(&numbers, None, |writer| {
                    rewrite(&chosen, &|labels| retention.cutoff(labels), settings, writer)
                })?;
            }
        }
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }
}

/// How long the streams of one tenant are kept.
#[derive(Debug)]
struct Retention {
    now: i64,
    default: Period,
    /// Matchers, priority and period of each rule that parses.
    rules: Vec<(Vec<Matcher>, i64, Period)>,
}

impl Retention {
    fn new(limits: &Limits, now: i64) -> Retention {
        let rules = limits.retention_stream.iter().filter_map(|rule| {
            let selector = loki_logql::parse_selector(&rule.selector).ok()?;
            Some((selector.matchers, rule.priority, rule.period))
        });
        Retention {
            now,
            default: limits.retention_period,
            rules: rules.collect(),
        }
    }

    /// Before this timestamp the entries of a stream are too old.
    fn cutoff(&self, labels: &Labels) -> i64 {
        let chosen = self
            .rules
            .iter()
            .filter(|(matchers, _, _)| matchers.iter().all(|matcher| matches(matcher, labels)))
            .max_by_key(|(_, priority, period)| (*priority, std::cmp::Reverse(*period)));
        self.before(chosen.map_or(self.default, |(_, _, period)| *period))
    }

    /// Before this timestamp the entries of every stream are too old.
    fn earliest(&self) -> i64 {
        let periods = self.rules.iter().map(|(_, _, period)| *period).chain([self.default]);
        periods.map(|period| self.before(period)).min().unwrap_or(i64::MIN)
    }

    fn before(&self, period: Period) -> i64 {
        if period > Period::ZERO {
            self.now.saturating_sub(period.as_nanos())
        } else {
            i64::MIN
        }
    }
}

fn matches(matcher: &Matcher, labels: &Labels) -> bool {
    let value = labels.value(&matcher.name).unwrap_or("");
    let operand = matcher.value.to_str();
    match matcher.op {
        MatchOp::Equal => operand == value,
        MatchOp::NotEqual => operand != value,
        MatchOp::Regex | MatchOp::NotRegex => {
            let Ok(predicate) = loki_logql::matcher_regex(&operand)
                .map_err(drop)
                .and_then(|regex| loki_index::Predicate::regex(&matcher.name, &regex).map_err(drop))
            else {
                return false;
            };
            predicate.matches(value) == (matcher.op == MatchOp::Regex)
        }
    }
}
