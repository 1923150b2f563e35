//! Which rule group of a tenant is due, and what each has come to.

use super::alert::{AlertState, Life};
use super::group::{Rule, RuleGroup};
use super::status::{RuleGroupMetrics, RuleGroupStatus, RuleHealth, RuleStatus};
use super::tenant_rules::Namespaces;
use crate::Period;
use loki_logql::Labels;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the rule groups of one tenant have come to.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    states: BTreeMap<GroupKey, GroupState>,
    /// The groups that `states` was last cleaned for.
    known: Option<Arc<Namespaces>>,
    /// The last look that found nothing due.
    idle: Option<Idle>,
}

/// A look at all groups that found nothing due: several threads look many times a second.
#[derive(Debug)]
struct Idle {
    default: Period,
    at: i64,
    /// Nothing comes before this time.
    until: Option<i64>,
}

/// A group by namespace and name.
pub(super) type GroupKey = (String, String);

/// What a group has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupState {
    /// When it is evaluated next; none before the first evaluation.
    next: Option<i64>,
    /// Whether somebody evaluates it now.
    is_running: bool,
    pub(super) tally: Tally,
    pub(super) last_evaluation: Option<i64>,
    pub(super) evaluation_nanos: i64,
    pub(super) rules: Vec<RuleState>,
}

/// What was counted of a group since it was first evaluated.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) iterations: u64,
    pub(super) missed: u64,
    pub(super) evaluations: u64,
    pub(super) failures: u64,
    /// Of all iterations.
    pub(super) nanos: i64,
}

/// What a rule has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleState {
    pub(super) rule: Rule,
    pub(super) health: RuleHealth,
    pub(super) last_evaluation: Option<i64>,
    pub(super) evaluation_nanos: i64,
    pub(super) alerts: BTreeMap<Labels, Life>,
    /// The series that a recording rule gave last.
    pub(super) recorded: BTreeSet<Labels>,
}

/// A group to evaluate now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) key: GroupKey,
    pub(super) group: RuleGroup,
    pub(super) interval: i64,
    /// The time that it is evaluated for.
    pub(super) time: i64,
    pub(super) state: GroupState,
}

