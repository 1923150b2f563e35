//! Which rule group of a tenant is due, and what each has come to.

use super::alert::{AlertState, Life};
use super::group::{Rule, RuleGroup};
use super::status::{RuleGroupStatus, RuleHealth, RuleStatus};
use super::tenant_rules::Namespaces;
use crate::Period;
use loki_logql::Labels;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the rule groups of one tenant have come to.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    groups: Mutex<BTreeMap<GroupKey, GroupState>>,
}

/// A group by namespace and name.
pub(super) type GroupKey = (String, String);

/// What a group has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupState {
    /// When it is evaluated next.
    next: i64,
    pub(super) last_evaluation: Option<i64>,
    pub(super) evaluation_nanos: i64,
    pub(super) rules: Vec<RuleState>,
}

/// What a rule has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleState {
    pub(super) rule: Rule,
    pub(super) health: RuleHealth,
    pub(super) last_evaluation: Option<i64>,
    pub(super) evaluation_nanos: i64,
    pub(super) alerts: BTreeMap<Labels, Life>,
}

/// A group to evaluate now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) key: GroupKey,
    pub(super) group: RuleGroup,
    pub(super) interval: i64,
    pub(super) state: GroupState,
}

impl Schedule {
    /// A group that is due at `now`, and when the next of the others will be.
    ///
    /// Groups are evaluated at fixed offsets within their interval, each at another, so that they do not all come at
    /// once; a new one comes at once. Evaluations that were missed are left out.
    pub(super) fn due(&self, namespaces: &Namespaces, default: Period, now: i64) -> (Option<Due>, Option<i64>) {
        let mut states = self.lock();
        let is_there = |key: &GroupKey| {
            namespaces
                .get(&key.0)
                .is_some_and(|groups| groups.iter().any(|g| g.name == key.1))
        };
        states.retain(|key, _| is_there(key));
        let mut next: Option<i64> = None;
        for (namespace, groups) in namespaces {
            for group in groups {
                let key = (namespace.clone(), group.name.clone());
                let interval = interval(group, default);
                let state = states.entry(key.clone()).or_default();
                if state.next <= now {
                    state.next = following(&key, interval, now);
                    let due = Due {
                        key,
                        group: group.clone(),
                        interval,
                        state: state.clone(),
                    };
                    return (Some(due), Some(now));
                }
                next = Some(next.map_or(state.next, |next| next.min(state.next)));
            }
        }
        (None, next)
    }

    /// Notes what an evaluation came to.
    pub(super) fn finish(&self, due: Due) {
        let mut states = self.lock();
        if let Some(state) = states.get_mut(&due.key) {
            let next = state.next;
            *state = GroupState { next, ..due.state };
        }
    }

    /// What the groups have come to, by namespace and name.
    pub(super) fn status(&self, namespaces: &Namespaces, default: Period) -> Vec<RuleGroupStatus> {
        let states = self.lock();
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

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GroupKey, GroupState>> {
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

    #[test]
    fn a_new_group_comes_at_once_and_then_once_an_interval() {
        let group = RuleGroup {
            name: "g".to_owned(),
            ..RuleGroup::default()
        };
        let namespaces: Namespaces = [("n".to_owned(), vec![group])].into();
        let schedule = Schedule::default();
        let interval = 1000;
        let mut times = Vec::new();
        for now in 5000..9000 {
            while let (Some(due), _) = schedule.due(&namespaces, Period::nanos(interval), now) {
                times.push(now);
                schedule.finish(due);
            }
        }
        assert_eq!(times[0], 5000);
        assert_eq!(times.len(), 5);
        assert!(
            times[1..].windows(2).all(|pair| pair[1] - pair[0] == interval),
            "{times:?}"
        );
    }
}
