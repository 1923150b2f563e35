//! What rules have come to.

use super::alert::{Alert, AlertState};
use super::group::Rule;
use crate::Period;

/// What a rule group has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleGroupStatus {
    /// The namespace that it is in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How often it is evaluated.
    pub interval: Period,
    /// A rule that gives more series or alerts fails; 0: no limit.
    pub limit: u64,
    /// When it was last evaluated, in nanoseconds; none: not yet.
    pub last_evaluation: Option<i64>,
    /// How long that took, in nanoseconds.
    pub evaluation_nanos: i64,
    /// Its rules.
    pub rules: Vec<RuleStatus>,
}

/// What was counted of a rule group since it was first evaluated by this engine.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleGroupMetrics {
    /// The namespace that it is in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How often it is evaluated.
    pub interval: Period,
    /// How many rules it has.
    pub rules: u64,
    /// How often it was evaluated.
    pub iterations: u64,
    /// Times at which it should have been evaluated and was not.
    pub iterations_missed: u64,
    /// Evaluations of its rules.
    pub evaluations: u64,
    /// Of those, how many failed.
    pub evaluation_failures: u64,
    /// How long all iterations took, in nanoseconds.
    pub evaluation_nanos: i64,
    /// The time that it was last evaluated for, in nanoseconds; none: not yet.
    pub last_evaluation: Option<i64>,
    /// How long that took, in nanoseconds.
    pub last_evaluation_nanos: i64,
}

/// What a rule has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleStatus {
    /// What it says.
    pub rule: Rule,
    /// Whether it can be evaluated.
    pub health: RuleHealth,
    /// When it was last evaluated, in nanoseconds; none: not yet.
    pub last_evaluation: Option<i64>,
    /// How long that took, in nanoseconds.
    pub evaluation_nanos: i64,
    /// Its alerts that are pending or fire.
    pub alerts: Vec<Alert>,
}

impl RuleStatus {
    /// The state of an alerting rule: the furthest that one of its alerts has come to; none: inactive.
    pub fn state(&self) -> Option<AlertState> {
        self.alerts.iter().map(|alert| alert.state).max()
    }
}

/// Whether a rule can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RuleHealth {
    /// It was not evaluated yet.
    #[default]
    Unknown,
    /// The last evaluation succeeded.
    Ok,
    /// The last evaluation failed, for this reason.
    Failed(String),
}
