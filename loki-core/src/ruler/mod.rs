//! Rules: queries that are evaluated again and again, to keep their results or to raise alerts.
//!
//! - `group`: what a rule group says, and what is wrong with one;
//! - `tenant_rules`: the groups of a tenant, durable;
//! - `alert`: the life of an alert, from pending to resolved;
//! - `schedule`: which group is due, and what each has come to;
//! - `evaluate`: one evaluation of one group;
//! - `texts`: labels and annotations, as templates;
//! - `status`: what the groups have come to, for whoever asks;
//! - `notify`: the seam to whoever delivers alerts and samples;
//! - `calls`: the engine's calls.

mod alert;
mod calls;
mod evaluate;
mod group;
mod notify;
mod schedule;
mod status;
mod tenant_rules;
mod texts;

pub use alert::{Alert, AlertState};
pub use group::{Rule, RuleGroup};
pub use notify::{AlertNotice, Notify, RuleSample};
pub use status::{RuleGroupMetrics, RuleGroupStatus, RuleHealth, RuleStatus};

pub(crate) use notify::Notifier;
pub(crate) use schedule::Schedule;
pub(crate) use tenant_rules::TenantRules;