/// A group while it is evaluated: it goes back to its schedule whatever ends the evaluation, a panic too.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    schedule: &'a Schedule,
    due: Option<Due>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(schedule: &'a Schedule, due: Due) -> Turn<'a> {
        Turn {
            schedule,
            due: Some(due),
        }
    }

    /// Has `evaluate` do its work, which counts unless it was stopped.
    pub(super) fn take<E>(mut self, evaluate: impl FnOnce(&mut Due) -> Result<(), E>) {
        if let Some(due) = &mut self.due
            && evaluate(due).is_ok()
            && let Some(due) = self.due.take()
        {
            self.schedule.finish(due);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(due) = &self.due {
            self.schedule.give_up(due);
        }
    }
}

impl Schedule {
    /// A group that is due at `now`, and when the next of the others will be. It is nobody else's until
    /// [`finish`](Schedule::finish) or [`give_up`](Schedule::give_up).
    ///
    /// Groups are evaluated for times at fixed offsets within their interval, each at another, so that they do not all
    /// come at once; a new one comes at once. Times that were missed are left out and counted.
    pub(super) fn due(&self, namespaces: &Arc<Namespaces>, default: Period, now: i64) -> (Option<Due>, Option<i64>) {
        let mut groups = self.lock();
        let Groups { states, known, idle } = &mut *groups;
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, namespaces)) {
            let there: BTreeSet<(&str, &str)> = namespaces
                .iter()
                .flat_map(|(namespace, groups)| groups.iter().map(|group| (namespace.as_str(), group.name.as_str())))
                .collect();
            states.retain(|key, state| state.is_running || there.contains(&(key.0.as_str(), key.1.as_str())));
            (*known, *idle) = (Some(Arc::clone(namespaces)), None);
        }
        // A clock that was set back makes the last look worthless.
        let is_idle =
            |idle: &&Idle| idle.default == default && idle.at <= now && idle.until.is_none_or(|until| now < until);
        if let Some(idle) = idle.as_ref().filter(is_idle) {
            return (None, idle.until);
        }
        *idle = None;
        let mut soonest: Option<i64> = None;
        for (namespace, groups) in namespaces.iter() {
            for group in groups {
                let key = (namespace.clone(), group.name.clone());
                let interval = interval(group, default);
                let state = states.entry(key.clone()).or_default();
                if state.is_running {
                    continue;
                }
                // A clock that was set back must not keep a group waiting.
                let next = state.next.filter(|next| next.saturating_sub(now) <= interval);
                if let Some(next) = next.filter(|next| *next > now) {
                    soonest = Some(soonest.map_or(next, |soonest| soonest.min(next)));
                    continue;
                }
                let late = next.map_or(0, |next| now.saturating_sub(next));
                state.tally.missed += (late / interval).unsigned_abs();
                state.next = Some(following(&key, interval, now));
                state.is_running = true;
                let due = Due {
                    key,
                    group: group.clone(),
                    interval,
                    time: next.map_or(now, |_| now.saturating_sub(late % interval)),
                    state: state.clone(),
                };
                return (Some(due), Some(now));
            }
        }
        *idle = Some(Idle {
            default,
            at: now,
            until: soonest,
        });
        (None, soonest)
    }

    /// Notes what an evaluation came to.
    pub(super) fn finish(&self, due: Due) {
        let mut groups = self.lock();
        groups.idle = None;
        if let Some(state) = groups.states.get_mut(&due.key) {
            let next = state.next;
            *state = GroupState {
                next,
                is_running: false,
                ..due.state
            };
        }
    }

    /// Leaves a group as it was before an evaluation that was stopped.
    pub(super) fn give_up(&self, due: &Due) {
        let mut groups = self.lock();
        groups.idle = None;
        if let Some(state) = groups.states.get_mut(&due.key) {
            state.is_running = false;
        }
    }

    /// What was counted of the groups, by namespace and name.
    pub(crate) fn metrics(&self, namespaces: &Namespaces, default: Period) -> Vec<RuleGroupMetrics> {
        let states = &self.lock().states;
        let each = |(namespace, group): (&String, &RuleGroup)| {
            let state = states.get(&(namespace.clone(), group.name.clone()));
            let tally = state.map(|state| state.tally).unwrap_or_default();
            RuleGroupMetrics {
                namespace: namespace.clone(),
                name: group.name.clone(),
                interval: Period::nanos(interval(group, default)),
                rules: group.rules.len() as u64,
                iterations: tally.iterations,
                iterations_missed: tally.missed,
                evaluations: tally.evaluations,
                evaluation_failures: tally.failures,
                evaluation_nanos: tally.nanos,
                last_evaluation: state.and_then(|state| state.last_evaluation),
                last_evaluation_nanos: state.map_or(0, |state| state.evaluation_nanos),
            }
        };
        let groups = namespaces
            .iter()
            .flat_map(|(namespace, groups)| groups.iter().map(move |group| (namespace, group)));
        groups.map(each).collect()
    }

    /// What the groups have come to, by namespace and name.
    pub(super) fn status(&self, namespaces: &Namespaces, default: Period) -> Vec<RuleGroupStatus> {
        let states = &self.lock().states;
        let mut all = Vec::new();
        for (namespace, groups) in namespaces {
            let mut groups: Vec<&RuleGroup> = groups.iter().collect();
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            for group in groups {
                let state = states
                    .get(&(namespace.clone(), group.name.clone()))
                    .cloned()
                    .unwrap_or_default();
                all.push(RuleGroupStatus {
                    namespace: namespace.clone(),
                    name: group.name.clone(),
                    interval: Period::nanos(interval(group, default)),
                    limit: group.limit,
                    last_evaluation: state.last_evaluation,
                    evaluation_nanos: state.evaluation_nanos,
                    rules: state
                        .of_rules(&group.rules)
                        .into_iter()
                        .map(RuleState::status)
                        .collect(),
                });
            }
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupState {
    /// The states of `rules`: what is known of a rule goes on where it says what it said.
    pub(super) fn of_rules(&self, rules: &[Rule]) -> Vec<RuleState> {
        let mut known: Vec<&RuleState> = self.rules.iter().collect();
        let state = |rule: &Rule| match known.iter().position(|state| state.rule == *rule) {
            Some(place) => known.remove(place).clone(),
            None => RuleState {
                rule: rule.clone(),
                ..RuleState::default()
            },
        };
        rules.iter().map(state).collect()
    }
}

impl RuleState {
    fn status(self) -> RuleStatus {
        let active = self
            .alerts
            .into_values()
            .filter(|life| life.alert.state != AlertState::Resolved);
        RuleStatus {
            rule: self.rule,
            health: self.health,
            last_evaluation: self.last_evaluation,
            evaluation_nanos: self.evaluation_nanos,
            alerts: active.map(|life| life.alert).collect(),
        }
    }
}

fn interval(group: &RuleGroup, default: Period) -> i64 {
    let interval = if group.interval > Period::ZERO {
        group.interval
    } else {
        default
    };
    interval.as_nanos().max(1)
}

/// The first time behind `now` at which a group comes.
fn following(key: &GroupKey, interval: i64, now: i64) -> i64 {
    let hash = xxhash_rust::xxh3::xxh3_64(format!("{}\0{}", key.0, key.1).as_bytes());
    let offset = (hash % interval.unsigned_abs()) as i64;
    let since = now.saturating_sub(offset).rem_euclid(interval);
    now.saturating_sub(since).saturating_add(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_group() -> Arc<Namespaces> {
        let group = RuleGroup {
            name: "g".to_owned(),
            ..RuleGroup::default()
        };
        Arc::new([("n".to_owned(), vec![group])].into())
    }

    const INTERVAL: Period = Period::nanos(1000);

    #[test]
    fn a_new_group_comes_at_once_and_then_once_an_interval() {
        let (namespaces, schedule) = (one_group(), Schedule::default());
        let mut times = Vec::new();
        for now in 5000..9000 {
            while let (Some(due), _) = schedule.due(&namespaces, INTERVAL, now) {
                assert_eq!(due.time, now);
                times.push(now);
                schedule.finish(due);
            }
        }
        assert_eq!(times[0], 5000);
        assert_eq!(times.len(), 5);
        assert!(times[1..].windows(2).all(|pair| pair[1] - pair[0] == 1000), "{times:?}");
        assert_eq!(schedule.metrics(&namespaces, INTERVAL)[0].iterations_missed, 0);
    }

    #[test]
    fn times_that_were_missed_are_counted_and_a_late_evaluation_is_for_the_time_that_it_was_due_at() {
        let (namespaces, schedule) = (one_group(), Schedule::default());
        let take = |now| schedule.due(&namespaces, INTERVAL, now);
        schedule.finish(take(5000).0.expect("it is new"));
        let (nothing, next) = take(5000);
        let next = next.expect("it will come again");
        assert!(nothing.is_none() && (5001..=6000).contains(&next));
        // Three times pass, and a part of the fourth interval.
        let due = take(next + 3500).0.expect("it is late");
        assert_eq!(due.time, next + 3000);
        assert_eq!(schedule.metrics(&namespaces, INTERVAL)[0].iterations_missed, 3);
        // While it is evaluated it is nobody else's, however long that takes.
        assert!(take(next + 9000).0.is_none());
        schedule.finish(due);
        let due = take(next + 9000).0.expect("it is late again");
        assert_eq!(due.time, next + 9000);
        schedule.give_up(&due);
        // The clock is set back.
        let due = take(next - 5000).0.expect("it does not wait");
        assert_eq!(due.time, next - 5000);
        schedule.finish(due);
        // Also where a look found nothing due meanwhile.
        assert!(take(next - 4999).0.is_none());
        assert!(take(next - 9000).0.is_some());
    }

    #[test]
    fn a_group_whose_evaluation_panics_or_is_stopped_comes_again() {
        let (namespaces, schedule) = (one_group(), Schedule::default());
        let turn = |now| {
            Turn::new(
                &schedule,
                schedule.due(&namespaces, INTERVAL, now).0.expect("it is due"),
            )
        };
        let panic = || turn(5000).take(|_| -> Result<(), ()> { panic!("an evaluation went wrong") });
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panic)).expect_err("it panics");
        turn(6000).take(|_| Err("stopped"));
        turn(7000).take(|due| {
            due.state.tally.iterations += 1;
            Ok::<_, ()>(())
        });
        assert_eq!(schedule.metrics(&namespaces, INTERVAL)[0].iterations, 1);
        turn(8000);
    }

    #[test]
    fn a_group_that_comes_or_changes_its_interval_is_seen_at_once() {
        let (namespaces, schedule) = (one_group(), Schedule::default());
        schedule.finish(schedule.due(&namespaces, INTERVAL, 5000).0.expect("it is new"));
        assert!(schedule.due(&namespaces, INTERVAL, 5000).0.is_none());
        let mut more = (*namespaces).clone();
        more.insert("m".to_owned(), namespaces["n"].clone());
        let more = Arc::new(more);
        let due = schedule.due(&more, INTERVAL, 5000).0.expect("it is new");
        assert_eq!(due.key.0, "m");
        schedule.finish(due);
        assert!(schedule.due(&more, INTERVAL, 5000).0.is_none());
        // What is gone is forgotten: it is new when it comes back.
        assert!(schedule.due(&namespaces, INTERVAL, 5000).0.is_none());
        assert!(schedule.due(&more, INTERVAL, 5000).0.is_some());
        let shorter = Period::nanos(1);
        assert!(
            schedule.due(&namespaces, shorter, 5000).0.is_some(),
            "its next time is too far off now"
        );
    }
}
